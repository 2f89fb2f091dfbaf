"""Clients that connect by URL and come back: after the daemon died, over a new stream, with an old id; and those that do
not come back, and what they leave."""
import glob
import os
import signal

from http_world import HELLO, HttpCase, call
from world import ABSENT, eventually


class TestSseReturns(HttpCase):
    """SDKs of clients open a broken stream again by themselves, and do not initialize again."""

    def setUp(self):
        super().setUp()
        self.serve()

    def kill_and_serve(self):
        os.kill(self.home.daemon_pid(), signal.SIGKILL)
        self.home.foreground[-1].wait(30)
        self.home.serve_again()

    def clients(self):
        return [session["client"] for session in self.home.status()["sessions"]]

    def test_a_session_goes_on_after_the_daemon_died(self):
        session = self.sse()
        session.sync()
        before = self.clients()
        self.kill_and_serve()
        again = self.sse(ready=False)
        self.assertEqual(again.echo("again"), "again")
        self.assertEqual(self.clients(), before)

    def test_a_session_goes_on_after_its_stream_broke(self):
        session = self.sse()
        session.sync()
        session.connection.cut()
        eventually("that the session is gone", lambda: not self.clients())
        again = self.sse(ready=False)
        self.assertEqual(again.echo("again"), "again")
        self.assertEqual(self.home.server().counts()["initialize"], 1)

    def test_what_it_had_set_up_is_set_up_again(self):
        session = self.sse()
        session.request("resources/subscribe", {"uri": "test://a"})
        self.kill_and_serve()
        again = self.sse(ready=False)
        again.sync()
        self.streamable().do({"updated": "test://a"}).result()
        again.hear("notifications/resources/updated")

    def test_a_call_in_flight_is_answered_with_an_error(self):
        """The client shows that it is initialized, as the SDKs do: by the version that it sends with its GET."""
        session = self.sse()
        pending = session.do({"hold": "for ever"})
        self.home.wait_server().wait("(hold for ever)")
        self.kill_and_serve()
        again = self.connection()
        answer = again.request("GET", "/sse/fake", {"Accept": "text/event-stream", "MCP-Protocol-Version": "2024-11-05"})
        self.assertEqual(answer.next_event().type, "endpoint")
        self.assertIn('"id":%s,"error"' % pending.key, answer.next_event().data)

    def test_several_clients_come_back_each_for_itself(self):
        sessions = [self.sse() for _ in range(3)]
        for session in sessions:
            session.sync()
        self.kill_and_serve()
        again = [self.sse(ready=False) for _ in sessions]
        for number, session in enumerate(again):
            self.assertEqual(session.echo(str(number)), str(number))

    def test_one_that_nothing_is_known_of_can_call(self):
        session = self.sse(ready=False)
        self.assertEqual(session.echo("who am I"), "who am I")

    def test_one_that_initializes_is_a_new_one(self):
        self.sse().sync()
        self.kill_and_serve()
        self.sse().sync()


class TestForgiven(HttpCase):
    """What clients get wrong without harm."""

    def setUp(self):
        super().setUp()
        self.serve()

    def test_a_slash_too_many(self):
        for target in ("/mcp/fake/", "//mcp/fake", "/mcp/fake//"):
            self.assertEqual(self.request("POST", target, body=HELLO).status, 200, target)
        self.assertEqual(self.request("POST", "/mcp/fake/more", body=HELLO).status, 404)
        answer = self.request("GET", "/sse/fake/", {"Accept": "text/event-stream"})
        self.assertEqual(answer.next_event().type, "endpoint")

    def test_initialize_with_an_old_session_id(self):
        """Unknown, ended, alive: whatever it is, the client begins anew."""
        ended, alive = self.streamable(), self.streamable()
        ended.close()
        for old in ("0" * 32, "undefined", ended.session, alive.session):
            answer = self.request("POST", "/mcp/fake", {"Mcp-Session-Id": old, "MCP-Protocol-Version": "2025-11-25"}, HELLO)
            self.assertEqual(answer.status, 200, answer.text())
            self.assertIn("result", answer.json())
            self.assertNotIn(answer.get("mcp-session-id"), (None, old))

    def test_other_requests_with_an_old_id_are_404(self):
        for body in (call(1, "echo"), [HELLO]):
            self.assertEqual(self.request("POST", "/mcp/fake", {"Mcp-Session-Id": "0" * 32}, body).status, 404)

    def test_fields_that_say_the_same_twice(self):
        session = self.streamable()
        twice = "%s, %s" % (session.session, session.session)
        answer = session.raw(body=call(7, "echo", {"text": "x"}), Content_Type="application/json, application/json",
                             Mcp_Session_Id=twice)
        self.assertEqual(answer.status, 200, answer.text())

    def test_a_byte_order_mark(self):
        body = b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",' \
               b'"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}'
        self.assertEqual(self.request("POST", "/mcp/fake", body=body).status, 200)

    def test_a_session_of_the_other_transport_is_none(self):
        name = self.sse().endpoint.partition("session=")[2]
        self.assertEqual(self.request("POST", "/mcp/fake", {"Mcp-Session-Id": name}, call(1, "echo")).status, 404)
        self.assertEqual(self.request("POST", "/sse/fake?session=" + self.streamable().session, body=call(1, "echo")).status, 404)


