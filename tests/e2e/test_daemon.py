"""The daemon: one per home, how it is found, how it starts, detaches and leaves."""
import json
import os
import signal
import socket
import stat
import subprocess

from client import PATIENCE, RpcError, wait_gone
from world import HEARTH, Case, Home, alive, eventually, needs_hearth


def facts_of(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open("/proc/%d/status" % pid) as file:
        status = dict(line.split(":", 1) for line in file.read().splitlines())
    links = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            links[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            pass
    return {"group": int(fields[2]), "session": int(fields[3]), "tty": int(fields[4]),
            "cwd": os.readlink("/proc/%d/cwd" % pid), "blocked": int(status["SigBlk"], 16), "fds": links}


@needs_hearth
class TestOne(Case):
    def test_two_homes_are_two_daemons(self):
        other = Home()
        self.addCleanup(lambda: other.finish(self))
        a, b = self.client(), other.client()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertNotEqual(self.home.daemon_pid(), other.daemon_pid())
        self.home.shutdown()
        b.sync()

    def test_starters_race_again_and_again(self):
        """Socket removal race: many starters at once, repeatedly; exactly one daemon listens each time."""
        for _ in range(8):
            sessions = [self.home.open(name="fake") for _ in range(6)]
            hellos = [session.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                                   "clientInfo": {"name": "t", "version": "1"}}) for session in sessions]
            for hello in hellos:
                hello.result()
            daemons = self.home.daemons()
            self.assertEqual(len(daemons), 1)
            os.kill(daemons[0], signal.SIGKILL) if _ % 2 else self.home.hearth("shutdown")
            for session in sessions:
                session.dispose()
            self.home.clients.clear()
            eventually("that the daemon is gone", lambda: not alive(daemons[0]))

    def test_it_is_detached_completely(self):
        """A daemon that stays in the terminal's session dies with it: own session, own group, cwd /, nothing inherited."""
        self.client().sync()
        pid = self.home.daemon_pid()
        facts = facts_of(pid)
        self.assertEqual(facts["session"], facts["group"])
        self.assertNotEqual(facts["session"], os.getsid(0))
        asked_for_cores = "HEARTH_CORE_DUMPS" in self.home.environment()
        self.assertEqual((facts["tty"], facts["cwd"]), (0, self.home.hearth_home + "/state" if asked_for_cores else "/"))
        self.assertEqual(facts["fds"][0], "/dev/null")
        for fd, link in facts["fds"].items():
            self.assertFalse(link.startswith(self.home.dir + "/stderr"), "it keeps the client's stderr: %d %s" % (fd, link))
        with open("/proc/%d/environ" % pid) as file:
            self.assertNotIn("SECRET", file.read())

    def test_it_does_not_keep_the_first_sessions_environment(self):
        self.client(env={"MY_SECRET": "hush"}).sync()
        with open("/proc/%d/environ" % self.home.daemon_pid()) as file:
            self.assertNotIn("hush", file.read())

    def test_everything_it_makes_is_private(self):
        self.client().sync()
        for folder, folders, files in os.walk(self.home.hearth_home):
            for name in folders + files:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                if not stat.S_ISLNK(mode):
                    self.assertEqual(mode & 0o077, 0, "%s has mode %o" % (path, mode))


