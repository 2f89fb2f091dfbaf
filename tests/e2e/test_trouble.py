"""A machine in trouble: few descriptors, no logs, files that are none, and servers that babble."""
import ctypes
import fcntl
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from client import PATIENCE, RpcError
from world import HEARTH, Case, eventually, needs_hearth


@needs_hearth
class TestDescriptors(Case):
    LIMIT = 72  # A quarter is kept back, the daemon has a dozen, a session takes three.

    def test_a_session_too_many_is_told_the_limit_and_so_is_the_log(self):
        sessions, refused = [self.client()], None
        resource.prlimit(self.home.daemon_pid(), resource.RLIMIT_NOFILE, (self.LIMIT, self.LIMIT))
        while refused is None:
            self.assertLess(len(sessions), self.LIMIT, "nothing was ever refused")
            session = self.home.open(name="fake")
            try:
                session.initialize()
                sessions.append(session)
            except RpcError as error:
                refused = str(error)
        self.assertGreater(len(sessions), 5)
        words = "too many open files (limit %d)" % self.LIMIT
        for said in (refused, session.stderr(), "".join(text for _, text in self.home.logs())):
            self.assertIn(words, said)
        # What is kept back is for those that are there, and for whoever looks what is wrong.
        self.assertEqual(len(self.home.status()["sessions"]), len(sessions))
        sessions[0].do({"exit": 0}).response()
        self.home.wait_server(2)
        for one in sessions:
            one.sync()

        for _ in range(2):
            sessions.pop().close()
        eventually("that two sessions are gone", lambda: len(self.home.status()["sessions"]) == len(sessions))
        self.client()


@needs_hearth
class TestNoLogs(Case):
    def test_everything_works_and_the_first_session_is_told(self):
        state = os.path.join(self.home.hearth_home, "state")
        with open(state, "w") as file:
            file.write("in the way")
        a, b = self.client(), self.client()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertEqual(len(self.home.servers()), 1)
        self.assertIn("no logs are kept: ", a.stderr())
        self.assertIn(state + " is in the way", a.stderr())
        self.assertNotIn("logs", b.stderr())

    def test_the_foreground_says_it_on_its_stderr(self):
        with open(os.path.join(self.home.hearth_home, "state"), "w") as file:
            file.write("in the way")
        self.home.serve({"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:]}})
        eventually("that it is said", lambda: "no logs are kept" in open(self.home.path("serve.0")).read())
        os.kill(self.home.foreground[0].pid, signal.SIGTERM)

    def test_a_pipe_in_place_of_a_log_is_not_waited_for(self):
        logs = os.path.join(self.home.hearth_home, "state", "logs")
        os.makedirs(logs, 0o700)
        os.mkfifo(os.path.join(logs, "fake.log"), 0o600)
        os.mkfifo(os.path.join(self.home.hearth_home, "state", "hearthd.log"), 0o600)
        a = self.client("--words", "some words")
        a.sync()
        self.assertIn("no logs are kept", a.stderr())


@needs_hearth
class TestConfigThatIsNoFile(Case):
    """A configuration that would be waited for stops everybody: whatever it is, it is not opened."""

    def check(self, word):
        a = self.client()
        a.sync()
        session = self.home.spawn([HEARTH, "attach", "files"])
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        self.assertIn("config.json", str(caught.exception))
        self.assertIn(word, str(caught.exception))
        a.sync()
        self.assertEqual(len(self.home.status()["sessions"]), 1)

    def path(self):
        return os.path.join(self.home.hearth_home, "config.json")

    def test_a_named_pipe(self):
        os.mkfifo(self.path(), 0o600)
        self.check("named pipe")

    def test_a_link_to_a_named_pipe(self):
        os.mkfifo(self.home.path("pipe"), 0o600)
        os.symlink(self.home.path("pipe"), self.path())
        self.check("named pipe")

    def test_a_socket(self):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(self.path())
            self.check("socket")

    def test_a_device_without_end(self):
        os.symlink("/dev/zero", self.path())
        self.check("device")

    def test_a_directory(self):
        os.mkdir(self.path())
        self.check("directory")


class DeadMount:
    """A directory whose file system never answers: FUSE without anybody behind it."""

    def __init__(self, path):
        self.path, self.libc = path, ctypes.CDLL(None, use_errno=True)
        os.mkdir(path)
        try:
            self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as why:
            raise unittest.SkipTest("no FUSE here: %s" % why) from None
        options = "fd=%d,rootmode=40000,user_id=%d,group_id=%d" % (self.device, os.getuid(), os.getgid())
        if self.libc.mount(b"hearth-test", path.encode(), b"fuse", 0, options.encode()) != 0:
            os.close(self.device)
            raise unittest.SkipTest("nothing can be mounted here: %s" % os.strerror(ctypes.get_errno()))

    def end(self):
        """Programs that wait for it get an error."""
        os.close(self.device)
        self.libc.umount2(self.path.encode(), 2)  # MNT_DETACH


@needs_hearth
class TestConfigOnADeadMount(Case):
    def test_everybody_is_served_who_does_not_need_it(self):
        mount = DeadMount(self.home.path("dead"))
        self.addCleanup(mount.end)
        os.symlink(os.path.join(mount.path, "config.json"), os.path.join(self.home.hearth_home, "config.json"))
        a = self.client()
        session = self.home.spawn([HEARTH, "attach", "files"])
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        self.assertIn("its file system does not answer", str(caught.exception))
        a.sync()

    def test_what_was_read_before_is_used(self):
        self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:]}}})
        a = self.home.spawn([HEARTH, "attach", "fake"])
        a.initialize()
        mount = DeadMount(self.home.path("dead"))
        self.addCleanup(mount.end)
        path = os.path.join(self.home.hearth_home, "config.json")
        os.unlink(path)
        os.symlink(os.path.join(mount.path, "config.json"), path)
        b = self.home.spawn([HEARTH, "attach", "fake"])
        b.initialize()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertEqual(len(self.home.servers()), 1)


