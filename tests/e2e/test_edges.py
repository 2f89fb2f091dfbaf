"""Edges between the parts: limits that are reached, order that is unusual, deaths at bad moments."""
import os
import signal
import threading

from client import RpcError, wait_gone
from world import Case, eventually, needs_hearth

MIB = 1 << 20


@needs_hearth
class TestOrder(Case):
    def test_a_request_before_initialize_is_answered(self):
        a = self.home.open(name="fake")
        early = a.start("tools/list")
        early.response()
        a.initialize()
        a.sync()

    def test_initialize_twice(self):
        """A client that initialises again gets an answer and no second handshake reaches the server."""
        a = self.client()
        a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                               "clientInfo": {"name": "t", "version": "1"}}).response()
        a.sync()
        self.assertEqual(self.server().counts()["initialize"], 1)

    def test_calls_without_initialized(self):
        """A client that never says notifications/initialized is served all the same."""
        a = self.home.open(name="fake")
        a.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                 "clientInfo": {"name": "t", "version": "1"}})
        self.assertEqual(a.echo("x"), "x")

    def test_one_token_for_two_calls_of_one_session(self):
        """Progress with a token that is in use twice reaches its client, and each call is answered."""
        a = self.client()
        calls = [a.do({"hold": "go"}, {"progress": 2}, {"text": str(n)}, token="same") for n in range(2)]
        self.server().wait("(hold go)", count=2)
        self.server().release("go")
        self.assertEqual([call.text() for call in calls], ["0", "1"])
        a.sync()
        self.assertEqual({n["params"]["progressToken"] for n in a.heard("notifications/progress")}, {"same"})

    def test_a_shell_pipe_gets_its_answers(self):
        """printf … | hearth run …: input ends right behind the requests; what was asked is answered before the end."""
        a = self.home.open(name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        a.notify("notifications/initialized")
        echo = a.start_tool("echo", {"text": "x"})
        a.close_input()
        hello.result()
        self.assertEqual(echo.text(), "x")
        self.assertEqual(a.wait_exit(), 0)


@needs_hearth
class TestLimits(Case):
    def test_more_calls_than_a_session_may_have_in_flight(self):
        """Over the limit the client is not read, which is neither an error nor a loss: all are answered in the end."""
        a, b = self.client(), self.client()
        count = 1500
        lines = "".join(a.line_of("tools/call", {"name": "do", "arguments": {"steps": [{"hold": "go"}, {"text": str(n)}]}},
                                  '"c%d"' % n) + "\n" for n in range(count))
        writer = threading.Thread(target=a.write, args=(lines.encode(),), daemon=True)
        writer.start()  # It is stopped in the middle: the pipe is full and nobody reads.
        server = self.server()
        server.wait("(hold go)", count=1000)
        b.sync()
        server.release("go")
        for n in range(count):
            answer = a.wait("answer %d" % n, lambda n=n: a.responses['"c%d"' % n])[0]
            self.assertEqual(answer["result"]["content"][0]["text"], str(n))

    def test_much_that_is_sent_while_the_server_starts(self):
        a = self.home.open("--initialize", "hold", name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        server = self.home.wait_server()
        server.wait('"initialize"')
        a.notify("notifications/initialized")
        server.release("initialize")
        calls = [a.start_tool("length", {"text": "x" * (3 * MIB)}) for _ in range(4)]
        hello.result()
        self.assertEqual([call.text() for call in calls], [str(3 * MIB)] * 4)

    def test_many_subscriptions(self):
        a, b = self.client(), self.client()
        for n in range(200):
            a.request("resources/subscribe", {"uri": "fake://%d" % n})
        self.server().do(*({"updated": "fake://%d" % n} for n in range(200)))
        a.hear("notifications/resources/updated", 200)
        b.sync()
        self.assertEqual(b.notices, [])


@needs_hearth
class TestDeaths(Case):
    def kill_daemon(self):
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_gone(pid))

    def test_every_call_in_flight_of_twenty_sessions_is_answered_once(self):
        sessions = self.home.clients_of(20)
        calls = [[session.do({"hold": "never"}) for _ in range(20)] for session in sessions]
        self.server().wait("(hold never)", count=400)
        self.kill_daemon()
        for mine in calls:
            for call in mine:
                with self.assertRaises(RpcError):
                    call.result()
        for session, mine in zip(sessions, calls):
            session.sync()
            self.assertEqual([len(session.responses[call.key]) for call in mine], [1] * 20)
        self.assertEqual(len(self.home.servers()), 2)

    def test_a_big_request_half_written(self):
        """More of a request than is kept for the next daemon: that one call fails, the next line is whole again."""
        a = self.client()
        a.sync()
        line = (a.line_of("tools/call", {"name": "length", "arguments": {"text": "x" * MIB}}, '"big"') + "\n").encode()
        a.write(line[:MIB // 2])
        self.kill_daemon()
        before = a.answers()
        a.write(line[MIB // 2:])
        self.assertEqual(a.echo("next"), "next")
        self.assertLessEqual(a.answers() - before, 2)
        self.assertEqual(sum(len(server.of("tools/call")) for server in self.home.servers()), 2)

    def test_a_question_open_when_the_daemon_dies(self):
        """The client still has a question of the old server: its answer reaches nobody, and the next question is asked anew."""
        a = self.client(capabilities={"elicitation": {}})
        call = a.do({"ask": "elicitation/create", "params": {"message": "old"}})
        old = a.next_ask()
        self.kill_daemon()
        with self.assertRaises(RpcError):
            call.result()
        again = a.do({"ask": "elicitation/create", "params": {"message": "new"}})
        new = a.next_ask()
        self.assertNotEqual(new["id"], old["id"], "an old answer could be taken for the new one")
        a.respond(old, {"action": "accept", "content": {"from": "old"}})
        a.respond(new, {"action": "accept", "content": {"from": "new"}})
        self.assertEqual(again.collected()[0]["result"]["content"], {"from": "new"})

    def test_a_server_that_closes_its_input_but_lives(self):
        """Writing to it fails: whoever calls is answered, not left waiting, and the server is replaced."""
        a = self.client()
        a.do({"close_stdin": True}, {"text": "deaf"}).result()
        call = a.start_tool("echo", {"text": "anybody?"})
        try:
            self.assertEqual(call.text(), "anybody?")
        except RpcError:
            pass
        self.assertEqual(a.echo("again"), "again")
        self.assert_gone(self.home.servers()[0].pid, "the deaf server")

    def test_a_server_that_ends_while_a_big_answer_is_on_its_way(self):
        a = self.client()
        size = 8 * MIB
        self.assertEqual(len(a.do({"size": size}, {"exit": 0}).text()), size)
        self.assertEqual(a.echo("next"), "next")
        self.home.wait_server(2)

    def test_the_daemon_dies_while_a_server_starts_and_sessions_wait(self):
        flags = ("--initialize", "hold")
        sessions = [self.home.open(*flags, name="fake") for _ in range(5)]
        hellos = [session.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                               "clientInfo": {"name": "t", "version": "1"}}) for session in sessions]
        self.home.wait_server().wait('"initialize"')
        eventually("that all have come", lambda: len(self.home.status()["sessions"]) == 5)
        self.kill_daemon()
        second = self.home.wait_server(2)
        second.wait('"initialize"')
        second.release("initialize")
        for session, hello in zip(sessions, hellos):
            hello.result()
            session.notify("notifications/initialized")
            session.sync()
            self.assertEqual(len(session.responses[hello.key]), 1)
        self.assertEqual(len(self.home.servers()), 2)
