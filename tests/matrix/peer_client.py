"""Clients of the matrix: one face for what a user wants, whatever the revision says about how.

Legacy speaks over any conversation of tests/e2e (stdio, HTTP+SSE, Streamable HTTP). Modern speaks 2026-07-28, over stdio
or HTTP. Both keep everything that came, so that it can be held against the schema of the revision.
"""
import json
import threading

from client import Missing, RpcError, compact, id_key, parse
from http_client import Connection, HungUp
from revisions import CAPABILITIES, CLIENT, LEVEL, MODERN, TASKS, VERSION, client_capabilities

PATIENCE = 5
ROOT = {"uri": "file:///matrix", "name": "matrix"}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId"}


class User:
    """The person at a client."""

    def __init__(self, name="Ada"):
        self.name, self.asked = name, []

    def answer(self, method, params):
        self.asked.append((method, params))
        if method == "roots/list":
            return {"roots": [ROOT]}
        if method == "sampling/createMessage":
            return {"role": "assistant", "model": "none", "content": {"type": "text", "text": "for " + self.name}}
        return {"action": "accept", **({} if (params or {}).get("mode") == "url" else {"content": {"name": self.name}})}


class Outcome:
    """What came of a call: its result, and what was heard meanwhile."""

    def __init__(self, result, notices):
        self.result, self.notices = result, notices

    def text(self):
        return self.result["content"][0]["text"]

    def of(self, method):
        return [notice.get("params") or {} for notice in self.notices if notice["method"] == method]


class Tape:
    """What was said, in order, with the method of the request that each answer is to."""

    def __init__(self):
        self.heard, self.methods, self.lock = [], {}, threading.Lock()

    def said(self, message):
        with self.lock:
            for one in message if isinstance(message, list) else [message]:
                if "id" in one and "method" in one:
                    self.methods[id_key(one["id"])] = one["method"]

    def hear(self, message):
        with self.lock:
            for one in message if isinstance(message, list) else [message]:
                method = None if "method" in one else self.methods.get(id_key(one.get("id")))
                self.heard.append((one, method))


class Watch:
    """Something that is to be heard of, from now on."""

    def __init__(self, look, close=lambda: None):
        self.look, self.close = look, close
        self.before = len(look())

    def wait(self, client, what):
        client.wait(what, lambda: len(self.look()) > self.before, PATIENCE)


class Legacy:
    def __init__(self, revision, conversation):
        self.revision, self.talk, self.user, self.tape, self.tokens = revision, conversation, User(), Tape(), 0
        for method in ("roots/list", "sampling/createMessage", "elicitation/create"):
            self.talk.handlers[method] = lambda params, method=method: self.user.answer(method, params)
        write, take = self.talk.write_line, self.talk._take

        def written(line):
            self.tape.said(parse(line))
            write(line)

        def taken(raw):
            self.tape.hear(parse(raw))
            take(raw)
        self.talk.write_line, self.talk._take = written, taken

    def open(self):
        result = self.talk.initialize(self.revision, client_capabilities(self.revision), seconds=PATIENCE)
        assert result["protocolVersion"] == self.revision, result["protocolVersion"]
        self.capabilities = result["capabilities"]
        if hasattr(self.talk, "listen"):
            self.talk.listen()

    def request(self, method, params=None):
        return self.talk.request(method, params, PATIENCE)

    def start(self, tool, given, **more):
        return self.talk.start("tools/call", {"name": tool, "arguments": given, **more})

    def call(self, tool, given=None, progress=False, level=None, **more):
        if level is not None:
            self.request("logging/setLevel", {"level": level})
        if progress:
            self.tokens += 1
            more["_meta"] = {"progressToken": "token %d" % self.tokens}
        before = len(self.talk.notices)
        result = self.start(tool, given or {}, **more).result(PATIENCE)
        return Outcome(result, self.talk.notices[before:])

    def call_after_a_walk(self, tool, given):
        """A call that is refused until the user has been somewhere: whether it went there, and the second answer."""
        try:
            return None, self.call(tool, given)
        except RpcError as error:
            if error.code != -32042:
                raise
            return error.data["elicitations"][0], self.call(tool, given)

    def heard_while(self, outcome, method, condition):
        """A notice that came with a call, or on another stream right after it."""
        self.talk.wait(method, lambda: [one for one in self.talk.notices if one["method"] == method
                                        and condition(one.get("params") or {})], PATIENCE)

    def begin(self, tool, given):
        pending = self.start(tool, given)

        def answered():
            return [one for one in self.talk.responses[pending.key] if one.get("error", {}).get("code") != 0]  # 0: our own.
        return lambda: self.talk.cancel(pending), answered

    def prompt(self, name):
        return self.request("prompts/get", {"name": name, "arguments": {}})

    def watch(self, method, kind=None, uri=None):
        if uri is not None:
            self.request("resources/subscribe", {"uri": uri})

        def look():
            return [one for one in self.talk.notices if one["method"] == method
                    and (uri is None or one["params"]["uri"] == uri)]
        close = (lambda: self.request("resources/unsubscribe", {"uri": uri})) if uri else lambda: None
        return Watch(look, close)

    def wait(self, what, condition, seconds):
        return self.talk.wait(what, condition, seconds)

    def task(self, tool):
        """The answer of a call that is made a task."""
        assert "tasks" in self.capabilities, "no tasks were offered: %s" % compact(self.capabilities)
        task = self.call(tool, {}, task={"ttl": 60000}).result["task"]
        self.request("tasks/get", {"taskId": task["taskId"]})
        return Outcome(self.request("tasks/result", {"taskId": task["taskId"]}), [])

    def close(self):
        self.talk.close()


