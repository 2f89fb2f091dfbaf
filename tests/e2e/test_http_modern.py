"""Clients of 2026-07-28 over HTTP: no session, each request says everything about itself, and closing is cancelling."""
import json
import urllib.parse

from client import RpcError, compact, parse
from http_client import HungUp
from http_world import HELLO, HttpCase, call
from world import eventually

VERSION = "2026-07-28"
META = "io.modelcontextprotocol/"
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def modern(number, method, params=None, version=VERSION, capabilities=None, **meta):
    claim = {META + "protocolVersion": version, META + "clientCapabilities": capabilities or {}, **meta}
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {**(params or {}), "_meta": claim}}


def tool(number, name, arguments=None, **rest):
    return modern(number, "tools/call", {"name": name, "arguments": arguments or {}}, **rest)


def script(number, *steps, **rest):
    return tool(number, "do", {"steps": list(steps)}, **rest)


def fields_of(body, **instead):
    """What a good client sends with it. None leaves a field out."""
    params = body.get("params", {})
    fields = {"MCP-Protocol-Version": params.get("_meta", {}).get(META + "protocolVersion", VERSION),
              "Mcp-Method": body["method"]}
    if body["method"] in NAMED_BY and NAMED_BY[body["method"]] in params:
        fields["Mcp-Name"] = params[NAMED_BY[body["method"]]]
    return {**fields, **{name.replace("_", "-"): value for name, value in instead.items()}}


