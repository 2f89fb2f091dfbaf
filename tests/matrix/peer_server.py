#!/usr/bin/env python3
"""A server that speaks exactly one revision, strictly, over one transport.

    peer_server.py REVISION stdio|sse|http RECORD [late]

What comes and what it says is appended to the file RECORD, a line of JSON each. A server that listens prints "listening
on PORT". With `late` it answers what was cancelled: some do, and over one pipe it says that the call has ended.

Its tools do what the features of the matrix need. All connections see the same state, because clients of some transports
have many connections.
"""
import itertools
import json
import os
import sys
import threading

from peer_state import State, Stop
from revisions import (CAPABILITIES, LEVEL, MODERN, RELATED, SERVER, SUBSCRIPTION, TASKS, VERSION, asks_of, question,
                       server_capabilities)

CACHEABLE = ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
NESTING = ("tools/call", "prompts/get", "resources/read")
STRING = {"type": "string"}
TEXT = {"type": "object", "properties": {"text": STRING, "region": {**STRING, "x-mcp-header": "Region"}}}


class Refused(Exception):
    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message, **({} if data is None else {"data": data})}


def text(words):
    return {"content": [{"type": "text", "text": words}]}


class Exchange:
    """One request: where its answer and what belongs to it is said, and whether it is still wanted."""

    def __init__(self, server, session, message, say):
        self.server, self.session, self.message, self.say = server, session, message, say
        self.params = message.get("params") or {}
        self.meta = self.params.get("_meta") or {}
        self.cancelled = threading.Event()

    def notify(self, method, params):
        self.say({"jsonrpc": "2.0", "method": method, "params": params})

    def stop_if_cancelled(self):
        if self.cancelled.is_set():
            raise Stop


class Session:
    """A client of the server: a connection, or a session over HTTP. `general` says what belongs to no request."""

    def __init__(self, general):
        self.general, self.level, self.uris, self.capabilities = general, None, set(), {}


