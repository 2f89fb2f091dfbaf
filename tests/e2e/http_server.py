#!/usr/bin/env python3
"""A scriptable MCP server over HTTP: Streamable HTTP, or HTTP+SSE as in 2024-11-05.

In a test it runs in threads: HttpServer() listens at once, records every request, and its attributes say how it behaves;
they may be changed at any time. As a process, for Hearth to start:

    http_server.py --port N [--mode sse] [--path /mcp] [--dir DIR] [--set NAME=VALUE …] [--delay SECONDS]

It then writes DIR/PID.http: one line of facts about itself, one for each request. --set sets an attribute.
"""
import argparse
import collections
import gzip
import http.server
import itertools
import json
import os
import select
import socket
import struct
import sys
import threading
import time
import uuid
import zlib

sys.dont_write_bytecode = True

from client import PATIENCE, Missing, alive, compact

Reply = collections.namedtuple("Reply", "status body fields", defaults=(200, "", {}))

TOOLS = [{"name": name, "description": name, "inputSchema": {"type": "object"}} for name in ("echo", "do", "whoami")]


class Request:
    """What a client asked, as it came."""

    def __init__(self, method, target, fields, body, connection):
        self.method, self.target, self.fields, self.connection = method, target, fields, connection
        self.body, self.at = body, time.monotonic()
        try:
            self.message = json.loads(body) if body else None
        except ValueError:
            self.message = None

    def get(self, name, otherwise=None):
        return next((value for key, value in self.fields if key.lower() == name), otherwise)

    def rpc(self):
        return self.message.get("method") if isinstance(self.message, dict) else None

    def __repr__(self):
        return "%s %s %s" % (self.method, self.target, self.rpc() or "")


class Stream:
    """What is to be said on one stream, whatever connection carries it at the moment."""

    def __init__(self, number):
        self.number, self.events, self.finished, self.cuts = number, [], False, set()
        self.changed = threading.Condition()

    def say(self, message):
        with self.changed:
            self.events.append(compact(message) if not isinstance(message, str) else message)
            self.changed.notify_all()

    def cut(self):
        """The connection breaks as soon as what was said is sent."""
        with self.changed:
            self.cuts.add(len(self.events))
            self.changed.notify_all()

    def finish(self):
        with self.changed:
            self.finished = True
            self.changed.notify_all()


class Session:
    def __init__(self, identity, first):
        self.id, self.initialize = identity, first
        self.general = Stream(0)        # What concerns no call; in mode sse, everything.
        self.streams = {0: self.general}
        self.ended = False              # By DELETE, or with its connection.
        self.general_connections = 0