class Modern:
    """2026-07-28. What differs between stdio and HTTP is _exchange()."""

    def __init__(self):
        self.revision, self.user, self.tape, self.number = MODERN, User(), Tape(), 0
        self.lock = threading.Lock()

    def message(self, method, params=None, level=None, meta=None):
        with self.lock:
            self.number += 1
            number = self.number
        claim = {VERSION: MODERN, CLIENT: {"name": "matrix", "version": "1"}, CAPABILITIES: client_capabilities(MODERN)}
        if level is not None:
            claim[LEVEL] = level
        params = {**(params or {}), "_meta": {**claim, **(meta or {})}}
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}

    def open(self):
        result = self.request("server/discover")
        assert MODERN in result["supportedVersions"], result["supportedVersions"]
        self.capabilities = result["capabilities"]

    def request(self, method, params=None):
        return self.rounds(method, params).result

    def rounds(self, method, params=None, **claim):
        """A request, with as many rounds of questions as the server wants."""
        notices, more = [], {}
        for _ in range(10):
            message = self.message(method, {**(params or {}), **more}, **claim)
            answer = self.exchange(message).answer(PATIENCE, notices)
            if "error" in answer:
                raise RpcError(answer["error"])
            result = answer["result"]
            assert "resultType" in result, "a result without its type: %s" % compact(result)
            if result["resultType"] != "input_required":
                return Outcome(result, notices)
            more = {"inputResponses": {key: self.user.answer(asked["method"], asked.get("params"))
                                       for key, asked in result.get("inputRequests", {}).items()}}
            if "requestState" in result:
                more["requestState"] = result["requestState"]
        raise Missing("there were more than ten rounds of questions")

    def call(self, tool, given=None, progress=False, level=None):
        meta = {"progressToken": "token %d" % self.number} if progress else None
        return self.rounds("tools/call", {"name": tool, "arguments": given or {}}, level=level, meta=meta)

    def call_after_a_walk(self, tool, given):
        before = len(self.user.asked)
        outcome = self.call(tool, given)
        return (self.user.asked[before][1] if len(self.user.asked) > before else None), outcome

    def heard_while(self, outcome, method, condition):
        if not any(condition(params) for params in outcome.of(method)):
            raise Missing("the call's stream had no %s, only %s" % (method, compact(outcome.notices)))

    def begin(self, tool, given):
        exchange = self.exchange(self.message("tools/call", {"name": tool, "arguments": given}))
        return exchange.cancel, exchange.done

    def prompt(self, name):
        return self.request("prompts/get", {"name": name, "arguments": {}})

    def watch(self, method, kind=None, uri=None):
        wanted = {kind + "ListChanged": True} if kind else {"resourceSubscriptions": [uri]}
        listen = self.exchange(self.message("subscriptions/listen", {"notifications": wanted}))
        listen.wait("that the subscription is acknowledged", lambda: listen.notices, PATIENCE)
        first = listen.notices[0]
        assert first["method"] == "notifications/subscriptions/acknowledged", compact(first)
        assert first["params"]["notifications"] == wanted, compact(first)

        def look():
            return [one for one in listen.notices if one["method"] == method
                    and (uri is None or one["params"]["uri"] == uri)]
        watch = Watch(look, listen.cancel)
        watch.wait = lambda client, what: listen.wait(what, lambda: look(), PATIENCE)
        return watch

    def task(self, tool):
        assert TASKS in self.capabilities.get("extensions", {}), "no tasks were offered: %s" % compact(self.capabilities)
        task = self.rounds("tools/call", {"name": tool, "arguments": {}}).result
        assert task["resultType"] == "task", compact(task)
        for _ in range(200):
            shown = self.request("tasks/get", {"taskId": task["taskId"]})
            if shown["status"] not in ("working", "input_required"):
                assert shown["status"] == "completed", compact(shown)
                return Outcome(shown["result"], [])
            threading.Event().wait(shown.get("pollIntervalMs", 10) / 1000)  # As the server says.
        raise Missing("the task did not end")