class Server:
    def __init__(self, revision, record):
        self.revision, self.modern = revision, revision >= MODERN
        self.state, self.record = State(), open(record, "a", encoding="utf-8")
        self.lock, self.hearing, self.numbers = threading.Lock(), threading.Lock(), itertools.count(1)
        self.sessions, self.live, self.listens, self.answers = [], {}, {}, {}
        self.answers_late = False

    # --- what comes and goes

    def write(self, direction, message):
        with self.lock:
            self.record.write(json.dumps({direction: message}) + "\n")
            self.record.flush()

    def session(self, general):
        def say(message):
            self.write("sent", message)
            general(message)
        session = Session(say)
        with self.lock:
            self.sessions.append(session)
        return session

    def leave(self, session):
        with self.lock:
            if session in self.sessions:
                self.sessions.remove(session)

    def take(self, session, message, say):
        """Everything that comes is given to this. Returns when it has been dealt with."""
        self.write("got", message)

        def said(one):
            self.write("sent", one)
            say(one)
        if "method" not in message:
            self.answers.pop(json.dumps(message["id"]), lambda answer: None)(message)
        elif "id" not in message:
            self.notice(session, message)
        else:
            self.request(Exchange(self, session, message, said))

    def notice(self, session, message):
        if message["method"] == "notifications/cancelled":
            self.cancel(session, message["params"].get("requestId"))

    def cancel(self, session, number):
        with self.lock:
            exchange = self.live.get((id(session), json.dumps(number)))
        if exchange:
            exchange.cancelled.set()

    def request(self, exchange):
        key = (id(exchange.session), json.dumps(exchange.message["id"]))
        with self.lock:
            self.live[key] = exchange
        try:
            outcome = {"result": self.finished(exchange, self.answer(exchange))}
        except Refused as refused:
            outcome = {"error": refused.error}
        except Stop:
            return
        finally:
            with self.lock:
                self.live.pop(key, None)
        if self.answers_late or not exchange.cancelled.is_set():
            exchange.say({"jsonrpc": "2.0", "id": exchange.message["id"], **outcome})

    def finished(self, exchange, result):
        if not self.modern:
            return result
        result = {"resultType": "complete", **result}
        if exchange.message["method"] in CACHEABLE and result["resultType"] == "complete":
            result = {"ttlMs": 0, "cacheScope": "private", **result}
        return {**result, "_meta": {SERVER: {"name": "peer", "version": "1"}, **result.get("_meta", {})}}

    # --- requests

    def answer(self, exchange):
        method = exchange.message["method"]
        handler = (self.MODERN if self.modern else self.LEGACY).get(method) or self.BOTH.get(method)
        if self.modern:
            self.check_claim(exchange)
        if handler is None:
            raise Refused(-32601, "%s has no method %s" % (self.revision, method))
        return handler(self, exchange)

    def check_claim(self, exchange):
        version = exchange.meta.get(VERSION)
        if version != self.revision:
            raise Refused(-32022, "only %s is spoken here" % self.revision,
                          {"supported": [self.revision], "requested": str(version)})
        if not isinstance(exchange.meta.get(CAPABILITIES), dict):
            raise Refused(-32602, "the capabilities of the client are missing")

    def initialize(self, exchange):
        exchange.session.capabilities = exchange.params["capabilities"]
        return {"protocolVersion": self.revision, "capabilities": server_capabilities(self.revision),
                "serverInfo": {"name": "peer", "version": "1"}, "instructions": "only for tests"}

    def discover(self, exchange):
        return {"supportedVersions": [self.revision], "capabilities": server_capabilities(self.revision),
                "instructions": "only for tests"}

    def nothing(self, exchange):
        return {}

    def set_level(self, exchange):
        exchange.session.level = exchange.params["level"]
        return {}

    def subscribe(self, exchange):
        exchange.session.uris.add(exchange.params["uri"])
        return {}

    def unsubscribe(self, exchange):
        exchange.session.uris.discard(exchange.params["uri"])
        return {}

    def listen(self, exchange):
        """Ends when it is cancelled; until then what concerns it is said by change() and touch()."""
        wanted = exchange.params["notifications"]
        key, number = (id(exchange.session), json.dumps(exchange.message["id"])), exchange.message["id"]

        def say(method, params):
            exchange.notify(method, {**params, "_meta": {SUBSCRIPTION: number}})
        with self.hearing:  # What is acknowledged is heard from then on, and not before.
            say("notifications/subscriptions/acknowledged", {"notifications": wanted})
            self.listens[key] = (wanted, say)
        exchange.cancelled.wait()
        with self.hearing:
            self.listens.pop(key, None)
        raise Stop

    def tools(self, exchange):
        names = ["echo", "progress", "log", "hold", "touch", "change", "ask", "work", "required", "structured"]
        listed = [{"name": name, "inputSchema": TEXT if name == "echo" else {"type": "object"}} for name in names]
        if self.revision == "2025-11-25":
            listed[names.index("work")]["execution"] = {"taskSupport": "optional"}
        return {"tools": listed}

    def resources(self, exchange):
        return {"resources": [{"uri": "peer://one", "name": "one"}]}

    def templates(self, exchange):
        return {"resourceTemplates": []}

    def read(self, exchange):
        if exchange.params["uri"] == "peer://none":
            raise Refused(-32602 if self.modern else -32002, "there is no such resource", {"uri": "peer://none"})
        return {"contents": [{"uri": exchange.params["uri"], "mimeType": "text/plain", "text": "one"}]}

    def prompts(self, exchange):
        return {"prompts": [{"name": "greet", "arguments": [{"name": "city", "required": True}]}]}

    def prompt(self, exchange):
        """The prompt `ask` is made of what the client samples."""
        if exchange.params["name"] != "ask":
            return {"messages": [{"role": "user", "content": {"type": "text", "text": "hello"}}]}
        asked = self.ask(exchange, {"kind": "sampling"})
        return {"messages": [{"role": "user", "content": one} for one in asked["content"]]} if "content" in asked else asked

    def complete(self, exchange):
        """Of an argument `state`, once that has come about: calls may have to take turns, completions need not."""
        value = exchange.params["argument"]["value"]
        if exchange.params["argument"]["name"] == "state":
            come = self.state.wait(value, exchange.cancelled)
            return {"completion": {"values": [value] if come else []}}
        return {"completion": {"values": [value + "-land", value + "-stadt"], "total": 2, "hasMore": False}}

    def call(self, exchange):
        tool = self.TOOLS.get(exchange.params["name"])
        if tool is None:
            raise Refused(-32602, "there is no tool %s" % exchange.params["name"])
        return tool(self, exchange, exchange.params.get("arguments") or {})

    # --- tools

    def echo(self, exchange, given):
        return text("%s %s" % (given.get("text"), given.get("region", "")))

    def progress(self, exchange, given):
        for number in (1, 2, 3):
            exchange.notify("notifications/progress",
                            {"progressToken": exchange.meta["progressToken"], "progress": number, "total": 3})
        return text("progressed")

    def log(self, exchange, given):
        level = exchange.meta.get(LEVEL) if self.modern else exchange.session.level
        if level is not None or not self.modern:
            exchange.notify("notifications/message", {"level": "warning", "logger": "peer", "data": given["text"]})
        return text("logged at %s" % level)

    def hold(self, exchange, given):
        self.state.add("held " + given["tag"])
        exchange.cancelled.wait()
        self.state.add("cancelled " + given["tag"])
        if self.answers_late:
            return text("late")
        raise Stop

    def touch(self, exchange, given):
        """Says that a resource has changed, to whoever has subscribed to it."""
        uri = {"uri": given["uri"]}
        for session in list(self.sessions):
            if given["uri"] in session.uris:
                session.general({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": uri})
        self.tell(lambda wanted: given["uri"] in wanted.get("resourceSubscriptions", []),
                  "notifications/resources/updated", uri)
        return text("touched")

    def change(self, exchange, given):
        """Says that a list has changed, to everybody who hears it."""
        method = "notifications/%s/list_changed" % given["kind"]
        if not self.modern:
            for session in list(self.sessions):
                session.general({"jsonrpc": "2.0", "method": method})
        self.tell(lambda wanted: wanted.get(given["kind"] + "ListChanged"), method, {})
        return text("changed")

    def tell(self, whom, method, params):
        """Tells the listens that want to hear of it."""
        with self.hearing:
            for wanted, say in self.listens.values():
                if whom(wanted):
                    say(method, params)

    def ask(self, exchange, given):
        """One question to the client; its answer is what the tool answers."""
        if given["kind"] not in asks_of(self.revision):
            raise Refused(-32602, "%s cannot ask for %s" % (self.revision, given["kind"]))
        method, params = question(given["kind"], self.revision, next(self.numbers))
        bare = {"method": method, **({} if params is None else {"params": params})}
        if self.modern:
            answer = exchange.params.get("inputResponses", {}).get("question")
            if answer is None:
                return {"resultType": "input_required", "inputRequests": {"question": bare}, "requestState": "asked"}
            if exchange.params.get("requestState") != "asked":
                raise Refused(-32602, "this request state is not the one that was given")
            return text(json.dumps(answer))
        number, answered = "ask-%d" % next(self.numbers), threading.Event()
        heard = []
        self.answers[json.dumps(number)] = lambda message: (heard.append(message), answered.set())
        exchange.say({"jsonrpc": "2.0", "id": number, **bare})
        while not answered.wait(0.05):
            exchange.stop_if_cancelled()
        return text(json.dumps(heard[0].get("result", heard[0].get("error"))))

    def structured(self, exchange, given):
        """Any JSON in 2026-07-28, an object before, nothing at first."""
        value = [1, 2] if self.modern else {"numbers": [1, 2]}
        return {**text("[1, 2]"), **({"structuredContent": value} if self.revision >= "2025-06-18" else {})}

    def required(self, exchange, given):
        """Cannot be called before the user has been somewhere."""
        if self.state.once("been " + given["tag"]):
            if self.revision != "2025-11-25":
                raise Refused(-32602, "%s cannot refuse a call like that" % self.revision)
            _, params = question("url", self.revision, next(self.numbers))
            raise Refused(-32042, "look there first", {"elicitations": [params]})
        return text("welcome")

    def work(self, exchange, given):
        declared = exchange.meta.get(CAPABILITIES, {}).get("extensions", {}) if self.modern else {}
        if self.modern and TASKS in declared:
            return {"resultType": "task", **self.state.task().shown(modern=True)}
        if self.revision == "2025-11-25" and "task" in exchange.params:
            return {"task": self.state.task().shown(modern=False)}
        return text("worked")

    # --- tasks

    def found(self, exchange):
        task = self.state.tasks.get(exchange.params.get("taskId"))
        if task is None:
            raise Refused(-32602, "there is no such task")
        return task

    def task_get(self, exchange):
        task = self.found(exchange)
        shown = task.shown(modern=self.modern)
        if self.modern and shown["status"] == "completed":
            shown["result"] = {"resultType": "complete", **text("worked")}
        return shown

    def task_result(self, exchange):
        task = self.found(exchange)
        task.wait()
        return {**text("worked"), "_meta": {RELATED: {"taskId": task.id}}}

    def task_cancel(self, exchange):
        task = self.found(exchange)
        task.status = "cancelled"
        return {} if self.modern else task.shown(modern=False)

    def task_list(self, exchange):
        return {"tasks": [task.shown(modern=False) for task in self.state.tasks.values()]}

    TOOLS = {"echo": echo, "progress": progress, "log": log, "hold": hold, "touch": touch, "change": change,
             "ask": ask, "required": required, "work": work, "structured": structured}
    BOTH = {"tools/list": tools, "tools/call": call, "resources/list": resources, "resources/templates/list": templates,
            "resources/read": read, "prompts/list": prompts, "prompts/get": prompt, "completion/complete": complete}
    LEGACY = {"initialize": initialize, "ping": nothing, "logging/setLevel": set_level, "resources/subscribe": subscribe,
              "resources/unsubscribe": unsubscribe}
    MODERN = {"server/discover": discover, "subscriptions/listen": listen, "tasks/get": task_get,
              "tasks/cancel": task_cancel, "tasks/update": nothing}


TASK_METHODS = {"tasks/get": Server.task_get, "tasks/result": Server.task_result, "tasks/cancel": Server.task_cancel,
                "tasks/list": Server.task_list}


def over_stdio(server):
    lock = threading.Lock()

    def say(message):
        with lock:
            os.write(1, json.dumps(message).encode() + b"\n")
    session = server.session(say)
    for line in sys.stdin:
        message = json.loads(line)
        for one in message if isinstance(message, list) else [message]:
            if "id" in one and "method" in one:
                threading.Thread(target=server.take, args=(session, one, say), daemon=True).start()
            else:
                server.take(session, one, say)


def main():
    revision, transport, record, *late = sys.argv[1:]
    server = Server(revision, record)
    server.answers_late = late == ["late"]
    if revision == "2025-11-25":
        server.LEGACY = {**Server.LEGACY, **TASK_METHODS}
    if transport == "stdio":
        over_stdio(server)
    else:
        import peer_http
        peer_http.serve(server, transport)


if __name__ == "__main__":
    main()
