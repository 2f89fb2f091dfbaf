"""A client of an MCP server, as raw as a test needs it: Conversation whatever the transport, Client over stdio.

Reads in a thread, keeps every line as it came, and lets a test wait for what it expects. Waiting is always for an
event, with a deadline so generous that reaching it means the thing will not happen.
"""
import collections
import json
import os
import select
import signal
import socket
import subprocess
import threading

PATIENCE = float(os.environ.get("HEARTH_E2E_PATIENCE", "30"))  # Seconds until an event counts as missing.

FULL = {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}}


class Missing(AssertionError):
    """Something that should have happened did not."""


class RpcError(Exception):
    def __init__(self, error):
        super().__init__("%s (%s)" % (error.get("message"), error.get("code")))
        self.code, self.message, self.data = error.get("code"), error.get("message"), error.get("data")


class Int(int):
    """A number that remembers its spelling: 1 and 1.0 are different ids."""


class Float(float):
    pass


def spelt(kind):
    def make(text):
        number = kind(text)
        number.text = text
        return number
    return make


def parse(raw):
    return json.loads(raw, parse_int=spelt(Int), parse_float=spelt(Float))


def id_key(value):
    return getattr(value, "text", None) or json.dumps(value, ensure_ascii=False)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_gone(pid, seconds=PATIENCE):
    """Until the process has ended. A zombie counts as ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


class Pending:
    def __init__(self, client, key):
        self.client, self.key = client, key

    def done(self):
        with self.client.changed:
            return bool(self.client.responses[self.key])

    def response(self, seconds=PATIENCE):
        """The whole message."""
        return self.client.wait("an answer to id %s" % self.key,
                                lambda: self.client.responses[self.key] and self.client.responses[self.key][0], seconds)

    def result(self, seconds=PATIENCE):
        message = self.response(seconds)
        if "error" in message:
            raise RpcError(message["error"])
        return message["result"]

    def text(self, seconds=PATIENCE):
        """The text of a tool's answer."""
        return self.result(seconds)["content"][0]["text"]

    def collected(self, seconds=PATIENCE):
        """What the fake server's script collected: answers to its asks, pids."""
        return json.loads(self.text(seconds))


class Conversation:
    """A transport derives from this: it gives write_line(), and calls _take() with what comes and _end() after it."""

    def __init__(self, label):
        self.label = label
        self.changed = threading.Condition()
        self.lines = []                                   # Every line, as bytes, without its newline.
        self.responses = collections.defaultdict(list)    # By the spelling of the id.
        self.notices = []
        self.asks = collections.deque()                   # Requests of the server that no handler took.
        self.handlers = {"ping": lambda params: {}}
        self.ended = False                                # Nothing comes any more.
        self.last_id = 0
        self.write_lock = threading.Lock()

    # --- what comes

    def _take(self, raw):
        try:
            message = parse(raw)
        except ValueError:
            message = None
        with self.changed:
            self.lines.append(raw)
            for one in message if isinstance(message, list) else [message]:
                if isinstance(one, dict):
                    self._file(one)
            self.changed.notify_all()

    def _file(self, message):
        if "method" not in message:
            self.responses[id_key(message.get("id"))].append(message)
        elif "id" not in message:
            self.notices.append(message)
        elif message["method"] in self.handlers:
            answer = self.handlers[message["method"]](message.get("params"))
            # From a thread of its own: writing may block, and reading must go on.
            threading.Thread(target=self.respond, args=(message, answer), daemon=True).start()
        else:
            self.asks.append(message)

    def wait(self, what, condition, seconds=PATIENCE):
        """The first true value of condition()."""
        with self.changed:
            done = self.changed.wait_for(lambda: condition() or self.ended, seconds)
            value = condition()
        if value:
            return value
        why = "the conversation has ended" if done else "nothing came for %g s" % seconds
        raise Missing("%s waited for %s, but %s. Last lines:\n  %s\nstderr:\n%s" % (
            self.label, what, why, "\n  ".join(repr(line[:300]) for line in self.lines[-8:]), self.stderr()[-2000:]))

    def _end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def stderr(self):
        return ""

    # --- writing

    def line_of(self, method, params=None, id_text=None):
        line = '{"jsonrpc":"2.0"' + (',"id":' + id_text if id_text is not None else "") + ',"method":' + compact(method)
        return line + (',"params":' + compact(params) if params is not None else "") + "}"

    def start(self, method, params=None, raw_id=None):
        """Send a request. raw_id is the id's exact spelling."""
        with self.write_lock:
            self.last_id += 1
            id_text = raw_id if raw_id is not None else str(self.last_id)
        self.write_line(self.line_of(method, params, id_text))
        return Pending(self, id_key(parse(id_text)))

    def request(self, method, params=None, seconds=PATIENCE):
        return self.start(method, params).result(seconds)

    def notify(self, method, params=None):
        self.write_line(self.line_of(method, params))

    def respond(self, ask, answer):
        part = '"error":' + compact({"code": answer.code, "message": answer.message}) if isinstance(answer, RpcError) \
            else '"result":' + compact(answer)
        self.write_line('{"jsonrpc":"2.0","id":' + id_key(ask["id"]) + "," + part + "}")

    # --- MCP

    def initialize(self, revision="2025-11-25", capabilities=None, name="testbed", seconds=PATIENCE):
        result = self.request("initialize", {"protocolVersion": revision, "capabilities": capabilities or {},
                                             "clientInfo": {"name": name, "version": "1"}}, seconds)
        self.notify("notifications/initialized")
        return result

    def start_tool(self, name, arguments=None, token=None, raw_id=None, **params):
        params = {"name": name, "arguments": arguments or {}, **params}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.start("tools/call", params, raw_id)

    def tool(self, name, arguments=None, **rest):
        return self.start_tool(name, arguments, **rest).text()

    def do(self, *steps, **rest):
        """Start a script on the fake server: see tests/fake/script.cpp."""
        return self.start_tool("do", {"steps": list(steps)}, **rest)

    def echo(self, text="hello"):
        return self.tool("echo", {"text": text})

    def sync(self):
        """Everything the server sent this session before now has been read when this returns."""
        assert self.echo("sync %d" % self.last_id).startswith("sync")

    def cancel(self, pending, reason="no longer wanted"):
        self.write_line('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":%s}}'
                        % (pending.key, compact(reason)))

    def heard(self, method):
        with self.changed:
            return [notice for notice in self.notices if notice["method"] == method]

    def hear(self, method, count=1, seconds=PATIENCE):
        """Wait for so many notifications of that method since the start."""
        def enough():
            found = [notice for notice in self.notices if notice["method"] == method]
            return found if len(found) >= count else None
        return self.wait("%d x %s" % (count, method), enough, seconds)

    def next_ask(self, seconds=PATIENCE):
        self.wait("a request of the server", lambda: len(self.asks) > 0, seconds)
        return self.asks.popleft()

    def answers(self):
        """How many responses came in all."""
        with self.changed:
            return sum(len(all_of) for all_of in self.responses.values())


