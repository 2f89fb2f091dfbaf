"""Clients that connect by URL: what they are answered, and that sessions over every transport share."""
import json

from http_world import HELLO, HttpCase, call, do, notice
from world import eventually


class TestAnswers(HttpCase):
    """The statuses, as written in the protocol."""

    def setUp(self):
        super().setUp()
        self.serve()

    def assert_status(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer.text())
        for word in words:
            self.assertIn(word, answer.text())
        return answer

    def test_a_whole_conversation(self):
        session = self.streamable()
        self.assertRegex(session.session, r"^[\x21-\x7e]{16,}$")
        self.assertEqual(session.echo("grüß 😀"), "grüß 😀")
        self.assertIn("echo", [tool["name"] for tool in session.request("tools/list")["tools"]])
        self.assertIn(session.close(), (200, 204))
        self.assertEqual(self.home.server().counts()["initialize"], 1)

    def test_session_ids_differ_and_do_not_count(self):
        ids = [self.streamable().session for _ in range(8)]
        self.assertEqual(len(set(ids)), 8)
        same = max(sum(a == b for a, b in zip(one, other)) for one in ids for other in ids if one is not other)
        self.assertLess(same, len(ids[0]) - 8, ids)

    def test_a_call_that_says_nothing_else_is_answered_as_json(self):
        answer = self.streamable().raw(body=call(7, "echo", {"text": "x"}))
        self.assert_status(answer, 200)
        self.assertEqual(answer.get("content-type").split(";")[0], "application/json")
        self.assertEqual(answer.json()["id"], 7)

    def test_notifications_and_answers_are_accepted_without_a_body(self):
        answer = self.assert_status(self.streamable().raw(body=notice("notifications/initialized")), 202)
        self.assertEqual(answer.body, b"")

    def test_400_for_what_is_no_message(self):
        session = self.streamable()
        for body in (b"{", b"", b"nonsense", b'"text"', b"17", b'\xff\xfe{}'):
            self.assert_status(session.raw(body=body), 400)
        self.assertEqual(json.loads(session.raw(body=b"{").body)["error"]["code"], -32700)
        session.sync()

    def test_400_without_a_session_id(self):
        self.assert_status(self.request("POST", "/mcp/fake", body=call(1, "echo")), 400)
        self.assert_status(self.request("GET", "/mcp/fake"), 400)
        self.assert_status(self.request("DELETE", "/mcp/fake"), 400)

    def test_400_for_a_version_that_is_not_spoken(self):
        session = self.streamable()
        for version in ("1999-01-01", "nonsense"):
            self.assert_status(session.raw(body=call(1, "echo"), MCP_Protocol_Version=version), 400)
        session.sync()

    def test_no_version_header_is_as_before_there_was_one(self):
        session = self.streamable(revision="2025-03-26")
        self.assert_status(session.raw(body=call(1, "echo", {"text": "x"}), MCP_Protocol_Version=None), 200)

    def test_404_for_sessions_that_are_not_there(self):
        for method, body in (("POST", call(1, "echo")), ("GET", None), ("DELETE", None)):
            for name in ("0" * 32, "x", "../../etc/passwd", "a" * 4000):
                self.assert_status(self.request(method, "/mcp/fake", {"Mcp-Session-Id": name}, body), 404)

    def test_404_after_delete(self):
        session = self.streamable()
        self.assertIn(session.raw("DELETE").status, (200, 204))
        for method, body in (("POST", call(1, "echo")), ("GET", None), ("DELETE", None)):
            self.assert_status(session.raw(method, body), 404)

    def test_404_for_another_servers_session(self):
        session = self.streamable()
        self.home.config({"http": {"port": self.home.port, "token": None},
                          "mcpServers": {"fake": self.fake_entry(), "other": self.fake_entry()}})
        self.assert_status(session.raw(body=call(1, "echo"), target="/mcp/other"), 404)
        session.sync()

    def test_404_for_servers_that_are_not_there(self):
        self.assert_status(self.request("POST", "/mcp/nobody", body=HELLO), 404, "nobody")
        self.assert_status(self.request("GET", "/sse/nobody"), 404, "nobody")
        for target in ("/", "/mcp", "/mcp/", "/mcp/fake/more", "/sse", "/nothing", "/mcp/..%2f..%2fetc"):
            self.assert_status(self.request("POST", target, body=HELLO), 404)

    def test_404_so_that_no_client_starts_a_login(self):
        for target in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp/fake",
                       "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp/fake",
                       "/.well-known/openid-configuration", "/mcp/fake/.well-known/openid-configuration"):
            self.assert_status(self.request("GET", target), 404)

    def test_405_says_what_is_allowed(self):
        for method in ("PUT", "PATCH", "HEAD"):
            connection = self.connection()
            connection.start(method, "/mcp/fake")
            connection.patience(10)
            self.assertIn(b" 405 ", connection.line())
        answer = self.request("PUT", "/mcp/fake", body={})
        self.assertEqual({word.strip() for word in answer.get("allow").split(",")}, {"GET", "POST", "DELETE"})

    def test_a_client_that_tries_streamable_http_first_is_told(self):
        """What the protocol wants it to fall back for."""
        self.assertIn(self.request("POST", "/sse/fake", body=HELLO).status, (400, 404, 405))

    def test_406_for_who_cannot_read_the_answer(self):
        session = self.streamable()
        for accept in ("text/html", "application/json", "text/event-stream"):
            self.assert_status(session.raw(body=call(1, "echo"), Accept=accept), 406)
        for accept in ("application/json", "text/html"):
            self.assert_status(session.raw("GET", Accept=accept), 406)
        for accept in ("*/*", "text/*, application/*", "application/json;q=0.5, text/event-stream; q=1"):
            self.assert_status(session.raw(body=call(1, "echo", {"text": "x"}), Accept=accept), 200)

    def test_413_before_the_body_is_sent(self):
        session = self.streamable()
        connection = self.connection()
        connection.send(connection.head("POST", "/mcp/fake", session.headers(**{"Content-Type": "application/json"}),
                                        length=1 << 40))
        self.assert_status(connection.answer(), 413)
        session.sync()

    def test_415_for_what_is_not_json(self):
        session = self.streamable()
        for kind in ("text/plain", "application/x-www-form-urlencoded", None):
            self.assert_status(session.raw(body=json.dumps(call(1, "echo")), Content_Type=kind), 415)
        kind = "application/json; charset=utf-8"
        self.assert_status(session.raw(body=call(1, "echo", {"text": "x"}), Content_Type=kind), 200)

    def test_connections_are_kept(self):
        session, connection = self.streamable(), self.connection()
        for number in range(20):
            answer = connection.request("POST", "/mcp/fake", session.headers(), call(number, "echo", {"text": "x"}))
            self.assertEqual(answer.json()["id"], number)
        for target in ("/nothing", "/.well-known/x"):  # A refusal does not end it either.
            self.assert_status(connection.request("GET", target), 404)
        self.assertFalse(connection.over)

    def test_requests_may_follow_without_waiting(self):
        session, connection = self.streamable(), self.connection()
        for number in range(5):
            connection.start("POST", "/mcp/fake", session.headers(), call(number, "echo", {"text": str(number)}))
        self.assertEqual([connection.answer().json()["id"] for _ in range(5)], list(range(5)))

    def test_a_client_that_waits_for_100_continue_gets_it(self):
        session, connection = self.streamable(), self.connection()
        body = json.dumps(call(1, "echo", {"text": "x"})).encode()
        fields = session.headers(Accept="*/*", Expect="100-continue", **{"Content-Type": "application/json"})
        connection.send(connection.head("POST", "/mcp/fake", fields, len(body)))
        self.assertEqual(connection.line(), b"HTTP/1.1 100 Continue")
        self.assertEqual(connection.line(), b"")
        connection.send(body)
        self.assertEqual(connection.answer().json()["id"], 1)

    def test_a_body_in_chunks(self):
        session, connection = self.streamable(), self.connection()
        body = json.dumps(call(1, "echo", {"text": "x" * 500})).encode()
        fields = session.headers(Accept="*/*", **{"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        connection.send(connection.head("POST", "/mcp/fake", fields))
        for at in range(0, len(body), 7):
            part = body[at:at + 7]
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
        self.assertEqual(connection.answer().json()["id"], 1)


class TestBatches(HttpCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_of_requests_and_notifications(self):
        session = self.streamable(revision="2025-03-26")
        batch = [call(1, "echo", {"text": "a"}), notice("notifications/roots/list_changed"), call("b", "echo", {"text": "b"})]
        answers = session.raw(body=batch).messages()
        self.assertEqual({answer["id"]: answer["result"]["content"][0]["text"] for answer in answers}, {1: "a", "b": "b"})

    def test_with_progress_as_a_stream(self):
        session = self.streamable(revision="2025-03-26")
        answer = session.raw(body=[do(1, {"progress": 2}, {"text": "a"}, token="t"), do(2, {"progress": 1}, token=9)])
        self.assertTrue(answer.is_stream)
        messages = answer.messages()
        self.assertEqual(sorted(message["id"] for message in messages if "id" in message), [1, 2])
        tokens = [message["params"]["progressToken"] for message in messages if "method" in message]
        self.assertEqual(sorted(map(str, tokens)), ["9", "t", "t"])

    def test_of_notifications_only(self):
        session = self.streamable(revision="2025-03-26")
        answer = session.raw(body=[notice("notifications/initialized"), notice("notifications/roots/list_changed")])
        self.assertEqual((answer.status, answer.body), (202, b""))

    def test_are_refused_elsewhere(self):
        for revision in ("2025-06-18", "2025-11-25"):
            answer = self.streamable(revision=revision).raw(body=[call(1, "echo"), call(2, "echo")])
            self.assertEqual(answer.status, 400)
        session = self.streamable(revision="2025-03-26")
        for batch in ([], [1], [HELLO, call(2, "echo")]):
            self.assertEqual(session.raw(body=batch).status, 400, batch)


class TestSse(HttpCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_a_whole_conversation(self):
        session = self.sse()
        self.assertTrue(session.endpoint.startswith("/"), session.endpoint)
        self.assertEqual(session.echo("grüß 😀"), "grüß 😀")
        session.do({"progress": 3}, token="t").result()
        self.assertEqual(len(session.heard("notifications/progress")), 3)

    def test_endpoints_cannot_be_guessed(self):
        endpoints = [self.sse(ready=False).endpoint for _ in range(4)]
        self.assertEqual(len(set(endpoints)), 4)
        self.assertGreater(len(endpoints[0]), 20)

    def test_statuses_of_the_endpoint(self):
        session = self.sse()
        self.assertEqual(self.request("POST", session.endpoint, body=b"{").status, 400)
        self.assertEqual(self.request("POST", session.endpoint, {"Content-Type": "text/plain"}, call(1, "echo")).status, 415)
        self.assertIn(self.request("POST", session.endpoint[:-1] + "%", body=call(1, "echo")).status, (400, 404))
        session.sync()

    def test_it_ends_with_its_connection(self):
        session = self.sse()
        session.sync()
        session.connection.cut()
        eventually("that the session is gone", lambda: not self.home.status()["sessions"])
        self.assertEqual(self.request("POST", session.endpoint, body=call(1, "echo")).status, 404)

    def test_questions(self):
        session = self.sse(revision="2025-03-26", capabilities={"sampling": {}})
        session.handlers["sampling/createMessage"] = lambda params: {"role": "assistant", "model": "m",
                                                                      "content": {"type": "text", "text": "hm"}}
        pending = session.do({"ask": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}})
        self.assertIn("hm", pending.text())


class TestSharing(HttpCase):
    """Whatever way a session comes, it is a session like any other."""

    def setUp(self):
        super().setUp()
        self.serve()

    def test_one_server_for_every_transport(self):
        sessions = self.each_transport()
        for number, session in enumerate(sessions):
            self.assertEqual(session.echo(str(number)), str(number))
        self.assertEqual("".join(session.tool("count", {"key": "k"}) for session in sessions), "123")
        self.assertEqual(self.home.server().counts()["initialize"], 1)
        self.assertEqual(self.home.status_of()[0]["sessions"], 3)

    def test_equal_ids_and_tokens(self):
        sessions = self.each_transport()
        calls = [session.start_tool("do", {"steps": [{"progress": 2}, {"hold": "k"}, {"text": str(n)}]}, token=1, raw_id="77")
                 for n, session in enumerate(sessions)]
        server = self.home.server()
        server.wait("(hold k)", count=3)
        server.release("k")
        for number, (session, pending) in enumerate(zip(sessions, calls)):
            self.assertEqual(pending.text(), str(number))
            self.assertEqual([one["params"]["progressToken"] for one in session.heard("notifications/progress")], [1, 1])

    def test_list_changes_are_for_all(self):
        sessions = self.each_transport()
        sessions[1].listen()
        sessions[0].do({"list_changed": "tools"}).result()
        for session in sessions:
            session.hear("notifications/tools/list_changed")

    def test_updates_are_for_who_subscribed(self):
        stdio, http, sse = self.each_transport()
        http.listen()
        http.request("resources/subscribe", {"uri": "test://a"})
        sse.request("resources/subscribe", {"uri": "test://b"})
        stdio.do({"updated": "test://a"}, {"updated": "test://b"}).result()
        http.hear("notifications/resources/updated")
        sse.hear("notifications/resources/updated")
        for session in (stdio, http, sse):
            session.sync()
        self.assertEqual([[one["params"]["uri"] for one in session.heard("notifications/resources/updated")]
                          for session in (stdio, http, sse)], [[], ["test://a"], ["test://b"]])

    def test_questions_go_to_whose_call_it_is(self):
        sessions = self.each_transport(capabilities={"elicitation": {}}, revision="2025-06-18")
        for number, session in enumerate(sessions):
            pending = session.do({"ask": "elicitation/create",
                                  "params": {"message": "?", "requestedSchema": {"type": "object"}}})
            session.respond(session.next_ask(), {"action": "accept", "content": {"who": number}})
            self.assertIn('"who":%d' % number, pending.text().replace(" ", ""))
        for session in sessions:
            self.assertEqual(len(session.asks), 0)

    def test_one_that_leaves_is_not_noticed(self):
        stdio, http, sse = self.each_transport()
        held = http.do({"hold": "k"}, {"text": "still here"})
        self.home.server().wait("(hold k)")
        sse.connection.cut()
        stdio.close()
        self.home.server().release("k")
        self.assertEqual(held.text(), "still here")

    def test_the_project_is_said_by_the_url(self):
        self.home.config({"http": {"port": self.home.port, "token": None},
                          "mcpServers": {"fake": {**self.fake_entry(), "scope": "project"}}})
        one, two = self.home.directory("one"), self.home.directory("two")
        self.streamable(project=one)
        self.streamable(project=two)
        self.sse(project=two)
        self.stdio(cwd=one)
        self.assertEqual([server.facts["cwd"] for server in self.home.servers()], [one, two])

    def test_a_project_that_is_none_is_refused(self):
        for project in ("relative", self.home.path("missing"), "/etc/passwd"):
            answer = self.request("POST", "/mcp/fake?project=" + project, body=HELLO)
            self.assertIn(answer.status, (400, 404), answer.text())
            self.assertRegex(answer.text(), "project|directory")
