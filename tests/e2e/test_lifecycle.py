"""A server's life: start, crash, restart, breaker, idle stop, stop, and what it leaves behind."""
import os
import signal
import sys

from client import RpcError, wait_gone
from world import HEARTH, Case, alive, eventually, needs_hearth, parent_of

ODD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "odd_server.py")


@needs_hearth
class LifeCase(Case):
    def attach(self, flags=(), name="fake", wait=True, **entry):
        """A session of an entry of config.json, with the timing that the test needs."""
        self.home.config({"mcpServers": {name: {"command": self.home.fake()[0], "args": [*self.home.fake()[1:], *flags],
                                                **entry}}})
        session = self.home.spawn([HEARTH, "attach", name])
        if wait:
            session.initialize()
        return session

    def hello(self, session):
        return session.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                            "clientInfo": {"name": "t", "version": "1"}})


class TestCrash(LifeCase):
    def test_a_crash_during_a_call_is_answered_and_the_session_goes_on(self):
        """A crash while calls are in flight hangs them for ever elsewhere: each gets one error, none is run again, the next
        call works, and the server was initialised before it saw anything else."""
        a, b = self.client(), self.client()
        held = b.do({"hold": "k"})
        a.tool("count", {"key": "ran"})
        self.server().wait("(hold k)")
        with self.assertRaises(RpcError) as caught:
            a.do({"exit": 3}).result()
        self.assertIn("status 3", str(caught.exception))
        with self.assertRaises(RpcError) as caught:
            held.result()
        self.assertEqual(caught.exception.data["server"], "fake")
        self.assertIn("retryable", caught.exception.data)
        self.assertEqual(a.echo("next"), "next")
        first, second = self.home.servers()
        methods = [message["method"] for message in second.received()]
        self.assertEqual(methods[:3], ["server/discover", "initialize", "notifications/initialized"])
        self.assertEqual([m["params"]["name"] for m in second.of("tools/call")], ["echo"])
        self.assertEqual(len(b.responses[held.key]), 1)

    def test_when_the_guard_is_killed_sessions_go_on(self):
        """The servers' parent is a process of its own. It takes them along; the daemon and the sessions stay."""
        a, b = self.client(), self.client()
        held = b.do({"hold": "k"})
        server = self.server()
        server.wait("(hold k)")
        daemon = self.home.daemon_pid()
        guard = parent_of(server.pid)
        self.assertEqual(parent_of(guard), daemon)
        os.kill(guard, signal.SIGKILL)
        with self.assertRaises(RpcError) as caught:
            held.result()
        self.assertIn("guard process has died", str(caught.exception))
        wait_gone(server.pid)
        self.assertEqual((a.echo("next"), b.echo("too")), ("next", "too"))
        self.assertEqual(self.home.daemon_pid(), daemon)
        self.assertNotEqual(parent_of(self.home.servers()[-1].pid), guard)

    def test_an_exit_at_any_phase_is_answered(self):
        """Hangs after a crash: wherever in its life the server ends, whoever waits gets an error or is served by the next."""
        phases = {"during initialize": ["--initialize", "exit"],
                  "right after initialize": ["--after-initialized", '[{"exit": 5}]'],
                  "in the middle of its first words": ["--banner", r'{"jsonrpc":"2.0","id":1,"resu', "--exit-at-start", "5"]}
        for phase, flags in phases.items():
            with self.subTest(phase):
                session = self.home.open(*flags, name="fake")
                hello = self.hello(session)
                call = session.start_tool("echo", {"text": "x"})
                hello.response(), call.response()
        a = self.client()
        for method, params in (("tools/list", {}), ("resources/read", {"uri": "fake://a"}), ("fake/any", {})):
            with self.assertRaises(RpcError):
                a.request(method, {**params, "_meta": {"fake/steps": [{"raw": '{"jsonrpc":"2.0","id":$ID,"res'}, {"exit": 5}]}})
            self.home.hearth("restart", "fake")  # Forgives, so that the breaker stays out of this.
            a.sync()

    def test_killed_by_a_signal_names_the_signal(self):
        a = self.client()
        with self.assertRaises(RpcError) as caught:
            a.do({"signal": int(signal.SIGSEGV)}).result()
        self.assertIn("SIGSEGV", str(caught.exception))

    def test_a_crash_right_after_answering_loses_nothing(self):
        a = self.client()
        self.assertEqual(a.do({"text": "last words"}, {"exit": 1}).text(), "last words")
        self.home.wait_server(2)
        self.assertEqual(a.echo("next"), "next")

    def test_a_server_that_closes_its_output_counts_as_gone(self):
        a = self.client()
        with self.assertRaises(RpcError):
            a.do({"close_stdout": True}, {"hold": "for ever"}).result()
        self.assertEqual(a.echo("next"), "next")
        self.assert_gone(self.home.servers()[0].pid, "the silent server")

    def test_subscriptions_level_and_lists_are_brought_back(self):
        a, b = self.client(), self.client()
        a.request("resources/subscribe", {"uri": "fake://a"})
        b.request("resources/subscribe", {"uri": "fake://a"})
        b.request("resources/subscribe", {"uri": "fake://b"})
        a.request("logging/setLevel", {"level": "debug"})
        os.kill(self.server().pid, signal.SIGKILL)
        second = self.home.wait_server(2)
        second.wait("resources/subscribe", count=2)
        second.wait("logging/setLevel", "debug")
        self.assertEqual(sorted(m["params"]["uri"] for m in second.of("resources/subscribe")), ["fake://a", "fake://b"])
        for session in (a, b):
            session.hear("notifications/tools/list_changed")
        second.do({"updated": "fake://b"}, {"updated": "fake://a"}, {"log": "debug"})
        b.hear("notifications/resources/updated", 2)
        a.hear("notifications/message")
        a.sync()
        self.assertEqual([n["params"]["uri"] for n in a.heard("notifications/resources/updated")], ["fake://a"])

    def test_a_question_open_when_the_server_dies_is_withdrawn(self):
        a = self.client(capabilities={"elicitation": {}})
        call = a.do({"ask": "elicitation/create", "params": {"message": "?"}})
        ask = a.next_ask()
        os.kill(self.server().pid, signal.SIGKILL)
        with self.assertRaises(RpcError):
            call.result()
        self.assertEqual(a.hear("notifications/cancelled")[0]["params"]["requestId"], ask["id"])
        a.respond(ask, {"action": "accept"})
        a.sync()
        self.assertEqual(self.home.servers()[-1].counts()["(response)"], 0)

    def test_a_server_that_never_stays_up_is_given_up_with_its_last_words(self):
        """A restart loop without end: attempts follow a back-off, then it is failed, and says what stderr said last."""
        a = self.home.open("--exit-at-start", "1", "--words", "cannot open the vault", name="fake")
        with self.assertRaises(RpcError) as caught:
            a.initialize(seconds=60)
        self.assertIn("cannot open the vault", str(caught.exception))
        self.assertIn("status 1", str(caught.exception))
        self.assertLess(len(self.home.servers()), 8)

    def test_a_server_that_fails_twice_and_then_runs_is_reached(self):
        self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": [
            *self.home.fake()[1:], "--exit-at-start", "1", "--exits", "2"]}}})
        for _ in range(5):
            session = self.home.spawn([HEARTH, "attach", "fake"])
            try:
                session.initialize(seconds=60)
                break
            except RpcError:
                session.close()
        self.assertEqual(session.echo("x"), "x")
        self.assertEqual(len(self.home.servers()), 3)

    def test_a_call_that_kills_its_server_is_refused_and_the_server_stays(self):
        """One bad call, made by five sessions, takes the server from everybody elsewhere: after three deaths of it the call is
        refused, and the others go on."""
        other = self.client()
        for session in self.home.clients_of(5):
            with self.assertRaises(RpcError) as caught:
                session.do({"exit": 3}).result()
            self.assertEqual(other.echo("x"), "x")
        self.assertIn("has ended it 3 times in a row (it exited with status 3)", str(caught.exception))
        self.assertEqual(len(self.home.servers()), 4)
        server = self.home.status_of()[0]
        self.assertEqual((server["state"], server["failures"]), ("ready", 1))
        self.assertEqual([(call["deaths"], call["refused"]) for call in server["refusedCalls"]], [(3, 2)])
        self.assertIn("has ended it 3 times with the same arguments", self.home.hearth("status").stdout)
        self.home.hearth("restart", "fake")
        with self.assertRaises(RpcError) as caught:
            session.do({"exit": 3}).result()
        self.assertIn("while this call was running", str(caught.exception))

    def test_restart_by_hand_revives_a_failed_one(self):
        a = self.client()
        for attempt in range(8):
            try:
                a.do({"exit": 1}, {"text": "not the same call as the %dth" % attempt}).result()
            except RpcError as error:
                last = error
            if any(server["state"] == "failed" for server in self.home.status_of()):
                break
        else:
            self.fail("eight crashes in a row and still not failed: %s, %s" % (self.home.status_of(), last))
        self.home.hearth("restart", "fake")
        self.assertEqual(a.echo("back"), "back")


