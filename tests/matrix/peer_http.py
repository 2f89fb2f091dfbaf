"""The three ways over HTTP that a peer server can be spoken to: HTTP+SSE, Streamable HTTP, and that of 2026-07-28."""
import base64
import http.server
import json
import queue
import select
import socket
import threading
import uuid

from revisions import MODERN, VERSION

END = object()
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId", "tasks/update": "taskId",
         "tasks/cancel": "taskId"}
REFUSED_WITH = {-32601: 404, -32022: 400, -32020: 400}


class Stream(queue.Queue):
    """What is to be said on one answer."""

    def say(self, message):
        self.put(message)

    def end(self):
        self.put(END)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def plain(self, status, body=None, **fields):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, code, message, number=None, data=None):
        error = {"code": code, "message": message, **({} if data is None else {"data": data})}
        self.plain(status, {"jsonrpc": "2.0", "id": number, "error": error})

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def event(self, data, kind="message"):
        chunk = ("event: %s\ndata: %s\n\n" % (kind, data)).encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.flush()

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def gone(self):
        """Whether the client has closed the connection."""
        readable = select.select([self.connection], [], [], 0)[0]
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def pump(self, stream, on_gone=lambda: None):
        """Says what comes until the end, or until nobody listens any more."""
        try:
            while True:
                try:
                    message = stream.get(timeout=0.02)
                except queue.Empty:
                    if not self.gone():
                        continue
                    break
                if message is END:
                    return self.end_stream()
                self.event(json.dumps(message))
        except OSError:
            pass
        self.close_connection = True
        return on_gone()

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def in_background(self, session, message, stream):
        def run():
            self.owner.take(session, message, stream.say)
            stream.end()
        threading.Thread(target=run, daemon=True).start()


class Streamable(Handler):
    """2025-03-26 to 2025-11-25."""

    def session(self):
        session = self.owner.of.get(self.headers.get("Mcp-Session-Id"))
        version = self.headers.get("MCP-Protocol-Version")
        if session is None:
            self.refuse(404 if self.headers.get("Mcp-Session-Id") else 400, -32001, "there is no such session")
        elif version != self.owner.revision and (self.owner.revision >= "2025-06-18" or version is not None):
            self.refuse(400, -32000, "MCP-Protocol-Version is %s, not %s" % (version, self.owner.revision))
        else:
            return session
        return None

    def do_POST(self):
        message = self.body()
        fields = {}
        if message.get("method") == "initialize" and VERSION not in message["params"].get("_meta", {}):
            stream = Stream()
            session = self.owner.session(stream.say)
            session.stream = stream
            fields["Mcp_Session_Id"] = uuid.uuid4().hex
            self.owner.of[fields["Mcp_Session_Id"]] = session
        else:
            session = self.session()
        if session is None:
            return None
        if "method" not in message or "id" not in message:
            self.owner.take(session, message, None)
            return self.plain(202)
        if message["method"] == "initialize":
            said = []
            self.owner.take(session, message, said.append)
            return self.plain(200, said[0], **fields)
        stream = Stream()
        self.in_background(session, message, stream)
        self.begin_stream()
        return self.pump(stream)

    def do_GET(self):
        session = self.session()
        if session is not None:
            self.begin_stream()
            self.pump(session.stream)

    def do_DELETE(self):
        session = self.session()
        if session is not None:
            del self.owner.of[self.headers["Mcp-Session-Id"]]
            self.owner.leave(session)
            self.plain(200)


class Sse(Handler):
    """2024-11-05."""

    def do_GET(self):
        if self.path != "/sse":
            return self.plain(404)
        stream, number = Stream(), uuid.uuid4().hex
        session = self.owner.session(stream.say)
        self.owner.of[number] = (session, stream)
        self.begin_stream()
        self.event("/message?s=" + number, "endpoint")
        return self.pump(stream, lambda: (self.owner.leave(session), self.owner.of.pop(number)))

    def do_POST(self):
        message = self.body()
        session, stream = self.owner.of.get(self.path.partition("/message?s=")[2], (None, None))
        if session is None:
            return self.plain(405 if self.path == "/sse" else 404)
        self.plain(202)
        if "method" in message and "id" in message:
            threading.Thread(target=self.owner.take, args=(session, message, stream.say), daemon=True).start()
            return None
        return self.owner.take(session, message, stream.say)


def decoded(value):
    if value is None or not value.startswith("=?base64?"):
        return value
    return base64.b64decode(value[9:-2]).decode()


class Modern(Handler):
    """2026-07-28."""

    def do_GET(self):
        self.plain(405, Allow="POST")

    do_DELETE = do_GET

    def fault(self, message):
        """What is wrong with the headers; nothing if nothing is."""
        params = message.get("params") or {}
        wanted = {"MCP-Protocol-Version": (params.get("_meta") or {}).get(VERSION), "Mcp-Method": message["method"]}
        if message["method"] in NAMED:
            wanted["Mcp-Name"] = params.get(NAMED[message["method"]])
        if message["method"] == "tools/call" and params.get("name") == "echo":
            wanted["Mcp-Param-Region"] = (params.get("arguments") or {}).get("region")
        for name, value in wanted.items():
            sent = decoded(self.headers.get(name))
            if sent != value:
                return "%s is %s, and the body says %s" % (name, sent, value)
        if self.headers.get("Mcp-Session-Id") or self.headers.get("Last-Event-ID"):
            return "sessions and event ids are of another revision"
        return None

    def do_POST(self):
        message = self.body()
        claim = ((message.get("params") or {}).get("_meta") or {}).get(VERSION)
        if "id" not in message:
            return self.plain(202)
        if claim is None:
            self.owner.write("got", message)
            return self.refuse(400, -32022, "only %s is spoken here" % MODERN, message["id"],
                               {"supported": [MODERN], "requested": "none"})
        if fault := self.fault(message):
            self.owner.write("got", message)
            return self.refuse(400, -32020, fault, message["id"])
        stream = Stream()
        session = self.owner.session(stream.say)  # Only this request's.
        self.in_background(session, message, stream)
        try:
            return self.respond(session, message, stream)
        finally:
            self.owner.leave(session)

    def respond(self, session, message, stream):
        """JSON for an answer that comes alone, with the status that its error wants; else a stream."""
        try:
            first = stream.get(timeout=0.03)
        except queue.Empty:
            first = None
        if first is not None and first is not END and "id" in first:
            status = REFUSED_WITH.get(first.get("error", {}).get("code"), 200)
            return self.plain(status, first)
        self.begin_stream()
        if first is not None and first is not END:
            self.event(json.dumps(first))
        return self.pump(stream, lambda: self.owner.cancel(session, message["id"]))


def serve(server, transport):
    kind = Sse if transport == "sse" else Modern if server.modern else Streamable
    server.of = {}  # Sessions by their names.

    class Bound(kind):
        owner = server

    class Listener(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request, address):
            pass  # A client that is gone is nothing to report.

    listener = Listener(("127.0.0.1", 0), Bound)
    print("listening on %d" % listener.server_address[1], flush=True)
    listener.serve_forever(0.05)