class HttpServer:
    def __init__(self, mode="streamable", port=0, path=None, address="127.0.0.1", **behaviour):
        self.mode, self.path = mode, path or ("/sse" if mode == "sse" else "/mcp")
        self.json = False         # Answer as JSON what has nothing else to say.
        self.ids = True           # Events carry ids.
        self.retry = None         # Milliseconds, with the first event of each stream.
        self.cut_after = 0        # Each connection of a call's stream breaks after so many events.
        self.get_stream = True    # Else GET is answered with 405.
        self.with_sessions = True  # Else there are no session ids.
        self.gzip = False
        self.revision = None      # Instead of the one asked for.
        self.capabilities = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "logging": {}}
        self.name = "http-fake"
        for name, value in behaviour.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.requests, self.sessions, self.replies = [], {}, []
        self.changed = threading.Condition()
        self.released, self.asks, self.numbers = set(), {}, itertools.count(1)
        self.opened = set()  # Connections.
        self.on_request = lambda request: None
        server = self

        class Handler(_Handler):
            owner = server

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, request, address):
                pass  # A client that is gone is nothing to report.

        self.listener = Listener((address, port), Handler)
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d%s" % (self.port, self.path)

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()
        self.break_connections()

    def break_connections(self):
        with self.changed:
            connections = list(self.opened)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # --- what tests say and ask

    def once(self, reply, rpc=None, method="POST", times=1):
        """The next request like that gets this reply instead of what it would have got."""
        with self.changed:
            self.replies.append([reply, rpc, method, times])

    def forget(self):
        """All sessions: they get 404 from now on."""
        with self.changed:
            self.sessions.clear()

    def release(self, key):
        with self.changed:
            self.released.add(key)
            self.changed.notify_all()

    def of(self, rpc):
        with self.changed:
            return [request for request in self.requests if request.rpc() == rpc]

    def with_method(self, method):
        with self.changed:
            return [request for request in self.requests if request.method == method]

    def wait(self, what, condition, seconds=PATIENCE):
        """The first true value of condition(), looked at after each request."""
        with self.changed:
            self.changed.wait_for(condition, seconds)
            value = condition()
            if not value:
                raise Missing("the HTTP server waited for %s; it was asked:\n  %s" % (
                    what, "\n  ".join(map(repr, self.requests[-20:]))))
            return value

    def wait_for(self, rpc, count=1, seconds=PATIENCE):
        return self.wait("%d x %s" % (count, rpc), lambda: len(self.of(rpc)) >= count and self.of(rpc), seconds)

    def say(self, message, session=None):
        """To one session or all, on the stream that concerns no call."""
        with self.changed:
            sessions = [session] if session else list(self.sessions.values())
        for one in sessions:
            one.general.say(message)

    # --- what it does

    def note(self, request):
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            for wanted in self.replies:
                reply, rpc, method, times = wanted
                if request.method == method and (rpc is None or request.rpc() == rpc):
                    wanted[3] -= 1
                    if times == 1:
                        self.replies.remove(wanted)
                    return reply
        return None

    def new_session(self, first):
        session = Session(uuid.uuid4().hex, first)
        with self.changed:
            self.sessions[session.id] = session
            self.changed.notify_all()
        return session

    def stream_of(self, session):
        with self.changed:
            stream = Stream(next(self.numbers))
            session.streams[stream.number] = stream
            return stream

    def take_response(self, message):
        with self.changed:
            self.asks[message.get("id")] = message
            self.changed.notify_all()

    def run(self, session, request, stream):
        """Answers a request, saying what else there is to say on the stream."""
        message = request.message
        method, params = message["method"], message.get("params") or {}
        outcome = {"result": {}}
        if method == "initialize":
            outcome["result"] = {"protocolVersion": self.revision or params["protocolVersion"],
                                 "capabilities": self.capabilities, "serverInfo": {"name": self.name, "version": "1"}}
        elif method == "tools/list":
            outcome["result"] = {"tools": TOOLS}
        elif method == "resources/list":
            outcome["result"] = {"resources": []}
        elif method == "tools/call":
            outcome = self.call(session, request, stream, params)
        elif method not in ("ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"):
            outcome = {"error": {"code": -32601, "message": "no method " + method}}
        stream.say({"jsonrpc": "2.0", "id": message["id"], **outcome})

    def call(self, session, request, stream, params):
        arguments = params.get("arguments") or {}
        text = arguments.get("text", "")
        if params["name"] == "whoami":
            text = compact({"pid": os.getpid(), "port": self.port, "session": session.id,
                            "connection": request.connection, "cwd": os.getcwd()})
        elif params["name"] == "do":
            text = compact(self.steps(session, request, stream, arguments["steps"]))
        return {"result": {"content": [{"type": "text", "text": text}]}}

    def steps(self, session, request, stream, steps):
        """{"progress": N} {"log": TEXT} {"hold": KEY} {"ask": METHOD, "params": P} {"cut": true}: this stream's connection
        {"list_changed": "tools"} {"updated": URI} {"exit": STATUS}; answers of asks are collected."""
        token = request.message["params"].get("_meta", {}).get("progressToken")
        collected = []
        for step in steps:
            verb = next(iter(step))
            value = step[verb]
            if verb == "progress":
                for number in range(1, value + 1):
                    stream.say({"jsonrpc": "2.0", "method": "notifications/progress",
                                "params": {"progressToken": token, "progress": number, "total": value}})
            elif verb == "log":
                stream.say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": value}})
            elif verb == "hold":
                with self.changed:
                    self.changed.wait_for(lambda key=value: key in self.released, PATIENCE)
            elif verb == "ask":
                collected.append(self.ask(stream, value, step.get("params", {})))
            elif verb == "cut":
                stream.cut()
            elif verb == "list_changed":
                session.general.say({"jsonrpc": "2.0", "method": "notifications/%s/list_changed" % value})
            elif verb == "updated":
                session.general.say({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": value}})
            elif verb == "exit":
                os._exit(value)
            else:
                raise ValueError(verb)
        return collected

    def ask(self, stream, method, params):
        number = "ask-%d" % next(self.numbers)
        stream.say({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        with self.changed:
            self.changed.wait_for(lambda: number in self.asks, PATIENCE)
            message = self.asks.get(number, {})
        return message.get("result", message.get("error"))


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection. BaseHTTPRequestHandler cuts it into requests."""

    protocol_version = "HTTP/1.1"
    owner = None

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.owner.changed:
            self.owner.opened.add(self.connection)

    def finish(self):
        with self.owner.changed:
            self.owner.opened.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.serve()

    do_GET = do_DELETE = do_PUT = do_POST

    # --- answers

    def reply(self, status, body="", **fields):
        body = body.encode() if isinstance(body, str) else body
        if self.zipped() and body:
            body, fields["Content-Encoding"] = gzip.compress(body), "gzip"
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def zipped(self):
        return self.owner.gzip and "gzip" in self.headers.get("accept-encoding", "")

    def rpc_error(self, status, code, message):
        self.reply(status, compact({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}),
                   Content_Type="application/json")

    def begin_stream(self, **fields):
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", "Cache-Control": "no-cache",
                            "Transfer-Encoding": "chunked", **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.squeeze = zlib.compressobj(wbits=31) if self.zipped() else None
        if self.squeeze:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()

    def block(self, text, last=False):
        data = text.encode()
        if self.squeeze:
            data = self.squeeze.compress(data) + self.squeeze.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def cut(self):
        """Without a last chunk, and without the client having to guess: a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def client_gone(self):
        watch = select.poll()
        watch.register(self.connection, select.POLLIN | select.POLLRDHUP)
        return bool(watch.poll(0))

    def pump(self, stream, at, cut_after=0, event="message"):
        """Sends a stream's events from number `at` until it is finished. True if all was sent."""
        began = at
        if self.owner.retry is not None:
            self.block("retry: %d\n\n" % self.owner.retry)
        while True:
            with stream.changed:
                stream.changed.wait_for(lambda: at < len(stream.events) or stream.finished or at in stream.cuts, 0.1)
                new, finished = stream.events[at:], stream.finished
                cut = at in stream.cuts and not stream.cuts.discard(at)
            if cut or (cut_after and at - began >= cut_after):
                self.cut()
                return False
            if new:
                at += 1
                name = "id: %d-%d\n" % (stream.number, at) if self.owner.ids else ""
                self.block("%sevent: %s\ndata: %s\n\n" % (name, event, new[0]))
            elif finished:
                self.block("", last=True)
                self.wfile.write(b"0\r\n\r\n")
                return True
            elif self.client_gone():
                self.close_connection = True
                return False

    # --- requests

    def serve(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(self.command, self.path, list(self.headers.items()), body, self.client_address[1])
        reply = self.owner.note(request)
        self.owner.on_request(request)
        path = self.path.split("?")[0]
        if reply is not None:
            self.reply(reply.status, reply.body, **{"Content-Type": "application/json", **reply.fields})
        elif path == self.owner.path:
            self.serve_sse(request) if self.owner.mode == "sse" else self.serve_streamable(request)
        elif self.owner.mode == "sse" and path == "/message" and self.command == "POST":
            self.serve_sse_post(request)
        else:
            self.reply(404, "nothing here")

    def serve_streamable(self, request):
        owner, session = self.owner, None
        if owner.with_sessions and request.rpc() != "initialize":
            identity = request.get("mcp-session-id")
            session = owner.sessions.get(identity)
            if identity is None:
                return self.rpc_error(400, -32000, "a session id is needed")
            if session is None:
                return self.rpc_error(404, -32001, "Session not found")
        if request.method == "POST":
            if request.rpc() == "initialize" or not session:
                session = owner.new_session(request)
            self.serve_post(request, session)
        elif request.method == "GET" and owner.get_stream:
            self.serve_get(request, session)
        elif request.method == "DELETE" and session:
            session.ended = True
            owner.sessions.pop(session.id, None)
            session.general.finish()
            self.reply(200)
        else:
            self.reply(405, "", Allow="POST")
        return None

    def serve_post(self, request, session):
        owner, message = self.owner, request.message
        fields = {"Mcp-Session-Id": session.id} if request.rpc() == "initialize" and owner.with_sessions else {}
        if message is None:
            self.rpc_error(400, -32700, "no JSON")
        elif "method" not in message:
            owner.take_response(message)
            self.reply(202)
        elif "id" not in message:
            self.reply(202)
        elif owner.json:
            stream = Stream(0)
            owner.run(session, request, stream)
            self.reply(200, stream.events[-1], Content_Type="application/json", **fields)
        else:
            stream = owner.stream_of(session)

            def work():
                owner.run(session, request, stream)
                stream.finish()
            threading.Thread(target=work, daemon=True).start()
            self.begin_stream(**fields)
            self.pump(stream, 0, 0 if request.rpc() == "initialize" else owner.cut_after)

    def serve_get(self, request, session):
        number, at = 0, None
        if request.get("last-event-id"):
            number, at = (int(part) for part in request.get("last-event-id").split("-"))
        stream = session.streams[number]
        self.begin_stream()
        if number == 0:
            with self.owner.changed:
                session.general_connections += 1
                self.owner.changed.notify_all()
        self.pump(stream, at if at is not None else 0, 0 if number == 0 else self.owner.cut_after)

    def serve_sse(self, request):
        if request.method != "GET":
            return self.reply(405, "", Allow="GET")
        session = self.owner.new_session(request)
        self.begin_stream()
        self.block("event: endpoint\ndata: /message?session=%s\n\n" % session.id)
        self.pump(session.general, 0)
        session.ended = True
        self.owner.sessions.pop(session.id, None)
        return None

    def serve_sse_post(self, request):
        session = self.owner.sessions.get(request.target.partition("session=")[2])
        if session is None:
            return self.reply(404, "no such session")
        self.reply(202)
        message = request.message
        if "method" not in message:
            self.owner.take_response(message)
        elif "id" in message:
            threading.Thread(target=self.owner.run, args=(session, request, session.general), daemon=True).start()
        return None


class Recorded:
    """A server that was started as a process, seen past Hearth."""

    def __init__(self, path):
        self.path, self.pid = path, int(os.path.basename(path).split(".")[0])

    def entries(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[:-1]]

    @property
    def facts(self):
        return self.entries()[0]

    def requests(self):
        return self.entries()[1:]

    def of(self, rpc):
        return [entry for entry in self.requests() if entry["rpc"] == rpc]

    def alive(self):
        return alive(self.pid)


def recorded(directory):
    """Every process that was started with --dir, in order of start."""
    paths = [os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(".http")]
    found = [Recorded(path) for path in paths if os.path.getsize(path)]
    return sorted(found, key=lambda server: server.facts["at"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", default="streamable")
    parser.add_argument("--path")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--dir")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    record = open(os.path.join(options.dir, "%d.http" % os.getpid()), "a", encoding="utf-8") if options.dir else None

    def write(entry):
        if record:
            record.write(json.dumps(entry) + "\n")
            record.flush()

    write({"at": time.monotonic(), "pid": os.getpid(), "argv": sys.argv, "cwd": os.getcwd(), "port": options.port,
           "environment": dict(os.environ)})
    time.sleep(options.delay)  # A server that takes its time until it listens.
    behaviour = {name: json.loads(value) for name, value in (one.split("=", 1) for one in options.set)}
    server = HttpServer(options.mode, options.port, options.path, options.address, **behaviour)
    server.on_request = lambda request: write({"method": request.method, "target": request.target,
                                               "fields": request.fields, "rpc": request.rpc()})
    print("listening on %d" % server.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