@needs_hearth
class OddCase(Case):
    """Servers with a habit of their own (odd_server.py)."""

    def odd(self, habit, **more):
        self.record = self.home.path("record")
        return self.home.spawn([HEARTH, "run", "--name", "odd", "--", sys.executable, ODD, habit, self.record], **more)

    def recorded(self):
        with open(self.record, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def call(self, session):
        return session.request("tools/call", {"name": "t", "arguments": {}})["content"][0]["text"]


class TestFirstWords(OddCase):
    def test_a_server_that_knows_one_revision_only(self):
        """The client's own revision is offered after a refusal, and is offered first from then on, by the next daemon too."""
        a = self.odd("own-revision")
        self.assertEqual(a.initialize("2025-03-26")["protocolVersion"], "2025-03-26")
        self.assertEqual(self.call(a), "done")
        self.assertEqual(self.recorded(), ["started", "offered 2025-11-25", "offered 2025-03-26"])
        self.home.hearth("shutdown")
        b = self.odd("own-revision")
        self.assertEqual(b.initialize("2025-06-18")["protocolVersion"], "2025-06-18")
        self.assertEqual(self.call(b), "done")
        self.assertEqual(self.recorded()[3:], ["started", "offered 2025-03-26"])

    def test_a_server_that_takes_its_first_line_for_initialize(self):
        a = self.odd("first-line")
        self.assertEqual(a.initialize("2025-06-18")["protocolVersion"], "2025-06-18")
        self.assertEqual(self.call(a), "done")
        self.assertEqual(self.recorded(), ["started", "offered None", "started", "offered 2025-11-25"])


class TestIdleEnd(OddCase):
    def test_a_server_that_ends_by_itself_when_idle(self):
        """It is started when somebody asks, and not before."""
        a = self.odd("idle-end")
        a.initialize()
        for count in range(1, 8):
            self.assertEqual(self.call(a), "done")
            self.assertEqual(self.recorded().count("started"), count)
            eventually("the end of the server", lambda: self.home.status_of("odd")[0]["state"] == "stopped")
            server = self.home.status_of("odd")[0]
            self.assertEqual((server["failures"], server["trouble"]), (0, ""))

    def test_a_server_that_serves_one_request_per_process(self):
        """Each call gets a process, also one that comes while the last is ending."""
        a = self.odd("one-request")
        a.initialize()
        self.assertEqual([self.call(a) for _ in range(8)], ["done"] * 8)
        self.assertEqual(self.home.status_of("odd")[0]["failures"], 0)

    def test_a_server_that_closes_its_stdout_is_named_for_it(self):
        a = self.odd("mute")
        a.initialize()
        with self.assertRaises(RpcError) as caught:
            self.call(a)
        self.assertIn("closed its stdout, and was stopped for that", str(caught.exception))


class TestStart(LifeCase):
    def test_a_missing_program_is_said_to_its_caller_alone(self):
        a = self.client()
        b = self.home.spawn(self.home.shim(["no-such-program-anywhere"], "missing"))
        with self.assertRaises(RpcError) as caught:
            b.initialize()
        self.assertIn("no-such-program-anywhere", str(caught.exception))
        self.assertIn("no-such-program-anywhere", b.stderr())
        a.sync()

    def test_a_file_that_may_not_be_executed(self):
        path = self.home.path("not-a-program")
        with open(path, "w") as file:
            file.write("hello")
        b = self.home.spawn(self.home.shim([path], "plain"))
        with self.assertRaises(RpcError) as caught:
            b.initialize()
        self.assertIn("not-a-program", str(caught.exception))

    def test_a_file_that_is_no_program(self):
        path = self.home.path("script-without-interpreter")
        with open(path, "w") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(path, 0o755)
        b = self.home.spawn(self.home.shim([path], "plain"))
        with self.assertRaises(RpcError) as caught:
            b.initialize()
        self.assertIn("script-without-interpreter", str(caught.exception))

    def test_a_silent_server_is_given_up_after_the_start_timeout(self):
        a = self.attach(["--initialize", "silence"], wait=False, startTimeoutMs=300)
        with self.assertRaises(RpcError) as caught:
            a.initialize()
        self.assertIn("fake", str(caught.exception))
        self.assert_gone(self.home.servers()[0].pid, "the silent server")

    def test_a_slow_server_that_speaks_on_stderr_gets_more_time(self):
        """A cold npx takes longer than any timeout, but it talks: that extends it."""
        a = self.attach(["--initialize", "hold", "--murmur-ms", "50"], wait=False, startTimeoutMs=500)
        hello = self.hello(a)
        server = self.home.wait_server()
        server.wait('"initialize"')
        self.assertFalse(wait_gone(server.pid, 1.5), "a server that still spoke was given up")
        server.release("initialize")
        hello.result()
        self.assertEqual(len(self.home.servers()), 1)

    def test_sessions_that_come_while_it_starts_wait_for_the_same_one(self):
        flags = ("--initialize", "hold")
        sessions = [self.home.open(*flags, name="fake") for _ in range(5)]
        hellos = [self.hello(session) for session in sessions]
        early = [session.start_tool("echo", {"text": "x"}) for session in sessions]
        server = self.home.wait_server()
        eventually("that all have come", lambda: len(self.home.status()["sessions"]) == 5)
        server.release("initialize")
        for hello, echo in zip(hellos, early):
            hello.result()
            self.assertEqual(echo.text(), "x")
        self.assertEqual(len(self.home.servers()), 1)

    def test_nothing_is_sent_to_a_server_that_nobody_asked_for(self):
        """Health probes with side effects: a server hears its handshake and its sessions' own requests, no more."""
        a = self.client()
        a.sync()
        self.assertEqual(dict(self.server().counts()),
                         {"server/discover": 1, "initialize": 1, "notifications/initialized": 1, "tools/call": 1})

    def test_a_server_inherits_nothing_it_should_not(self):
        """Inherited descriptors, masks and ignored signals; and its working directory is the session's."""
        self.client(cwd=self.home.project, env={"MOOD": "calm"})
        facts = self.server().facts
        self.assertEqual(facts["descriptors"], [0, 1, 2])
        self.assertEqual((facts["blocked"], facts["ignored"]), ([], []))
        self.assertEqual(facts["cwd"], self.home.project)
        self.assertEqual(facts["group"], facts["pid"])
        environment = self.server().environment()
        self.assertEqual(environment["MOOD"], "calm")
        self.assertEqual(environment["PATH"], "/usr/local/bin:/usr/bin:/bin")
        self.assertIn("HEARTH_INSTANCE", environment)


class TestStop(LifeCase):
    def test_an_idle_server_is_stopped_by_closing_its_input(self):
        a = self.attach(idleTimeoutMs=100)
        a.sync()
        a.close()
        server = self.server()
        self.assert_gone(server.pid, "the idle server")
        self.assertEqual([len(server.events("eof")), len(server.events("term"))], [1, 0])
        again = self.home.spawn([HEARTH, "attach", "fake"])
        again.initialize()
        self.assertEqual(again.echo("x"), "x")
        self.assertEqual(len(self.home.servers()), 2)

    def test_a_long_call_keeps_its_server(self):
        """Idle stop during a long call: a session with a call, and one without, are both reasons to stay."""
        a = self.attach(idleTimeoutMs=50)
        call = a.do({"hold": "k"}, {"text": "late"})
        server = self.server()
        server.wait("(hold k)")
        self.assertFalse(wait_gone(server.pid, 0.5))
        server.release("k")
        self.assertEqual(call.text(), "late")
        self.assertFalse(wait_gone(server.pid, 0.3), "a server with a session was stopped")

    def test_idle_stop_racing_a_new_session(self):
        """The next session comes at the very moment the server is stopped: nothing is lost, however the race ends."""
        self.attach(idleTimeoutMs=1).close()
        for n in range(25):
            session = self.home.spawn([HEARTH, "attach", "fake"])
            session.initialize()
            self.assertEqual(session.echo(str(n)), str(n))
            session.close()

    def test_the_ladder_ends_a_server_that_ignores_everything(self):
        a = self.client("--ignore-eof", "--ignore-term")
        a.sync()
        server = self.server()
        self.home.hearth("stop", "fake")
        self.assert_gone(server.pid, "the stubborn server")
        self.assertEqual([len(server.events("eof")), len(server.events("term"))], [1, 1])

    def test_a_session_that_comes_while_the_server_is_stopping_gets_another(self):
        """Acquire during drain: a server on its way out is not handed to anybody, and nobody waits for its end for ever."""
        a = self.attach(["--ignore-eof", "--ignore-term"], idleTimeoutMs=1)
        a.sync()
        a.close()
        first = self.server()
        first.wait("(eof)")
        b = self.home.spawn([HEARTH, "attach", "fake"])
        b.initialize()
        self.assertEqual(b.echo("x"), "x")
        self.assertEqual(len(self.home.servers()), 2)
        self.assert_gone(first.pid, "the first server")
        b.sync()

    def test_descendants_go_with_their_server(self):
        """Orphans of npx, uvx and sh: children, those in a session of their own, twice forked and deaf ones are all gone
        after a stop."""
        a = self.client()
        pids = a.do({"fork": "plain"}, {"fork": "session"}, {"fork": "double"}, {"fork": "stubborn"}).collected()
        self.assertTrue(all(alive(pid) for pid in pids))
        self.home.hearth("stop", "fake")
        for pid in pids + [self.server().pid]:
            self.assert_gone(pid, "a descendant")

    def test_descendants_of_a_crashed_server_go_too(self):
        """A restart that skips the sweep of descendants piles them up."""
        a = self.client()
        pids = a.do({"fork": "session"}, {"fork": "stubborn"}).collected()
        with self.assertRaises(RpcError):
            a.do({"exit": 1}).result()
        for pid in pids:
            self.assert_gone(pid, "a descendant of the crashed server")
        self.assertEqual(a.echo("x"), "x")

    def test_a_shell_around_the_server_is_no_hiding_place(self):
        # A shell gives background jobs /dev/null for stdin, unless told otherwise.
        a = self.home.spawn(self.home.shim(["sh", "-c", 'exec 3<&0; sh -c \'"$0" "$@" <&3 & wait\' "$0" "$@"',
                                            *self.home.fake("--ignore-eof")], "shell"))
        a.initialize()
        server = self.server()
        parents = [pid for pid, text in self.home.processes().items() if text.split(" ")[0].endswith("sh")]
        self.assertEqual(len(parents), 2, self.home.processes())
        self.home.hearth("stop", "shell")
        for pid in parents + [server.pid]:
            self.assert_gone(pid, "a process of the tree")

    def test_a_stopped_server_starts_again_when_somebody_calls(self):
        a = self.client()
        a.sync()
        self.home.hearth("stop", "fake")
        self.assert_gone(self.server().pid, "the server")
        self.assertEqual(a.echo("again"), "again")
        self.assertEqual(len(self.home.servers()), 2)

    def test_restarting_again_and_again_leaves_nothing(self):
        a = self.client()
        a.sync()
        pids = []
        for n in range(1, 6):
            pids += a.do({"fork": "stubborn"}).collected()
            self.home.hearth("restart", "fake")
            self.home.wait_server(n + 1)
            self.assertEqual(a.echo(str(n)), str(n))
        for pid in pids + [server.pid for server in self.home.servers()[:-1]]:
            self.assert_gone(pid, "what a restart left")
        fds = len(os.listdir("/proc/%d/fd" % self.home.daemon_pid()))
        for n in range(6, 9):
            self.home.hearth("restart", "fake")
            self.home.wait_server(n + 1)
            a.sync()
        # The command's own connection may still be closing; what has leaked never goes away.
        eventually("the daemon to let go of its descriptors",
                   lambda: len(os.listdir("/proc/%d/fd" % self.home.daemon_pid())) <= fds)

    def test_a_session_scope_server_leaves_with_its_session(self):
        a = self.client("--tag", "private", scope="session")
        server = self.server()
        a.close()
        self.assert_gone(server.pid, "the private server", 60)


class TestDeaf(LifeCase):
    def resident(self):
        with open("/proc/%d/status" % self.home.daemon_pid()) as file:
            return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]

    def test_a_server_that_asks_and_does_not_read_is_ended_with_the_reason(self):
        """Answers that nobody reads would pile up in the daemon: its stdout is not read any more, and then it is ended."""
        a = self.client()
        before = self.resident()
        pings = "".join('{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % n for n in range(1500))
        call = a.do({"stop_reading": True}, *[{"raw": pings}] * 120, {"text": "x"})
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertIn("does not read its stdin", str(caught.exception))
        self.assertLess(self.resident(), before + (64 << 10))
        self.assertEqual(a.echo("on"), "on")

    def test_calls_that_fill_its_stdin_do_not_make_it_deaf(self):
        """A server that answers before it reads on must be read, however much is sent to it."""
        sessions = self.home.clients_of(3)
        calls = [session.start_tool("echo", {"text": str(n) * 300000}) for n, session in enumerate(sessions * 4)]
        for n, call in enumerate(calls):
            self.assertEqual(call.text(), str(n) * 300000)


class TestLog(LifeCase):
    def test_stderr_is_kept_and_shown(self):
        a = self.client("--words", "vault opened")
        a.do({"stderr": "second line\n"}).result()
        text = eventually("the log", lambda: (t := self.home.hearth("logs", "fake").stdout) and "second line" in t and t)
        self.assertIn("vault opened", text)

    def test_a_session_finds_the_log_under_its_own_name(self):
        self.client("--after-initialized", '[{"stderr":"noted"}]', name="one")
        b = self.client("--after-initialized", '[{"stderr":"noted"}]', name="two")
        b.sync()
        self.assertIn("noted", self.home.hearth("logs", "two").stdout)
        self.assertIn("which calls it two", self.home.hearth("why", "two").stdout)
        done = self.home.hearth("why", "three", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("hearth: no server named three is known to the daemon; there are: one, two\n", done.stderr)

    def test_a_server_that_has_written_nothing_says_so(self):
        self.client(name="quiet").sync()
        done = self.home.hearth("logs", "quiet", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "hearth: server quiet has written nothing on its stderr yet\n"))
        self.assertIn("there is no log of loud", self.home.hearth("logs", "loud", check=False).stderr)

    def test_a_banner_is_not_quoted_as_the_cause_of_a_death(self):
        a = self.client("--words", "listening on stdio")
        with self.assertRaises(RpcError) as caught:
            a.do({"exit": 3}).result()
        self.assertIn("exited with status 3", str(caught.exception))
        self.assertNotIn("listening", str(caught.exception))
        with open(os.path.join(self.home.hearth_home, "state", "hearthd.log")) as file:
            self.assertIn("server fake ended: exited with status 3", file.read())

    def test_logs_are_private(self):
        self.client("--words", "vault opened")
        for path, _ in self.home.logs():
            self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