class Client(Conversation):
    def __init__(self, argv, env, cwd, label, errors, transport="pipe"):
        super().__init__(label)
        self.errors = errors
        self.reading = threading.Event()
        self.reading.set()
        self._spawn(argv, env, cwd, transport)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _spawn(self, argv, env, cwd, transport):
        with open(self.errors, "ab") as stderr:
            if transport == "socketpair":  # What Node and Bun give their children.
                own_in, child_in = socket.socketpair()
                own_out, child_out = socket.socketpair()
                self.process = subprocess.Popen(argv, stdin=child_in, stdout=child_out, stderr=stderr, env=env, cwd=cwd)
                child_in.close()
                child_out.close()
                self.to, self.come = own_in.detach(), own_out.detach()
            else:
                self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                                env=env, cwd=cwd, bufsize=0)
                self.to, self.come = os.dup(self.process.stdin.fileno()), os.dup(self.process.stdout.fileno())
                self.process.stdin.close()
                self.process.stdout.close()
        self.pid = self.process.pid

    # --- reading

    def _read(self):
        rest = []
        while True:
            self.reading.wait()
            try:
                chunk = os.read(self.come, 1 << 20)
            except OSError:
                chunk = b""
            if not chunk:
                break
            *complete, last = chunk.split(b"\n")
            for line in complete:
                rest.append(line)
                self._take(b"".join(rest))
                rest = []
            if last:
                rest.append(last)
        self.unfinished = b"".join(rest)
        self._end()

    def pause(self):
        """Stop reading, after at most the chunk that is being read."""
        self.reading.clear()

    def resume(self):
        self.reading.set()

    def stderr(self):
        with open(self.errors, "rb") as file:
            return file.read().decode("utf-8", "replace")

    # --- writing

    def write(self, data):
        with self.write_lock:
            view = memoryview(data)
            while view:
                view = view[os.write(self.to, view):]

    def write_line(self, text):
        self.write((text if isinstance(text, bytes) else text.encode()) + b"\n")

    # --- ending

    def wait_exit(self, seconds=PATIENCE):
        if not wait_gone(self.pid, seconds):
            raise Missing("%s (pid %d) did not end within %g s\n%s" % (self.label, self.pid, seconds, self.stderr()[-2000:]))
        return self.process.wait()

    def close_input(self):
        if self.to >= 0:
            os.close(self.to)
            self.to = -1

    def close(self):
        """Leave as a client does that is done: end of input, then wait. Returns the exit status."""
        self.close_input()
        return self.wait_exit()

    def signal(self, number):
        os.kill(self.pid, number)

    def dispose(self):
        """Whatever state it is in, it is gone afterwards."""
        self.resume()
        self.close_input()
        if self.process.poll() is None and not wait_gone(self.pid, 5):
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        if self.come >= 0:
            if self.thread.is_alive():
                self.thread.join(5)
            os.close(self.come)
            self.come = -1