class ModernCase(HttpCase):
    http = {}

    def setUp(self):
        super().setUp()
        self.serve(http=self.http)

    def start(self, body, where=None, target="/mcp/fake", **instead):
        """A connection on which the request is under way."""
        connection = self.connection(where)
        connection.start("POST", target, fields_of(body, **instead), body)
        return connection

    def post(self, body, where=None, target="/mcp/fake", **instead):
        return self.start(body, where, target, **instead).answer()

    def result(self, body, **rest):
        """The one message of an answer that is all right."""
        answer = self.post(body, **rest)
        self.assertEqual(answer.status, 200, answer.text())
        last = answer.messages()[-1]
        self.assertEqual(last["id"], body["id"])
        self.assertIn("result", last)
        return last["result"]

    def text(self, body, **rest):
        return self.result(body, **rest)["content"][0]["text"]

    def assert_refused(self, answer, status, code, number=7):
        self.assertEqual(answer.status, status, answer.text())
        body = answer.json()
        self.assertEqual(body["error"]["code"], code, body)
        self.assertEqual(body["id"], number)
        return body["error"]

    def listen(self, number, **filters):
        """An open stream whose acknowledgement has been read, and what that grants."""
        answer = self.post(modern(number, "subscriptions/listen", {"notifications": filters}))
        self.assertTrue(answer.is_stream)
        first = parse(answer.next_event().data)
        self.assertEqual(first["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(first["params"]["_meta"][META + "subscriptionId"], number)
        return answer, first["params"]["notifications"]

    def server(self):
        return self.home.wait_server()


class TestAnswers(ModernCase):
    def test_discover(self):
        answer = self.post(modern("p", "server/discover"))
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.get("mcp-session-id"))
        result = answer.messages()[-1]["result"]
        self.assertEqual(result["supportedVersions"][0], VERSION)
        self.assertIn("2025-11-25", result["supportedVersions"])
        self.assertEqual(result["resultType"], "complete")
        self.assertIn("tools", result["capabilities"])
        self.assertIn("name", result["_meta"][META + "serverInfo"])

    def test_list_and_call(self):
        self.assertIn("echo", [one["name"] for one in self.result(modern(1, "tools/list"))["tools"]])
        answer = self.post(tool(2, "echo", {"text": "grüß 😀"}))
        self.assertEqual(answer.get("content-type").split(";")[0], "application/json")
        self.assertEqual(answer.json()["id"], 2)
        self.assertEqual(answer.json()["result"]["content"][0]["text"], "grüß 😀")
        self.assertEqual(self.server().counts()["initialize"], 1)

    def test_the_local_socket_too(self):
        self.assertEqual(self.text(tool("a", "echo", {"text": "x"}), where=self.home.socket_path), "x")

    def test_session_ids_and_event_ids_mean_nothing(self):
        answer = self.post(tool(1, "echo", {"text": "x"}), Mcp_Session_Id="0" * 32, Last_Event_ID="1-1-1")
        self.assertEqual(answer.status, 200, answer.text())
        self.assertIsNone(answer.get("mcp-session-id"))

    def test_what_the_server_says_about_a_call_is_its_own_matter(self):
        for code in (-32602, -32603, 1):
            answer = self.post(script(7, {"error": {"code": code, "message": "no"}}))
            self.assert_refused(answer, 200, code)
        self.assert_refused(self.post(script(7, {"error": {"code": -32601, "message": "no"}})), 404, -32601)

    def test_statuses_of_what_is_not_as_it_must_be(self):
        good = modern(7, "tools/list")
        self.assert_refused(self.post(good, MCP_Protocol_Version=None), 400, -32020)
        self.assert_refused(self.post(good, MCP_Protocol_Version="2025-11-25"), 400, -32020)
        self.assert_refused(self.post(good, Mcp_Method=None), 400, -32020)
        self.assert_refused(self.post(good, Mcp_Method="TOOLS/LIST"), 400, -32020)
        self.assert_refused(self.post({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}), 400, -32602)
        self.assert_refused(self.post(HELLO), 400, -32020, HELLO["id"])
        error = self.assert_refused(self.post(modern(7, "tools/list", version="2099-01-01")), 400, -32022)
        self.assertIn(VERSION, error["data"]["supported"])
        self.assertEqual(error["data"]["requested"], "2099-01-01")
        for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe", "nobody/knows"):
            self.assert_refused(self.post(modern(7, method)), 404, -32601)

    def test_mcp_name(self):
        good = tool(7, "echo", {"text": "x"})
        self.assert_refused(self.post(good, Mcp_Name=None), 400, -32020)
        self.assert_refused(self.post(good, Mcp_Name="other"), 400, -32020)
        self.assert_refused(self.post(good, Mcp_Name="=?base64?not base64?="), 400, -32020)
        self.assertEqual(self.post(good, Mcp_Name="=?base64?ZWNobw==?=").status, 200)
        self.assertEqual(self.post(good, Mcp_Name="  echo\t").status, 200)

    def test_fields_that_repeat_arguments(self):
        """Known from the list on."""
        self.result(modern(1, "tools/list"))
        region = {"type": "object", "properties": {"text": {"type": "string", "x-mcp-header": "Text"}}}
        self.server().do({"set_tools": [{"name": "echo", "inputSchema": region}]}, {"list_changed": "tools"})
        self.result(modern(2, "tools/list"))
        good = tool(7, "echo", {"text": "é"})
        self.assert_refused(self.post(good), 400, -32020)
        self.assert_refused(self.post(good, Mcp_Param_Text="e"), 400, -32020)
        self.assertEqual(self.post(good, Mcp_Param_Text="=?base64?w6k=?=").status, 200)

    def test_what_no_post_may_hold(self):
        one = modern(7, "tools/list")
        fields = fields_of(one)
        for body in ([one], {"jsonrpc": "2.0", "id": 7, "result": {}}, "nonsense", "{}"):
            self.assertEqual(self.request("POST", "/mcp/fake", fields, body).status, 400, body)
        self.assertEqual(self.request("POST", "/mcp/fake", {}, [one]).json()["error"]["code"], -32600)
        self.assertEqual(self.post(one, Accept="application/json").status, 406)
        self.assertEqual(self.post(one, Content_Type="text/plain").status, 415)

    def test_notifications_are_taken(self):
        for body in ({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
                     {"jsonrpc": "2.0", "method": "anything/else"}):
            answer = self.post(body)
            self.assertEqual((answer.status, answer.body), (202, b""))

    def test_only_post(self):
        for method in ("GET", "DELETE"):
            answer = self.request(method, "/mcp/fake", {"MCP-Protocol-Version": VERSION})
            self.assertEqual((answer.status, answer.get("allow")), (405, "POST"))

    def test_servers_that_are_not_there(self):
        self.assertEqual(self.post(modern(1, "server/discover"), target="/mcp/nobody").status, 404)

    def test_nothing_of_it_on_the_older_transport(self):
        session = self.sse()
        """A client that looks for it is told what an older server would tell it, and goes on the older way."""
        with self.assertRaises(RpcError) as caught:
            session.request("server/discover", modern(7, "server/discover")["params"])
        self.assertEqual(caught.exception.code, -32601)
        self.assertEqual(session.echo("x"), "x")


class TestStreams(ModernCase):
    def test_progress_makes_a_stream(self):
        answer = self.post(script("a", {"progress": 3}, {"text": "done"}, progressToken="t"))
        self.assertTrue(answer.is_stream)
        self.assertEqual(answer.get("cache-control"), "no-cache")
        self.assertEqual(answer.get("x-accel-buffering"), "no")
        events = list(answer.events())
        self.assertEqual([(event.id, event.retry) for event in events], [(None, None)] * 4)
        messages = [parse(event.data) for event in events]
        self.assertEqual([one.get("method") for one in messages], ["notifications/progress"] * 3 + [None])
        self.assertEqual({one["params"]["progressToken"] for one in messages[:3]}, {"t"})
        self.assertEqual((messages[3]["id"], messages[3]["result"]["content"][0]["text"]), ("a", "done"))

    def test_closing_is_cancelling(self):
        connection = self.start(script(1, {"hold": "k"}, {"text": "never"}))
        self.server().wait("(hold k)")
        connection.close()
        self.server().wait("notifications/cancelled")
        self.assertEqual(self.text(tool(2, "echo", {"text": "x"})), "x")

    def test_closing_a_stream_is_cancelling(self):
        connection = self.start(script(1, {"progress": 1}, {"hold": "k"}, {"text": "never"}, progressToken=1))
        self.assertTrue(connection.answer().next_event())
        connection.close()
        self.server().wait("notifications/cancelled")

    def test_log_lines_only_for_who_wants_them(self):
        steps = ({"log": "info", "data": "x"}, {"text": "done"})
        self.assertFalse(self.post(script(1, *steps)).is_stream)
        messages = self.post(script(2, *steps, **{META + "logLevel": "debug"})).messages()
        self.assertEqual([one.get("method") for one in messages], ["notifications/message", None])

    def test_questions_come_as_a_result_and_answers_with_the_next_request(self):
        question = {"ask": "elicitation/create", "params": {
            "message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}}
        able = {"elicitation": {"form": {}}}
        first = script(1, question, {"text": "done"}, capabilities=able)
        result = self.result(first)
        self.assertEqual(result["resultType"], "input_required")
        (key, asked), = result["inputRequests"].items()
        self.assertEqual(asked["method"], "elicitation/create")
        again = json.loads(compact(first))
        again["id"] = 2
        again["params"].update(requestState=result["requestState"],
                               inputResponses={key: {"action": "accept", "content": {}}})
        self.assertEqual(self.result(again)["resultType"], "complete")
        self.assertEqual(self.server().counts()["tools/call"], 1)


class TestSlowAnswers(ModernCase):
    http = {"streamAfterMs": 50}

    def test_a_slow_call_becomes_a_stream(self):
        answer = self.start(script(1, {"hold": "k"}, {"text": "late"})).answer()
        self.assertTrue(answer.is_stream)
        self.server().release("k")
        self.assertEqual(answer.messages()[-1]["result"]["content"][0]["text"], "late")


class TestStreamsAtOnce(ModernCase):
    http = {"streamAfterMs": 0}

    def test_statuses_are_still_told(self):
        self.assert_refused(self.post(modern(7, "nobody/knows")), 404, -32601)


class TestListens(ModernCase):
    def test_an_acknowledgement_and_what_was_asked_for(self):
        tools, granted = self.listen("t", toolsListChanged=True)
        self.assertEqual(granted, {"toolsListChanged": True})
        both, _ = self.listen(5, toolsListChanged=True, promptsListChanged=True)
        self.server().do({"list_changed": "prompts"}, {"list_changed": "tools"})

        def next_of(stream, number):
            message = parse(stream.next_event().data)
            self.assertEqual(message["params"]["_meta"][META + "subscriptionId"], number)
            return message["method"].split("/")[1]

        self.assertEqual(next_of(tools, "t"), "tools")
        self.assertEqual(sorted(next_of(both, 5) for _ in range(2)), ["prompts", "tools"])

    def test_resources(self):
        stream, granted = self.listen(1, resourceSubscriptions=["fake://a"])
        self.assertEqual(granted, {"resourceSubscriptions": ["fake://a"]})
        self.server().do({"updated": "fake://a"})
        message = parse(stream.next_event().data)
        self.assertEqual((message["method"], message["params"]["uri"]), ("notifications/resources/updated", "fake://a"))
        stream.connection.close()
        self.server().wait("resources/unsubscribe")


class TestTogether(ModernCase):
    def test_the_same_ids_at_once(self):
        """Two clients that declare the same, and know nothing of each other."""
        one = self.start(script(1, {"progress": 1}, {"hold": "one"}, {"text": "one"}, progressToken=1))
        two = self.start(script(1, {"progress": 2}, {"hold": "two"}, {"text": "two"}, progressToken=1))
        first, second = one.answer(), two.answer()
        self.server().wait("(hold one)")
        self.server().wait("(hold two)")
        self.server().release("two", "one")
        for answer, progress, text in ((first, 1, "one"), (second, 2, "two")):
            messages = answer.messages()
            self.assertEqual(len(messages), progress + 1)
            self.assertEqual({message["params"]["progressToken"] for message in messages[:-1]}, {1})
            self.assertEqual((messages[-1]["id"], messages[-1]["result"]["content"][0]["text"]), (1, text))

    def test_closing_a_connection_cancels_only_its_own_call(self):
        one = self.start(script(1, {"hold": "k", "drop": True}, {"text": "one"}))
        two = self.start(script(1, {"hold": "k"}, {"text": "two"}))
        self.server().wait("(hold k)", count=2)
        one.close()
        self.server().wait("notifications/cancelled")
        self.server().release("k")
        self.assertEqual(two.answer().messages()[-1]["result"]["content"][0]["text"], "two")

    def test_clients_that_declare_other_things_are_asked_other_things(self):
        """What one can be asked does not become what another can."""
        question = {"ask": "elicitation/create", "params": {
            "message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}}
        able = self.result(script(1, question, {"text": "x"}, capabilities={"elicitation": {}}))
        self.assertEqual(able["resultType"], "input_required")
        self.assertEqual(self.result(script(1, question, {"text": "x"}))["resultType"], "complete")

    def test_both_eras_on_one_url(self):
        session = self.streamable()
        self.assertEqual(self.text(tool(1, "echo", {"text": "new"})), "new")
        self.assertEqual(session.echo("old"), "old")
        refused = session.raw(body=tool(7, "echo"))
        self.assert_refused(refused, 400, -32020)
        self.assertEqual(session.raw(body=call(8, "echo", {"text": "x"})).status, 200)
        self.assertEqual(self.server().counts()["initialize"], 1)

    def test_projects_are_apart(self):
        self.home.config({"http": {"port": self.home.port, "token": None},
                          "mcpServers": {"fake": {**self.fake_entry(), "scope": "project"}}})
        target = "/mcp/fake?project=" + urllib.parse.quote(self.home.project)
        self.assertEqual(self.text(tool(1, "echo", {"text": "x"}), target=target), "x")
        self.assertEqual(self.server().facts["cwd"], self.home.project)

    def test_one_that_does_not_read_holds_nobody_up(self):
        stuck = self.start(script(1, {"log": "info", "data": "x" * 100000, "times": 400}, {"hold": "k"},
                                  **{META + "logLevel": "debug"}))
        self.server().wait("notifications/cancelled")
        self.assertEqual(self.text(tool(2, "echo", {"text": "x"})), "x")
        stuck.close()

    def test_a_daemon_that_ends_leaves_no_stream_open(self):
        """And does not say that it was the end of it all, which would keep clients from coming back."""
        stream, _ = self.listen(1, toolsListChanged=True)
        self.home.hearth("shutdown")
        said = []
        try:
            said.extend(parse(event.data) for event in stream.events())
        except HungUp:
            pass
        self.assertFalse([message for message in said if "result" in message])

    def test_more_kinds_of_clients_than_are_kept_apart(self):
        """The one that has been away for longest makes room; nobody does who is being served."""
        def discover(number, kind):
            return modern(number, "server/discover", capabilities={"experimental": {"kind%d" % kind: {}}})
        for kind in range(105):
            self.assertEqual(self.post(discover(kind, kind)).status, 200)
        self.assertEqual(len(self.home.status()["sessions"]), 100)
        streams = [self.start(modern(1, "subscriptions/listen", {"notifications": {"toolsListChanged": True}},
                                     capabilities={"experimental": {"kind%d" % kind: {}}})).answer()
                   for kind in range(100)]
        self.assertEqual(self.post(discover(1, 200)).status, 503)
        streams[17].connection.close()
        eventually("room for another", lambda: self.post(discover(1, 200)).status == 200)


class TestIdle(ModernCase):
    http = {"sessionTimeoutMs": 200}

    def test_what_nobody_uses_ends_and_nobody_misses_it(self):
        self.assertEqual(self.text(tool(1, "echo", {"text": "x"})), "x")
        stream, _ = self.listen(2, toolsListChanged=True)
        self.assertEqual(len(self.home.status()["sessions"]), 1)
        stream.connection.close()
        eventually("the end of the desk", lambda: not self.home.status()["sessions"])
        self.assertEqual(self.text(tool(1, "echo", {"text": "y"})), "y")