class Exchange:
    """One request and what belongs to it."""

    def __init__(self, message):
        self.message, self.notices, self.response = message, [], None
        self.changed, self.over = threading.Condition(), False

    def take(self, message):
        with self.changed:
            if "method" in message:
                self.notices.append(message)
            else:
                self.response = message
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def wait(self, what, condition, seconds):
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.over or self.response, seconds)
            if not condition():
                raise Missing("%s did not come; what came: %s, %s" % (what, compact(self.response), compact(self.notices)))

    def answer(self, seconds, notices):
        self.wait("an answer to %s" % self.message["method"], lambda: self.response is not None, seconds)
        notices.extend(self.notices)
        return self.response

    def done(self):
        return self.response is not None


class ModernStdio(Modern):
    def __init__(self, client):
        super().__init__()
        self.talk, self.exchanges = client, {}
        client._take = self._take

    def _take(self, raw):
        message = parse(raw)
        self.tape.hear(message)
        if "method" not in message:
            exchange = self.exchanges.get(id_key(message.get("id")))
            if exchange:
                exchange.take(message)
            return
        listen = (message.get("params") or {}).get("_meta", {}).get("io.modelcontextprotocol/subscriptionId")
        for key, exchange in list(self.exchanges.items()):
            # Over stdio nothing says which call a notice without a token is about.
            if (listen is None and exchange.response is None) or (listen is not None and id_key(listen) == key):
                exchange.take(message)

    def exchange(self, message):
        exchange = Exchange(message)
        self.exchanges[str(message["id"])] = exchange
        self.tape.said(message)
        self.talk.write_line(compact(message))
        exchange.cancel = lambda: self.talk.write_line(compact(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": message["id"]}}))
        return exchange

    def close(self):
        self.talk.close()


class ModernHttp(Modern):
    def __init__(self, where, target):
        super().__init__()
        self.where, self.target, self.connections = where, target, []

    def headers(self, message):
        params = message["params"]
        fields = {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"]}
        if message["method"] in NAMED:
            fields["Mcp-Name"] = params[NAMED[message["method"]]]
        if params.get("name") == "echo" and "region" in params.get("arguments", {}):
            fields["Mcp-Param-Region"] = params["arguments"]["region"]
        return fields

    def exchange(self, message):
        exchange, connection = Exchange(message), Connection(self.where)
        self.connections.append(connection)
        self.tape.said(message)
        connection.start("POST", self.target, self.headers(message), message)
        exchange.cancel = connection.close
        threading.Thread(target=self._read, args=(exchange, connection), daemon=True).start()
        return exchange

    def _read(self, exchange, connection):
        try:
            answer = connection.answer(None)
            if answer.is_stream:
                for event in answer.events(None):
                    self._hear(exchange, json.loads(event.data))
            elif answer.body:
                self._hear(exchange, json.loads(answer.body))
        except (HungUp, ValueError, OSError):
            pass
        connection.close()
        exchange.end()

    def _hear(self, exchange, message):
        self.tape.hear(message)
        exchange.take(message)

    def close(self):
        for connection in self.connections:
            connection.close()
