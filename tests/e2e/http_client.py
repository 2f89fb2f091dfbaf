"""HTTP/1.1 as raw as a test needs it, and MCP conversations over it.

Connection speaks on one socket (TCP or Unix), keeps it for further requests, and can be cut at any byte. Streamable and
Sse are conversations like client.Client; Streamable goes on where it was when its connections break, as the protocol
says, and can be told to break them.
"""
import collections
import json
import select
import socket
import struct
import threading
import time

from client import PATIENCE, Conversation, Missing, compact, id_key, parse

BOTH = "application/json, text/event-stream"
RETRY_MS = 1000  # Until the server says otherwise.


class HungUp(Exception):
    """The connection is over: the peer closed it, or we cut it."""


Event = collections.namedtuple("Event", "type data id retry")
# Where to connect through TLS: `context` is the client's, `name` whom the certificate must name.
Tls = collections.namedtuple("Tls", "address port context name")


class Answer:
    """A status line, fields and, unless it is a stream, a whole body."""

    def __init__(self, connection, status, reason, fields):
        self.connection, self.status, self.reason, self.fields = connection, status, reason, fields
        self.body = b""
        self.comments = 0
        self._rest, self._blocks = b"", None

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name, otherwise=None):
        return (self.all(name) or [otherwise])[0]

    @property
    def is_stream(self):
        return (self.get("content-type") or "").split(";")[0].strip() == "text/event-stream"

    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return parse(self.body)

    # --- the body

    def blocks(self):
        """The body as it comes."""
        wire = self.connection
        if "chunked" in (self.get("transfer-encoding") or ""):
            while size := int(wire.line().split(b";")[0], 16):
                while size:
                    block = wire.some(size)
                    size -= len(block)
                    yield block
                wire.line()
            while wire.line():
                pass  # Trailers.
        elif self.get("content-length") is not None:
            left = int(self.get("content-length"))
            while left:
                block = wire.some(left)
                left -= len(block)
                yield block
        elif self.status not in (204, 304) and self.status >= 200:
            wire.reusable = False
            while block := wire.some_or_end():
                yield block
        if (self.get("connection") or "").lower() == "close":
            wire.reusable = False

    def next_event(self, seconds=PATIENCE):
        """The next event of a stream; None when it has ended in order, HungUp when it was cut."""
        self.connection.patience(seconds)
        if self._blocks is None:
            self._blocks = self.blocks()
        fields = {"event": "message", "data": [], "id": None, "retry": None}
        while True:
            line = self._line()
            if line is None:
                return None
            if line == "":
                if fields["data"] or fields["id"] is not None or fields["retry"] is not None:
                    return Event(fields["event"], "\n".join(fields["data"]), fields["id"], fields["retry"])
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "":
                self.comments += 1
            elif name == "data":
                fields["data"].append(value)
            elif name == "retry":
                fields["retry"] = int(value)
            else:
                fields[name] = value

    def _line(self):
        while b"\n" not in self._rest:
            block = next(self._blocks, None)
            if block is None:
                return None
            self._rest += block
        line, self._rest = self._rest.split(b"\n", 1)
        return line.removesuffix(b"\r").decode()

    def events(self, seconds=PATIENCE):
        """Every event until the stream's end."""
        while (event := self.next_event(seconds)) is not None:
            yield event

    def messages(self, seconds=PATIENCE):
        """What the answer says in JSON-RPC, stream or not."""
        if self.is_stream:
            return [parse(event.data) for event in self.events(seconds) if event.data]
        body = self.json()
        return body if isinstance(body, list) else [body]


