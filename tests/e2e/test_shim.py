"""The shim: how it ends, what it survives, and what it says when nothing can be had."""
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios

from client import PATIENCE, RpcError, wait_gone
from world import HEARTH, Case, alive, eventually, needs_hearth


def unread_bytes(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


@needs_hearth
class TestEnds(Case):
    def test_end_of_input(self):
        a = self.client()
        a.sync()
        self.assertEqual(a.close(), 0)
        eventually("that the session is gone", lambda: self.home.status()["sessions"] == [])

    def test_end_of_input_answers_what_was_asked_before(self):
        """A client that writes its requests and closes, like a shell pipe, may still read its answers or not; the shim ends
        either way and the server is not hurt."""
        a, b = self.client(), self.client()
        a.start_tool("echo", {"text": "x"})
        a.close()
        b.sync()

    def test_sigterm_and_sighup_end_it_soon(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                a = self.client()
                a.sync()
                a.signal(number)
                self.assertTrue(wait_gone(a.pid, 5))
                a.wait("the end of its output", lambda: a.ended)
                eventually("that the session is gone", lambda: self.home.status()["sessions"] == [])
        self.assertTrue(self.server().alive())

    def test_sigint_is_ignored_while_the_client_lives(self):
        """Ctrl-C reaches the whole foreground group: the session goes on, daemon and server never feel it."""
        a = self.client()
        a.sync()
        a.signal(signal.SIGINT)
        a.sync()
        self.assertTrue(alive(a.pid))
        self.assertTrue(self.server().alive())
        self.assertEqual(a.close(), 0)

    def test_signals_to_the_clients_group_hit_neither_daemon_nor_server(self):
        """SIGINT cascade: a signal to the client's process group ends the shim at most."""
        b = self.client()
        daemon, server = self.home.daemon_pid(), self.server()
        shim = subprocess.Popen(self.home.shim(self.home.fake(), "fake"), env=self.home.environment(), cwd=self.home.project,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        try:
            self.home.wait_sessions(2)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                os.killpg(shim.pid, number)
            self.assertTrue(wait_gone(shim.pid, 5))
        finally:
            shim.kill()
            shim.communicate()
        b.sync()
        self.assertEqual((self.home.daemon_pid(), server.alive()), (daemon, True))

    def test_kill_of_a_shim_ends_its_session_alone(self):
        a, b = self.client(), self.client()
        a.do({"hold": "k"}, {"text": "x"})
        server = self.server()
        server.wait("(hold k)")
        a.signal(signal.SIGKILL)
        a.wait_exit()
        server.wait("notifications/cancelled")
        eventually("that one session is left", lambda: len(self.home.status()["sessions"]) == 1)
        b.sync()

    def test_a_client_that_closes_its_reading_end_only(self):
        a, b = self.client(), self.client()
        a.sync()
        os.close(a.come)
        a.come = os.open("/dev/null", os.O_RDONLY)
        a.start_tool("echo", {"text": "x"})
        b.sync()
        b.sync()

    def test_the_pipes_are_given_back_as_they_were(self):
        """O_NONBLOCK belongs to the open description that the client shares: after the session it is as before."""
        near, far = os.pipe()
        answers, written = os.pipe()
        before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (near, written)]
        shim = subprocess.Popen(self.home.shim(self.home.fake(), "fake"), env=self.home.environment(), cwd=self.home.project,
                                stdin=near, stdout=written)
        os.write(far, b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
                      b'"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n')
        self.assertIn(b'"result"', os.read(answers, 65536))
        os.close(far)
        self.assertTrue(wait_gone(shim.pid))
        shim.wait()
        eventually("that they are as before", lambda: [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (near, written)] == before)
        for fd in (near, answers, written):
            os.close(fd)


@needs_hearth
class TestInputEnds(Case):
    """Requests are piped in and the pipe is closed behind them: they are answered for as long as somebody reads."""

    def hello(self):
        return ('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
                '"clientInfo":{"name":"t","version":"1"}}}\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def call(self, number, key):
        return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                           "params": {"name": "do", "arguments": {"steps": [{"hold": key}, {"text": key}]}}})

    def answers(self, client):
        return [json.loads(line) for line in client.lines]

    def test_calls_in_flight_are_answered(self):
        a = self.home.open("--initialize", "hold", name="fake")
        a.write((self.hello() + self.call(2, "one") + "\n" + self.call(3, "two") + "\n").encode())
        a.close_input()
        server = self.home.wait_server()
        server.wait('"initialize"')
        self.assertTrue(alive(a.pid))
        server.release("initialize")
        server.wait("(hold two)")
        server.release("two", "one")
        self.assertEqual(a.wait_exit(), 0)
        a.wait("the end of its output", lambda: a.ended)
        self.assertEqual([answer["id"] for answer in self.answers(a)], [1, 3, 2])
        self.assertTrue(all("result" in answer for answer in self.answers(a)))
        eventually("that the session is gone", lambda: self.home.status()["sessions"] == [])

    def test_a_last_line_without_its_newline_is_answered(self):
        for end in ("", "\r"):
            with self.subTest(end):
                a = self.home.open(name="fake")
                a.write((self.hello() + '{"jsonrpc":"2.0","id":2,"method":"ping"}' + end).encode())
                a.close_input()
                self.assertEqual(a.wait_exit(), 0)
                a.wait("the end of its output", lambda: a.ended)
                self.assertEqual(sorted(answer["id"] for answer in self.answers(a)), [1, 2])

    def test_more_than_a_reader_takes_at_once_is_not_cut_off(self):
        """The last answers wait for a slow reader, whatever a pipe holds."""
        a = self.client()
        a.pause()
        a.do({"size": 3 << 20})
        a.close_input()
        b = self.client()
        b.sync()
        self.assertTrue(alive(a.pid))
        a.resume()
        self.assertEqual(a.wait_exit(), 0)
        a.wait("the end of its output", lambda: a.ended)
        self.assertGreater(len(a.lines[-1]), 3 << 20)

    def test_a_question_is_not_waited_for(self):
        a = self.client(revision="2025-06-18", capabilities={"elicitation": {}})
        call = a.do({"ask": "elicitation/create", "params": {"message": "?"}})
        a.next_ask()
        a.close_input()
        self.assertEqual(call.collected()[0]["result"], {"action": "cancel"})
        self.assertEqual(a.wait_exit(), 0)

    def test_a_closed_stdout_ends_it_and_says_what_is_lost(self):
        """Whether its input has ended or not."""
        for ends in (True, False):
            with self.subTest(ends):
                shim = subprocess.Popen(self.home.shim(self.home.fake(), "fake"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=self.home.environment(), cwd=self.home.project)
                try:
                    key = "k%d" % ends
                    shim.stdin.write((self.hello() + self.call(2, key) + "\n").encode())
                    shim.stdin.flush()
                    # The server can get the call before the client gets that answer, which would be lost, too.
                    self.assertIn(b'"id":1', shim.stdout.readline())
                    self.home.wait_server().wait("(hold %s)" % key)
                    if ends:
                        shim.stdin.close()
                    shim.stdout.close()
                    self.assertEqual(shim.wait(PATIENCE), 1)
                    self.assertIn(b"stdout was closed while requests had no answer: 1", shim.stderr.read())
                    self.server().wait("notifications/cancelled", count=2 - ends)
                finally:
                    shim.kill()
                    shim.wait()
                    shim.stdin.close()
                    shim.stderr.close()

    def test_a_signal_ends_it_and_says_what_is_lost(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                a = self.client()
                a.do({"hold": str(number)}, {"text": "x"})
                self.server().wait("(hold %d)" % number)
                a.close_input()
                a.signal(number)
                self.assertEqual(a.wait_exit(), 128 + number)
                self.assertIn("requests had no answer", a.stderr())
                eventually("that the session is gone", lambda: self.home.status()["sessions"] == [])

    def test_the_daemon_dies_meanwhile(self):
        a = self.client()
        call = a.do({"hold": "never"}, {"text": "x"})
        self.server().wait("(hold never)")
        a.close_input()
        os.kill(self.home.daemon_pid(), signal.SIGKILL)
        with self.assertRaises(RpcError):
            call.result()
        self.assertEqual(a.wait_exit(), 0)


@needs_hearth
class TestShutDown(Case):
    """A person ends the daemon under open sessions: they stand ready, and start no daemon until they need one."""

    def rested(self, *clients):
        self.home.hearth("shutdown")
        for client in clients:
            eventually("that it rests", lambda: "the daemon was shut down" in client.stderr())

    def test_a_session_comes_back_with_its_next_request(self):
        a, b = self.client(), self.client()
        a.request("resources/subscribe", {"uri": "fake://a"})
        self.rested(a, b)
        self.assertFalse(os.path.exists(self.home.socket_path))
        self.assertTrue(alive(a.pid) and alive(b.pid))
        self.assertEqual(a.echo("again"), "again")
        server = self.home.servers()[-1]
        server.wait("resources/subscribe", "fake://a")
        self.assertEqual(len(self.home.status()["sessions"]), 1)
        self.assertEqual(b.echo("too"), "too")
        self.assertEqual(len(self.home.servers()), 2)
        self.rested(a, b)
        self.assertEqual(b.echo("once more"), "once more")

    def test_a_call_in_flight_is_answered_and_nothing_runs_twice(self):
        a = self.client()
        call = a.do({"hold": "never"}, {"text": "x"})
        self.server().wait("(hold never)")
        self.rested(a)
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertIn("ask again", str(caught.exception))
        self.assertEqual(a.echo("on"), "on")
        self.assertEqual(sum(len(s.of("tools/call")) for s in self.home.servers()), 2)

    def test_what_is_said_at_rest_is_not_lost(self):
        """`initialized` wants no answer, and starts no daemon; the next one hears of it all the same."""
        a = self.home.open(name="fake")
        a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                               "clientInfo": {"name": "t", "version": "1"}}).result()
        self.rested(a)
        a.notify("notifications/initialized")
        eventually("that it is read", lambda: unread_bytes(a.to) == 0)
        self.assertFalse(os.path.exists(self.home.socket_path))
        a.write(b'{"jsonrpc":"2.0","id":"half","me')
        eventually("that it is read", lambda: unread_bytes(a.to) == 0)
        self.assertFalse(os.path.exists(self.home.socket_path))
        a.write(b'thod":"tools/call","params":{"name":"echo","arguments":{"text":"whole"}}}\n')
        message = a.wait("the answer", lambda: a.responses['"half"'])[0]
        self.assertEqual(message["result"]["content"][0]["text"], "whole")
        a.hear("notifications/tools/list_changed")  # Only a client that is ready is told.

    def test_a_client_that_leaves_at_rest_is_no_failure(self):
        a, b = self.client(), self.client()
        self.rested(a, b)
        self.assertEqual(a.close(), 0)
        b.signal(signal.SIGTERM)
        self.assertEqual(b.wait_exit(), 0)
        self.assertFalse(os.path.exists(self.home.socket_path))

    def test_the_daemon_ends_in_order(self):
        """It lets go of each session once, and does not crash behind that."""
        self.home.serve({})
        a = self.client()
        a.sync()
        self.rested(a)
        self.assertEqual(self.home.foreground[-1].wait(PATIENCE), 0)

    def test_one_that_has_said_nothing_yet(self):
        a = self.home.open(name="fake")
        self.home.wait_sessions(1)
        self.rested(a)
        a.initialize()
        a.sync()


@needs_hearth
class TestInitializeWaits(Case):
    """A client that is told of an error in place of its first answer has lost the server: it waits for the next start."""

    def begun(self):
        a = self.home.open("--initialize", "hold", name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        self.home.wait_server().wait('"initialize"')
        return a, hello

    def goes_on(self, a, hello):
        second = self.home.wait_server(2)
        second.wait('"initialize"')
        second.release("initialize")
        self.assertEqual(hello.result()["serverInfo"]["name"], "fake")
        a.notify("notifications/initialized")
        a.sync()
        self.assertEqual(len(a.responses[hello.key]), 1)
        self.assertNotRegex(a.stderr(), r": *$|stopped")

    def test_a_stop(self):
        a, hello = self.begun()
        self.home.hearth("stop", "fake")
        self.goes_on(a, hello)

    def test_a_restart(self):
        a, hello = self.begun()
        self.home.hearth("restart", "fake")
        self.goes_on(a, hello)

    def test_a_daemon_that_is_told_to_end(self):
        a, hello = self.begun()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(wait_gone(pid))
        self.goes_on(a, hello)


@needs_hearth
class TestDaemonDies(Case):
    def kill_daemon(self):
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_gone(pid))
        return pid

    def test_the_session_goes_on_and_nothing_runs_twice(self):
        """A reconnecting shim that replays a call which the server had begun: the client gets one explicit error, the
        server's counter says one, and the session goes on without a new initialize."""
        a = self.client()
        self.assertEqual(a.tool("count", {"key": "k"}), "1")
        call = a.do({"hold": "never"}, {"text": "x"})
        self.server().wait("(hold never)")
        self.kill_daemon()
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertTrue(str(caught.exception))
        self.assertEqual(a.echo("on"), "on")
        self.assertEqual(len(a.responses[call.key]), 1)
        first, second = self.home.servers()
        self.assert_gone(first.pid, "the dead daemon's server")
        self.assertEqual(sum(len(s.of("tools/call")) for s in (first, second)), 3)
        self.assertEqual([m["method"] for m in second.received()][:3],
                         ["server/discover", "initialize", "notifications/initialized"])
        for kind in ("tools", "resources", "prompts"):
            a.hear("notifications/%s/list_changed" % kind)
        self.assertEqual(len([k for k, all_of in a.responses.items() if len(all_of) > 1]), 0)

    def test_what_the_session_had_set_up_is_replayed(self):
        a = self.client(revision="2025-06-18", capabilities={"elicitation": {}})
        a.request("resources/subscribe", {"uri": "fake://a"})
        a.request("logging/setLevel", {"level": "warning"})
        self.kill_daemon()
        a.sync()
        server = self.home.servers()[-1]
        server.wait("resources/subscribe", "fake://a")
        server.wait("logging/setLevel", "warning")
        server.do({"log": "info"}, {"log": "error"}, {"updated": "fake://a"})
        a.hear("notifications/resources/updated")
        self.assertEqual([n["params"]["level"] for n in a.hear("notifications/message")], ["error"])
        call = a.do({"ask": "elicitation/create", "params": {"message": "?"}})
        a.respond(a.next_ask(), {"action": "decline"})
        self.assertEqual(call.collected()[0]["result"], {"action": "decline"})

    def test_ten_sessions_survive_it_together(self):
        sessions = self.home.clients_of(10)
        self.kill_daemon()
        calls = [session.start_tool("echo", {"text": str(n)}) for n, session in enumerate(sessions)]
        self.assertEqual([call.text() for call in calls], [str(n) for n in range(10)])
        self.assertEqual(len(self.home.servers()), 2)
        daemons = self.home.daemons()
        self.assertEqual(len(daemons), 1)

    def test_again_and_again(self):
        a = self.client()
        for n in range(4):
            self.assertEqual(a.echo(str(n)), str(n))
            self.kill_daemon()
        self.assertEqual(a.echo("end"), "end")

    def test_half_a_line_that_was_read_is_not_lost(self):
        """The daemon dies between two chunks of one request: the rest arrives at the next daemon, which knows the first half."""
        a = self.client()
        a.sync()
        line = (a.line_of("tools/call", {"name": "echo", "arguments": {"text": "whole"}}, '"half"') + "\n").encode()
        a.write(line[:40])
        # The bytes must have left the pipe: only then does a daemon hold them.
        eventually("that the half is read", lambda: unread_bytes(a.to) == 0)
        self.kill_daemon()
        eventually("the next daemon", lambda: self.home.hearth("status", check=False).returncode == 0)
        a.write(line[40:])
        message = a.wait("the answer", lambda: a.responses['"half"'])[0]
        self.assertEqual(message["result"]["content"][0]["text"], "whole")

    def test_before_initialize(self):
        a = self.home.open(name="fake")
        self.home.wait_sessions(1)
        self.kill_daemon()
        a.initialize()
        a.sync()

    def test_during_initialize(self):
        flags = ("--initialize", "hold")
        a = self.home.open(*flags, name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        first = self.home.wait_server()
        first.wait('"initialize"')
        self.kill_daemon()
        second = self.home.wait_server(2)
        second.wait('"initialize"')
        second.release("initialize")
        self.assertEqual(hello.result()["serverInfo"]["name"], "fake")
        a.notify("notifications/initialized")
        a.sync()
        self.assertEqual(len(a.responses[hello.key]), 1)

    def test_while_a_line_is_half_written_to_the_client(self):
        """The client has half an answer in its pipe when the daemon dies: it gets a line end, so that the next line is whole."""
        a = self.client()
        a.pause()
        big = a.do({"size": 4 << 20})
        b = self.client()
        b.sync()
        self.kill_daemon()
        a.resume()
        with self.assertRaises(RpcError):
            big.result()
        a.sync()
        whole = [line for line in a.lines if line.startswith(b'{"jsonrpc"') and line.endswith(b"}")]
        self.assertGreaterEqual(len(whole), 3)

    def test_stubborn_descendants_of_a_dead_daemon_are_reaped_by_the_next(self):
        """Broker killed with SIGKILL: its servers and their grandchildren end, at the latest with the next daemon."""
        a = self.client("--ignore-eof", "--ignore-term")
        pids = a.do({"fork": "session"}, {"fork": "stubborn"}).collected() + [self.server().pid]
        self.kill_daemon()
        a.sync()
        for pid in pids:
            self.assert_gone(pid, "what the dead daemon left")


@needs_hearth
class TestNoDaemon(Case):
    def test_it_says_why_and_answers_with_that(self):
        """No daemon can be had at all: silence would hang the client, so requests are answered with the reason."""
        os.mkdir(self.home.run_dir)
        os.mkdir(os.path.join(self.home.run_dir, "hearthd.lock"))  # A directory cannot be locked like a file.
        a = self.home.open(name="fake")
        with self.assertRaises(RpcError) as caught:
            a.initialize()
        self.assertTrue(str(caught.exception))
        with self.assertRaises(RpcError):
            a.request("tools/list")
        self.assertIn("hearth:", a.stderr())
        self.assertEqual(a.close_input(), None)
        self.assertTrue(wait_gone(a.pid))
        os.rmdir(os.path.join(self.home.run_dir, "hearthd.lock"))

    def test_a_daemon_program_that_is_missing(self):
        folder = self.home.directory("alone")
        program = os.path.join(folder, "hearth")
        with open(HEARTH, "rb") as source, open(program, "wb") as copy:
            copy.write(source.read())
        os.chmod(program, 0o755)
        a = self.home.spawn([program, "run", "--", *self.home.fake()])
        with self.assertRaises(RpcError) as caught:
            a.initialize()
        self.assertIn("hearthd", str(caught.exception))
        self.assertIn("hearthd", a.stderr())


@needs_hearth
class TestStreams(Case):
    def script(self):
        return "".join(line + "\n" for line in (
            '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
            '"clientInfo":{"name":"t","version":"1"}}}',
            '{"jsonrpc":"2.0","method":"notifications/initialized"}',
            '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"from a file"}}}'))

    def test_files_as_stdin_and_stdout(self):
        """Descriptors that cannot be polled are relayed: a recorded session is played from a file into a file."""
        asked, answered = self.home.path("asked"), self.home.path("answered")
        with open(asked, "w") as file:
            file.write(self.script())
        with open(asked) as stdin, open(answered, "w") as stdout:
            shim = subprocess.Popen(self.home.shim(self.home.fake(), "fake"), stdin=stdin, stdout=stdout,
                                    env=self.home.environment(), cwd=self.home.project)
            try:
                self.assertEqual(shim.wait(PATIENCE), 0)
            finally:
                shim.kill()
                shim.wait()
        with open(answered) as file:
            answers = [json.loads(line) for line in file]
        self.assertEqual(answers[0]["id"], 1)
        self.assertEqual([answer["id"] for answer in answers if "id" in answer], [1, 2])

    def test_a_terminal(self):
        """A person who types: input and output on a terminal."""
        ours, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~(termios.ECHO | termios.ICANON)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        shim = subprocess.Popen(self.home.shim(self.home.fake(), "fake"), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
                                env=self.home.environment(), cwd=self.home.project)
        os.close(theirs)
        os.write(ours, self.script().encode())
        seen = b""
        while b"from a file" not in seen:
            seen += os.read(ours, 65536)
        os.close(ours)
        self.assertTrue(wait_gone(shim.pid))
        shim.communicate()

    def test_socket_pairs_as_node_gives_them(self):
        a = self.client(transport="socketpair")
        self.assertEqual(a.echo("x"), "x")
        self.assertEqual(len(a.do({"size": 3 << 20}).text()), 3 << 20)
        self.assertEqual(a.close(), 0)

    def test_closed_standard_streams(self):
        """Started with stdin closed: it ends, and says so, instead of taking the next descriptor for a client."""
        done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *self.home.shim(self.home.fake(), "fake")],
                              env=self.home.environment(), cwd=self.home.project, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.stdout, b"")

    def test_an_empty_environment(self):
        """Codex passes a dozen variables, an SDK six: the same daemon is found without XDG_* and with it."""
        self.client(env={"XDG_RUNTIME_DIR": self.home.directory("xdg"), "XDG_CONFIG_HOME": self.home.directory("xdg2")})
        b = self.client(env={"LANG": None, "USER": None})
        b.sync()
        self.assertEqual(os.listdir(self.home.path("xdg")), [])
        self.assertEqual(len(self.home.status()["sessions"]), 2)
        self.assertEqual(len(self.home.servers()), 1)

    def test_home_can_be_named_on_the_command_line(self):
        argv = [HEARTH, "--home", self.home.hearth_home, "run", "--", *self.home.fake()]
        a = self.home.spawn(argv, env={"HEARTH_HOME": None})
        a.initialize()
        a.sync()
        self.assertEqual(len(self.home.status()["sessions"]), 1)
