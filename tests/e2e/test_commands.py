"""The command line: what it prints, its exit codes, and that a wrong word is answered with the right one."""
import json
import os
import subprocess

from world import HEARTH, Case, needs_hearth

COMMANDS = ("run", "attach", "status", "logs", "stop", "restart", "shutdown", "why", "doctor", "version")


@needs_hearth
class TestHelp(Case):
    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command):
                done = self.home.hearth(command, "--help")
                self.assertIn("hearth " + command, done.stdout)
                self.assertEqual(done.stderr, "")

    def test_help_alone_lists_them(self):
        text = self.home.hearth("--help").stdout
        for command in COMMANDS:
            self.assertIn(command, text)

    def test_help_of_one_command_needs_no_daemon(self):
        self.home.hearth("status", "--help")
        self.assertFalse(os.path.exists(self.home.socket_path))

    def test_version(self):
        text = self.home.hearth("version").stdout
        self.assertRegex(text, r"hearth \d+\.\d+\.\d+")
        self.assertRegex(self.home.hearth("--version").stdout, r"\d+\.\d+\.\d+")

    def test_a_wrong_word_is_a_usage_error_that_names_the_right_one(self):
        done = self.home.hearth("staus", check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("status", done.stderr)

    def test_wrong_flags_and_missing_words_are_usage_errors(self):
        for words in (["status", "--jsno"], ["run"], ["run", "--"], ["run", "--scope", "galaxy", "--", "x"], ["attach"],
                      ["stop"], ["logs"], ["status", "too", "many"], ["run", "--name"]):
            with self.subTest(words):
                done = self.home.hearth(*words, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertTrue(done.stderr.startswith("hearth"), done.stderr)

    def test_nothing_at_all_shows_what_there_is(self):
        done = self.home.hearth(check=False)
        self.assertIn("run", done.stdout + done.stderr)


@needs_hearth
class TestWithoutDaemon(Case):
    def test_status_says_so_and_starts_none(self):
        done = self.home.hearth("status", check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("daemon", done.stdout + done.stderr)
        self.assertFalse(os.path.exists(self.home.socket_path))

    def test_commands_for_a_daemon_do_not_start_one(self):
        for words in (["stop", "x"], ["restart", "x"], ["why"]):
            self.assertEqual(self.home.hearth(*words, check=False).returncode, 3, words)
        self.assertFalse(os.path.exists(self.home.socket_path))

    def test_shutdown_of_nothing_is_no_failure(self):
        self.assertIn(self.home.hearth("shutdown", check=False).returncode, (0, 3))


@needs_hearth
class TestStatus(Case):
    def test_json(self):
        a, b = self.client(client_name="claude-code"), self.client(client_name="codex")
        a.do({"hold": "k"})
        self.server().wait("(hold k)")
        status = self.home.status()
        self.assertEqual(set(status) >= {"daemon", "servers", "sessions"}, True)
        self.assertTrue(status["daemon"]["pid"] > 0)
        server = status["servers"][0]
        seen = [server[key] for key in ("name", "state", "pid", "sessions", "calls", "restarts")]
        self.assertEqual(seen, ["fake", "ready", self.server().pid, 2, 1, 0])
        self.assertEqual(len(status["sessions"]), 2)
        text = json.dumps(status["sessions"])
        for word in ("claude-code", "codex", self.home.project):
            self.assertIn(word, text)
        b.sync()

    def test_restarts_are_counted(self):
        a = self.client()
        a.do({"exit": 1})
        self.home.wait_server(2)
        a.sync()
        self.assertEqual(self.home.status_of()[0]["restarts"], 1)

    def test_for_people(self):
        self.client(client_name="claude-code").sync()
        text = self.home.hearth("status").stdout
        for word in ("fake", "claude-code", str(self.server().pid)):
            self.assertIn(word, text)


@needs_hearth
class TestControl(Case):
    def test_stop_of_an_unknown_name_fails_and_names_the_known(self):
        self.client().sync()
        done = self.home.hearth("stop", "fkae", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("fkae", done.stderr)

    def test_stop_and_restart(self):
        a = self.client()
        a.sync()
        first = self.server()
        self.home.hearth("restart", "fake")
        self.assert_gone(first.pid, "the old server")
        self.assertEqual(a.echo("x"), "x")
        self.assertEqual(len(self.home.servers()), 2)
        self.home.hearth("stop", "fake")
        self.assert_gone(self.home.servers()[1].pid, "the stopped server")

    def test_calls_in_flight_of_a_stopped_server_are_answered(self):
        a = self.client()
        call = a.do({"hold": "k"})
        self.server().wait("(hold k)")
        self.home.hearth("stop", "fake")
        self.assertIn("error", call.response())

    def test_logs_follow(self):
        a = self.client("--words", "first words")
        a.sync()
        follower = subprocess.Popen([HEARTH, "logs", "fake", "-f"], env=self.home.environment(), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        try:
            self.assertIn("first words", follower.stdout.readline())
            a.do({"stderr": "second words\n"}).result()
            self.assertIn("second words", follower.stdout.readline())
        finally:
            follower.terminate()
            follower.communicate()

    def test_logs_of_an_unknown_name(self):
        done = self.home.hearth("logs", "nobody", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody", done.stderr)

    def test_output_into_a_closed_pipe_is_no_crash(self):
        self.client().sync()
        done = subprocess.run(["sh", "-c", '"$0" status | true; exit 0', HEARTH], env=self.home.environment(),
                              stderr=subprocess.PIPE, timeout=30)
        self.assertEqual(done.stderr, b"")