class Connection:
    """`where`: a port of 127.0.0.1, (address, port), a Tls, or the path of a Unix socket."""

    def __init__(self, where):
        tls = where if isinstance(where, Tls) else None
        self.where = ("127.0.0.1", where) if isinstance(where, int) else where[:2] if tls else where
        unix = isinstance(self.where, str)
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.socket.settimeout(PATIENCE)
        if tls:
            self.socket = tls.context.wrap_socket(self.socket, server_hostname=tls.name)
        self.socket.connect(self.where)
        if not unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = "localhost" if unix else "%s:%d" % (tls.name if tls else self.where[0], self.where[1])
        self.buffer = b""
        self.reusable = True
        self.budget = None  # Bytes to read until the connection is cut.
        self.over = False

    # --- bytes

    def patience(self, seconds):
        if not self.over:
            self.socket.settimeout(seconds)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _receive(self):
        """More into the buffer; False at the end."""
        if self.over:
            raise HungUp("cut")
        try:
            data = self.socket.recv(65536 if self.budget is None else max(1, min(65536, self.budget)))
        except TimeoutError:
            raise Missing("nothing came within %s s; unread: %r" % (self.socket.gettimeout(), self.buffer[-300:])) from None
        except OSError as error:
            raise HungUp(str(error)) from None
        if self.budget is not None:
            self.budget -= len(data)
            if self.budget <= 0:
                self.cut()
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self._receive():
                raise HungUp("closed after %r" % self.buffer[-300:])
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def some_or_end(self, most=1 << 20):
        """At least a byte; nothing at the end."""
        if not self.buffer:
            self._receive()
        data, self.buffer = self.buffer[:most], self.buffer[most:]
        return data

    def some(self, most):
        data = self.some_or_end(most)
        if not data:
            raise HungUp("closed in the middle of a body")
        return data

    # --- requests

    def head(self, method, target, fields=None, length=None):
        """A head as text. A field that is None is left out."""
        all_fields = {"Host": self.host, **({} if length is None else {"Content-Length": str(length)}), **(fields or {})}
        lines = ["%s %s HTTP/1.1" % (method, target)]
        lines += ["%s: %s" % (name, value) for name, value in all_fields.items() if value is not None]
        return "\r\n".join(lines) + "\r\n\r\n"

    def start(self, method, target, fields=None, body=None):
        if body is not None:
            body = body if isinstance(body, bytes) else (body if isinstance(body, str) else compact(body)).encode()
            fields = {"Content-Type": "application/json", **(fields or {})}
        head = self.head(method, target, {"Accept": BOTH, **(fields or {})}, None if body is None else len(body))
        self.send(head.encode("latin-1") + (body or b""))

    def answer(self, seconds=PATIENCE):
        """The next answer; whole, unless it is a stream."""
        self.patience(seconds)
        while True:
            version, status, *reason = self.line().decode("latin-1").split(" ", 2)
            assert version in ("HTTP/1.1", "HTTP/1.0"), version
            fields = []
            while line := self.line():
                name, _, value = line.decode("latin-1").partition(":")
                fields.append((name.strip().lower(), value.strip()))
            answer = Answer(self, int(status), "".join(reason), fields)
            if answer.status >= 200:
                break
        if not answer.is_stream:
            answer.body = b"".join(answer.blocks())
        return answer

    def request(self, method, target, fields=None, body=None, seconds=PATIENCE):
        self.start(method, target, fields, body)
        return self.answer(seconds)

    # --- ending

    def has_ended(self):
        """Whether the peer has closed it, or said what nobody asked for: it is not to be used again."""
        watch = select.poll()
        watch.register(self.socket, select.POLLIN)
        return bool(watch.poll(0))

    def hung_up(self, seconds=PATIENCE):
        """Whether the peer closes the connection within that time; what it says before that is kept in buffer."""
        self.patience(seconds)
        try:
            while self._receive():
                pass
        except Missing:
            return False
        except HungUp:
            pass
        return True

    def cut(self):
        """As a network does that breaks: with a reset."""
        if not self.over:
            self.over = True
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._shutdown(socket.SHUT_RD)
            self.socket.close()

    def _shutdown(self, how):
        """Wakes a thread that reads; before that a closed socket lives on."""
        try:
            self.socket.shutdown(how)
        except OSError:
            pass

    def close(self):
        if not self.over:
            self.over = True
            self._shutdown(socket.SHUT_RDWR)
            self.socket.close()