class TestAway(HttpCase):
    """Clients that are gone without a word."""

    def session(self):
        return self.home.status()["sessions"][0]

    def test_they_are_shown_as_away(self):
        self.serve()
        session = self.streamable()
        session.sync()
        eventually("that it is away", lambda: "awayMs" in self.session())
        self.assertRegex(self.home.hearth("status").stdout, r"testbed.* away .*away for")
        session.listen()
        eventually("that it is back", lambda: "awayMs" not in self.session())

    def test_they_keep_no_server_running(self):
        self.serve(entry={"idleTimeoutMs": 200})
        session = self.streamable()
        session.sync()
        self.assert_gone(self.home.server().pid, "the server")
        self.assertEqual(len(self.home.status()["sessions"]), 1)
        self.assertEqual(session.echo("back"), "back")

    def test_a_client_that_listens_keeps_it_running(self):
        self.serve(entry={"idleTimeoutMs": 100})
        session = self.streamable()
        session.listen()
        other = self.streamable(name="fake")
        other.close()
        pending = session.do({"hold": "k"}, {"text": "still here"})
        self.home.server().release("k")
        self.assertEqual(pending.text(), "still here")
        self.assertEqual(len(self.home.servers()), 1)

    def test_a_call_whose_client_is_gone_is_not_cut_off(self):
        self.serve(entry={"idleTimeoutMs": 100})
        session = self.streamable()
        connection = self.connection()
        connection.start("POST", "/mcp/fake", session.headers(), {"jsonrpc": "2.0", "id": 9, "method": "tools/call",
                         "params": {"name": "do", "arguments": {"steps": [{"hold": "k"}, {"text": "done"}]}}})
        server = self.home.wait_server()
        server.wait("(hold k)")
        connection.cut()
        eventually("that it is away", lambda: "awayMs" in self.session())
        server.release("k")
        self.assert_gone(server.pid, "the server")


    def test_streams_tell_clients_to_wait_before_they_resume(self):
        self.serve()
        answer = self.streamable().raw("GET")
        self.assertEqual(answer.next_event().retry, 3000)


class TestFiles(HttpCase):
    """What is kept of sessions by URL."""

    def files(self):
        return glob.glob(os.path.join(self.home.hearth_home, "state", "http-sessions", "*"))

    def test_they_are_small(self):
        self.serve()
        sessions = [self.streamable() for _ in range(20)]
        for session in sessions:
            session.sync()
        self.assertEqual(len(self.files()), 40)
        self.assertLess(sum(os.stat(path).st_blocks * 512 for path in self.files()), 20 * (64 << 10))
        self.assertFalse(os.path.exists(os.path.join(self.home.run_dir, "http")))

    def test_every_daemon_sweeps_them(self):
        self.serve()
        for _ in range(3):
            self.streamable().sync()
        os.kill(self.home.daemon_pid(), signal.SIGKILL)
        self.home.foreground[-1].wait(30)
        for path in self.files():
            os.utime(path, (1, 1))
        self.home.serve_again()
        eventually("that they are gone", lambda: not self.files())


class TestWords(HttpCase):
    TOKEN = "a-token-that-is-long-enough"

    def test_401_says_where_the_token_is(self):
        self.serve(http={"token": ABSENT})
        text = self.request("POST", "/mcp/fake", body=HELLO).text()
        self.assertIn(os.path.join(self.home.hearth_home, "state", "http-token"), text)

    def test_a_client_that_registers_itself_is_told(self):
        self.serve(http={"token": self.TOKEN})
        answer = self.request("POST", "/register", body={"client_name": "t"})
        self.assertEqual(answer.status, 404)
        self.assertIn("nothing to log in to", answer.json()["error_description"])
        self.assertIn("config.json", answer.json()["error_description"])
        self.assertNotIn(self.TOKEN, answer.text())