@needs_hearth
class TestLeftovers(Case):
    def test_a_stale_socket_is_replaced(self):
        os.mkdir(self.home.run_dir, 0o700)
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(self.home.socket_path)
        stale.close()
        self.client().sync()

    def test_a_file_where_the_socket_should_be(self):
        os.mkdir(self.home.run_dir, 0o700)
        with open(self.home.socket_path, "w") as file:
            file.write("no socket")
        self.client().sync()

    def test_a_lock_file_that_names_a_living_stranger(self):
        """Pid re-use: a lock file with the pid of a living foreign process, and a half-written one, mean nothing."""
        os.mkdir(self.home.run_dir, 0o700)
        for content in (str(os.getpid()) + "\n", "1\n", "12", "", "\0\0\0garbage"):
            with open(os.path.join(self.home.run_dir, "hearthd.lock"), "w") as file:
                file.write(content)
            self.client().sync()
            self.home.hearth("shutdown")
        self.assertTrue(alive(os.getpid()))

    def test_a_lock_held_by_a_stopped_daemon(self):
        """A daemon that is suspended holds its lock: nobody replaces it, and whoever waited goes on when it does."""
        a = self.client()
        a.sync()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        b = self.home.open(name="fake")
        hello = b.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        os.kill(pid, signal.SIGCONT)
        hello.result()
        b.notify("notifications/initialized")
        a.sync(), b.sync()
        self.assertEqual(self.home.daemon_pid(), pid)

    def test_records_of_a_dead_daemon_do_not_cost_a_stranger_its_life(self):
        """What a dead daemon left is recognised by mark and start time, never by a pid alone."""
        self.client().sync()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_gone(pid))
        stranger = subprocess.Popen(["sleep", "1000"], env={"PATH": "/usr/bin:/bin"})
        try:
            for folder, _, files in os.walk(self.home.run_dir):
                for name in files:
                    path = os.path.join(folder, name)
                    if not stat.S_ISREG(os.lstat(path).st_mode):
                        continue
                    with open(path) as file:
                        text = file.read()
                    for server in self.home.servers():
                        text = text.replace(str(server.pid), str(stranger.pid))
                    with open(path, "w") as file:
                        file.write(text.replace(str(pid), str(stranger.pid)))
            self.client().sync()
            self.assertIsNone(stranger.poll(), "a stranger was killed")
        finally:
            stranger.kill()
            stranger.wait()

    def test_a_run_directory_that_is_open_to_others_is_closed(self):
        os.mkdir(self.home.run_dir)
        os.chmod(self.home.run_dir, 0o777)
        self.client().sync()
        self.assertEqual(os.stat(self.home.run_dir).st_mode & 0o777, 0o700)

    def test_a_run_directory_that_is_no_directory_is_refused_with_a_sentence(self):
        with open(self.home.run_dir, "w") as file:
            file.write("x")
        a = self.home.open(name="fake")
        with self.assertRaises(RpcError) as caught:
            a.initialize()
        self.assertIn(self.home.run_dir, str(caught.exception))
        self.assertIn(self.home.run_dir, a.stderr())
        a.close()
        os.unlink(self.home.run_dir)


@needs_hearth
class TestHanging(Case):
    """A daemon that is suspended, or waits for a dead disk: it takes connections and answers nothing."""

    def suspended(self):
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        return pid

    def goes_on(self, pid):
        if alive(pid):
            os.kill(pid, signal.SIGCONT)

    def test_commands_name_it_and_say_how_to_end_it(self):
        self.client().sync()
        pid = self.suspended()
        self.addCleanup(self.goes_on, pid)
        commands = [["status"], ["status", "--json"], ["why"], ["stop", "fake"], ["restart", "fake"], ["shutdown"]]
        asking = [subprocess.Popen([HEARTH, *words], env=self.home.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True) for words in commands]
        for words, process in zip(commands, asking):
            shown, said = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, shown), (1, ""), words)
            self.assertIn("process %d" % pid, said)
            self.assertIn("shutdown --force", said)

    def test_a_new_session_is_told_the_same(self):
        self.client().sync()
        pid = self.suspended()
        self.addCleanup(self.goes_on, pid)
        session = self.home.open(name="fake")
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        for said in (str(caught.exception), session.stderr()):
            self.assertIn("process %d" % pid, said)
            self.assertIn("shutdown --force", said)

    def test_force_ends_it_and_all_that_it_started(self):
        a = self.client()
        pids = a.do({"fork": "stubborn"}).collected() + [self.server().pid]
        a.dispose()
        daemon = self.suspended()
        with open(os.path.join(self.home.run_dir, "hearthd.lock"), "w") as file:
            file.write("%d\n" % os.getpid())  # A hint, which proves nothing.
        done = self.home.hearth("shutdown", "--force")
        self.assertIn("process %d" % daemon, done.stdout)
        for pid in [daemon, *pids]:
            self.assertFalse(alive(pid), pid)
        self.assertFalse(os.path.exists(self.home.socket_path))
        self.assertEqual(self.home.hearth("shutdown", "--force", check=False).returncode, 3)
        self.client().sync()

    def test_force_finds_it_without_its_socket(self):
        """Some cleaner has removed the socket: nobody can connect, and the lock says who it is."""
        self.client().dispose()
        daemon = self.suspended()
        os.unlink(self.home.socket_path)
        done = self.home.hearth("shutdown", "--force", "--json")
        self.assertEqual(json.loads(done.stdout)["killed"], [daemon])
        self.assertFalse(alive(daemon))

    def test_force_is_polite_to_one_that_answers(self):
        self.client().sync()
        daemon, server = self.home.daemon_pid(), self.server()
        done = self.home.hearth("shutdown", "--force")
        self.assertNotIn("killed", done.stdout)
        self.assertFalse(alive(daemon))
        self.assertFalse(server.alive())
        self.assertEqual(len(server.events("eof")), 1)

    def test_a_session_that_has_given_it_up_reads_its_client_alone(self):
        """The daemon finds the session's request when it goes on, and must not take the client's lines for it."""
        self.client().sync()
        pid = self.suspended()
        session = self.home.open(name="fake")
        with self.assertRaises(RpcError):
            session.initialize()
        os.kill(pid, signal.SIGCONT)
        eventually("that it answers", lambda: len(self.home.status()["sessions"]) == 1)
        hello = session.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                             "clientInfo": {"name": "t", "version": "1"}})
        hello.response()