class Streamable(Conversation):
    """Streamable HTTP. Requests are posted on connections that are kept; each answer is read by a thread of its own.

    `cuts`: called for each connection on which a stream has come far enough to be resumed; says after how many further
    bytes it is to break, or None.
    """

    def __init__(self, where, target, label="HTTP", fields=None, cuts=lambda: None):
        super().__init__(label)
        self.where, self.target, self.fields, self.cuts = where, target, dict(fields or {}), cuts
        self.session = None        # Mcp-Session-Id
        self.revision = None
        self.idle = []             # Connections that can be used again.
        self.open = set()          # All of them.
        self.event_ids = []        # Of every event that says something, in the order of their coming.
        self.resumed = 0
        self.refusals = []         # Answers of other statuses than were to be expected.
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    # --- connections

    def _connection(self, fresh=False):
        while not fresh:
            with self.lock:
                if not self.idle:
                    break
                connection = self.idle.pop()
            if not connection.has_ended():
                return connection
            connection.close()
        connection = Connection(self.where)
        with self.lock:
            self.open.add(connection)
        return connection

    def _done_with(self, connection):
        with self.lock:
            usable = connection.reusable and connection.budget is None and not connection.over
            if usable and not self.stopped.is_set():
                self.idle.append(connection)
                return
            self.open.discard(connection)
        connection.close()

    def headers(self, **more):
        fields = dict(self.fields)
        if self.session is not None:
            fields["Mcp-Session-Id"] = self.session
        if self.revision is not None:
            fields["MCP-Protocol-Version"] = self.revision
        return {**fields, **more}

    # --- posting

    def write_line(self, text):
        message = parse(text)
        wants_answer = any("method" in one and "id" in one for one in (message if isinstance(message, list) else [message]))
        connection = self._post(text if isinstance(text, bytes) else text.encode())
        if wants_answer:
            threading.Thread(target=self._read_answer, args=(connection, message), daemon=True).start()
            return
        answer = connection.answer()
        self._done_with(connection)
        if answer.status != 202:
            self.refusals.append(answer)
            raise AssertionError("%s: %s was answered with %d: %s" % (self.label, text, answer.status, answer.text()))

    def _post(self, body):
        connection = self._connection()
        connection.start("POST", self.target, self.headers(), body)
        return connection

    def _read_answer(self, connection, message):
        asked = message if isinstance(message, list) else [message]
        ids = {id_key(one["id"]) for one in asked if "id" in one and "method" in one}
        try:
            answer = connection.answer(seconds=None)
            if asked[0].get("method") == "initialize" and answer.get("mcp-session-id"):
                self.session = answer.get("mcp-session-id")
            if answer.is_stream:
                self._follow(answer, ids)
            elif answer.status == 200:
                self._done_with(connection)
                self._take(answer.body)
            else:
                self._done_with(connection)
                self._refused(answer, ids)
        except HungUp as reason:
            self._lost(ids, "the connection broke before its answer: %s" % reason)

    def _refused(self, answer, ids):
        """Ends the calls whose answers will never come."""
        self.refusals.append(answer)
        self._lost(ids, "HTTP %d: %s" % (answer.status, answer.text()))

    def _lost(self, ids, why):
        if not self.stopped.is_set():
            for key in ids:
                self._take(b'{"jsonrpc":"2.0","id":%s,"error":{"code":0,"message":%s}}' % (
                    key.encode(), json.dumps(why).encode()))

    # --- streams

    def _follow(self, answer, ids):
        """A stream to its end, or to the answers to these ids, over as many connections as it takes."""
        last, retry = None, RETRY_MS
        while not self.stopped.is_set():
            try:
                while (event := answer.next_event(None)) is not None:
                    if event.id is not None:
                        last = event.id
                        if event.data:
                            self.event_ids.append(event.id)
                        if answer.connection.budget is None:
                            answer.connection.budget = self.cuts()
                    retry = event.retry if event.retry is not None else retry
                    if event.data:
                        self._take(event.data.encode())
                self._done_with(answer.connection)
            except HungUp:
                self._done_with(answer.connection)
            if ids and all(self.responses[key] for key in ids):
                return
            if last is None:
                return self._lost(ids, "the stream ended without the answer, and without an event id")
            if self.stopped.wait(retry / 1000):
                return
            answer = self._resume(last, ids)
            if answer is None:
                return

    def _resume(self, last, ids):
        self.resumed += 1
        deadline = time.monotonic() + PATIENCE
        while not self.stopped.is_set():
            try:
                connection = self._connection(fresh=True)
                answer = connection.request("GET", self.target, self.headers(**{"Last-Event-ID": last}))
                if answer.is_stream:
                    return answer
                return self._refused(answer, ids)
            except (OSError, HungUp) as reason:  # Perhaps there is no daemon at the moment.
                if time.monotonic() > deadline:
                    return self._lost(ids, "could not be resumed: %s" % reason)
                self.stopped.wait(0.05)
        return None

    def listen(self):
        """Opens the GET stream; returns its answer once its head is here."""
        connection = self._connection(fresh=True)
        answer = connection.request("GET", self.target, self.headers())
        if answer.is_stream:
            threading.Thread(target=self._follow, args=(answer, set()), daemon=True).start()
        return answer

    # --- MCP

    def initialize(self, revision="2025-11-25", capabilities=None, name="testbed", seconds=PATIENCE):
        result = self.request("initialize", {"protocolVersion": revision, "capabilities": capabilities or {},
                                             "clientInfo": {"name": name, "version": "1"}}, seconds)
        if result["protocolVersion"] >= "2025-06-18":
            self.revision = result["protocolVersion"]
        self.notify("notifications/initialized")
        return result

    def raw(self, method="POST", body=None, target=None, **fields):
        """One request on a connection of its own, with the session's fields; its answer."""
        connection = self._connection(fresh=True)
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        return connection.request(method, target or self.target, self.headers(**fields), body)

    # --- ending

    def close(self):
        """Ends the session; the status of its DELETE."""
        status = self.raw("DELETE").status
        self.dispose()
        return status

    def dispose(self):
        self.stopped.set()
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            connection.close()
        self._end()


class Sse(Conversation):
    """HTTP+SSE (2024-11-05): the session is the GET connection."""

    def __init__(self, where, target, label="SSE", fields=None):
        super().__init__(label)
        self.where, self.fields = where, dict(fields or {})
        self.connection = Connection(where)
        self.answer = self.connection.request("GET", target, {"Accept": "text/event-stream", **self.fields})
        self.endpoint = None
        if self.answer.is_stream:
            first = self.answer.next_event()
            assert first.type == "endpoint", first
            self.endpoint = first.data
            self.posts = Connection(where)
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while (event := self.answer.next_event(None)) is not None:
                self._take(event.data.encode())
        except (HungUp, OSError):  # OSError: closed by ourselves meanwhile.
            pass
        self._end()

    def write_line(self, text):
        with self.write_lock:
            answer = self.posts.request("POST", self.endpoint, self.fields, text)
        if answer.status != 202:
            raise AssertionError("%s: %s was answered with %d: %s" % (self.label, text, answer.status, answer.text()))

    def close(self):
        self.dispose()

    def dispose(self):
        self.connection.close()
        if self.endpoint is not None:
            self.posts.close()