@needs_hearth
class TestInTheWay(Case):
    def assert_said(self, words, **rest):
        session = subprocess.run([HEARTH, "run", "--", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **rest)
        asked = subprocess.run([HEARTH, "status"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **rest)
        for done in (session, asked):
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(words, done.stderr)

    def test_a_file_in_place_of_the_run_directory(self):
        with open(self.home.run_dir, "w") as file:
            file.write("x")
        self.assert_said(self.home.run_dir + " is in the way: it should be a directory; remove it",
                         env=self.home.environment(), cwd=self.home.project)
        os.unlink(self.home.run_dir)

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be a user without a run directory")
    def test_a_file_in_tmp_of_a_user_without_a_run_directory(self):
        uid = 54321
        with self.assertRaises(KeyError):
            pwd.getpwuid(uid)
        fallback = "/tmp/hearth-%d" % uid
        home = tempfile.mkdtemp(prefix="hearth-e2e.", dir="/tmp")
        self.addCleanup(shutil.rmtree, home)
        os.chown(home, uid, uid)
        rest = {"env": {"HOME": home, "PATH": "/usr/bin:/bin"}, "cwd": "/", "user": uid, "group": uid, "extra_groups": []}
        for owner, words in ((uid, "should be a directory; remove it"), (0, "belongs to uid 0, not to uid %d" % uid)):
            with open(fallback, "x"):
                pass
            try:
                os.chown(fallback, owner, owner)
                self.assert_said(fallback + " is in the way", **rest)
                self.assert_said(words, **rest)
            finally:
                os.unlink(fallback)


@needs_hearth
class TestBabble(Case):
    def test_a_flood_of_lines_that_are_no_messages_costs_neither_the_log_nor_the_others(self):
        a = self.client()
        other = self.home.client("--tag", "other", name="other")
        lines = 200_000
        call = a.do({"raw": "debug: here I am\n" * lines}, {"text": "after"})
        for n in range(50):
            self.assertEqual(other.echo(str(n)), str(n))
        self.assertEqual(call.text(), "after")
        self.assertEqual(self.home.status_of()[0]["dropped"], lines)
        with open(os.path.join(self.home.hearth_home, "state", "hearthd.log"), encoding="utf-8") as file:
            told = [line for line in file if "fake: " in line and "message" in line]
        self.assertEqual(len(told), 6, told)  # The first, and each power of ten.
        self.assertIn('"debug: here I am"', told[0])
        self.assertIn("100000 lines on its stdout", told[-1])
        eventually("that the session is told", lambda: "no message" in a.stderr())
        self.assertEqual(a.stderr().count("no message"), 1)
        self.assertNotIn("no message", other.stderr())


@needs_hearth
class TestProgramOnASlowDisk(Case):
    def test_others_are_served_while_a_server_waits_for_its_program(self):
        """One server whose disk sleeps holds up everybody: the daemon waits for exec with it."""
        a = self.client()
        path = self.home.path("slow")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec %s\n" % " ".join(self.home.fake("--tag", "slow")))
        os.chmod(path, 0o755)
        with open(path, "rb") as program:
            # To open a file under a lease, as exec does, waits until its holder lets go of it.
            fcntl.fcntl(program, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(program, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            b = self.home.spawn(self.home.shim([path], "slow"))
            hello = b.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                           "clientInfo": {"name": "t", "version": "1"}})
            eventually("that it is started", lambda: self.home.status_of("slow"))
            for n in range(50):
                self.assertEqual(a.echo(str(n)), str(n))
            slow = self.home.status_of("slow")[0]
            self.assertEqual((slow["state"], slow["failures"], slow["pid"]), ("starting", 0, 0))
            self.assertFalse(hello.done())
            fcntl.fcntl(program, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            self.assertEqual(hello.result()["protocolVersion"], "2025-11-25")
        self.assertEqual(self.home.status_of("slow")[0]["failures"], 0)