@needs_hearth
class TestLongPaths(Case):
    def setUp(self):
        super().setUp()
        self.home.hearth_home = os.path.join(self.home.dir, "x" * 80, "y" * 80)
        os.makedirs(self.home.hearth_home, 0o700)

    def test_a_home_too_long_for_a_socket_address_works(self):
        """Socket addresses hold 107 bytes: a longer home must not fail."""
        a, b = self.client(), self.client()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertEqual(len(self.home.servers()), 1)
        self.home.hearth("shutdown")


@needs_hearth
class TestLeaving(Case):
    def test_it_leaves_by_itself_when_nobody_needs_it(self):
        self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:]}},
                          "daemon": {"idleTimeoutMs": 200}})
        a = self.home.spawn([HEARTH, "attach", "fake"])
        a.initialize()
        a.sync()
        pid, server = self.home.daemon_pid(), self.server()
        self.assertFalse(wait_gone(pid, 0.6), "it left although somebody needed it")
        a.close()
        self.assert_gone(pid, "the daemon")
        self.assert_gone(server.pid, "its server")
        b = self.home.spawn([HEARTH, "attach", "fake"])
        b.initialize()
        b.sync()

    def test_shutdown_ends_everything(self):
        a = self.client()
        pids = a.do({"fork": "stubborn"}).collected() + [self.server().pid, self.home.daemon_pid()]
        self.home.hearth("shutdown")
        for pid in pids:
            self.assertFalse(alive(pid), "shutdown returned before all was over")
        self.assertFalse(os.path.exists(self.home.socket_path))
        self.assertTrue(alive(a.pid), "the session stands ready for its client's next request")

    def test_sigterm_is_a_clean_end(self):
        self.client().close()
        pid, server = self.home.daemon_pid(), self.server()
        os.kill(pid, signal.SIGTERM)
        self.assert_gone(pid, "the daemon")
        self.assert_gone(server.pid, "its server")
        self.assertFalse(os.path.exists(self.home.socket_path))


@needs_hearth
class TestSocket(Case):
    def http(self, request):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self.home.socket_path)
            connection.sendall(request)
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass
            return answer.decode()

    def test_any_http_client_may_ask(self):
        """The control socket speaks HTTP as curl does."""
        self.client().sync()
        answer = self.http(b"GET /status HTTP/1.1\r\nHost: hearth\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.startswith("HTTP/1.1 200"), answer[:200])
        self.assertEqual(json.loads(answer.split("\r\n\r\n", 1)[1])["servers"][0]["name"], "fake")
        self.assertIn("200", self.http(b"GET /ping HTTP/1.1\r\nHost: hearth\r\nConnection: close\r\n\r\n")[:20])

    def test_nonsense_on_the_socket_hurts_nobody(self):
        a = self.client()
        for nonsense in (b"", b"\0\0\0\0", b"GET\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: hearth\r\n\r\n",
                         b"POST /attach HTTP/1.1\r\nHost: hearth\r\nContent-Length: 99999999999999999999\r\n\r\n",
                         b"POST /attach HTTP/1.1\r\nHost: hearth\r\nContent-Length: 2\r\n\r\n{}",
                         b"POST /attach HTTP/1.1\r\nHost: hearth\r\nConnection: Upgrade\r\nUpgrade: hearth-session/1\r\n"
                         b"Content-Length: 9\r\n\r\nnot json!",
                         b"POST /stop HTTP/1.1\r\nHost: hearth\r\nContent-Length: 13\r\n\r\n{\"name\": 17 }",
                         b"A" * 100000):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(self.home.socket_path)
                try:
                    connection.sendall(nonsense)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass
            a.sync()
        self.assertEqual(len(self.home.status()["sessions"]), 1)
