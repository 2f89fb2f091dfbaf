"""hearth doctor: each thing that it can find is planted once, and a machine in order has nothing to find."""
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

from client import RpcError
from fake_systemd import FakeManager
from world import HEARTH, HEARTHD, Case, eventually, free_port, needs_hearth

FOUND = 4


@needs_hearth
class DoctorCase(Case):
    def doctor(self, program=HEARTH, **env):
        """What is found."""
        done = subprocess.run([program, "doctor", "--json"], env=self.home.environment(**env), cwd=self.home.project,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)
        self.assertEqual(done.stderr, "")
        findings = json.loads(done.stdout)["findings"]
        self.assertEqual(done.returncode, FOUND if findings else 0, done.stdout)
        return findings

    def one(self, findings, ident, what, advice):
        """That is all there is."""
        self.assertEqual([finding["id"] for finding in findings], [ident], findings)
        self.assertIn(what, findings[0]["what"])
        self.assertIn(advice, findings[0]["advice"])
        return findings[0]

    def user_file(self, *parts, text):
        path = os.path.join(self.home.user_home, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return path


class TestInOrder(DoctorCase):
    def test_without_a_daemon_nothing_is_found_and_none_is_started(self):
        done = self.home.hearth("doctor")
        self.assertIn("nothing is wrong", done.stdout)
        self.assertEqual(self.doctor(), [])
        self.assertFalse(os.path.exists(self.home.run_dir))

    def test_with_a_daemon_nothing_is_found(self):
        self.client().sync()
        self.assertEqual(self.doctor(), [])
        self.assertEqual(self.home.hearth("doctor").stdout, "nothing is wrong\n")


class TestService(DoctorCase):
    def test_where_a_service_manager_listens_no_daemon_is_started(self):
        manager = FakeManager(self.home)
        self.addCleanup(manager.close)
        self.assertEqual(self.doctor(), [])
        self.assertFalse(manager.asked(0), "before the first daemon")
        client = self.home.open(name="fake")
        hello = client.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                            "clientInfo": {"name": "t", "version": "1"}})
        manager.start_when_asked()
        hello.result()
        self.assertEqual(self.doctor(), [])
        client.dispose()
        self.home.hearth("shutdown")
        self.assertEqual(self.doctor(), [])
        self.assertFalse(manager.asked(0), "after a daemon")


class TestConfig(DoctorCase):
    def test_mistakes_have_line_and_column_without_a_daemon_too(self):
        path = self.home.config('{\n  "mcpServers": {\n    "bad": {"command": 17}\n  }\n}\n')
        found = self.one(self.doctor(), "config", path + ":3:24: ", "")
        self.assertEqual(found["severity"], "error")
        self.assertNotEqual(found["advice"], "")
        done = self.home.hearth("doctor", check=False)
        self.assertEqual(done.returncode, FOUND)
        self.assertTrue(done.stdout.startswith("error: " + path + ":3:24: "), done.stdout)
        self.assertFalse(os.path.exists(self.home.run_dir))

    def test_a_key_that_is_not_known_is_a_warning(self):
        self.home.config({"mcpServers": {"fake": {"command": "x", "idleTimoutMs": 1}}})
        self.assertEqual(self.one(self.doctor(), "config", "idleTimoutMs", "")["severity"], "warning")

    def test_a_file_that_others_can_write_is_not_used(self):
        os.chmod(self.home.config({"mcpServers": {}}), 0o666)
        self.one(self.doctor(), "config", "can be written by others", "chmod")


class TestPlace(DoctorCase):
    def test_the_socket_of_a_daemon_that_was_killed(self):
        self.client().close()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.assert_gone(pid, "the daemon")
        self.assertTrue(os.path.exists(self.home.socket_path))
        self.one(self.doctor(), "socket", self.home.socket_path, "the next session replaces it")
        os.unlink(self.home.socket_path)
        self.assertEqual(self.doctor(), [])

    def test_a_directory_that_others_can_enter(self):
        self.client().sync()
        os.chmod(self.home.run_dir, 0o755)
        self.one(self.doctor(), "mode", "mode 0755", "'chmod 0700 %s'" % self.home.run_dir)

    def test_a_file_in_place_of_the_directory(self):
        with open(self.home.run_dir, "w") as file:
            file.write("x")
        self.one(self.doctor(), "directory", self.home.run_dir + " is in the way", "remove it")
        os.unlink(self.home.run_dir)

    def test_a_home_that_others_can_write(self):
        os.chmod(self.home.hearth_home, 0o777)
        self.one(self.doctor(), "directory", self.home.hearth_home + " can be written by others", "chmod")
        os.chmod(self.home.hearth_home, 0o700)

    def test_a_lock_whose_holder_does_not_listen(self):
        os.mkdir(self.home.run_dir, 0o700)
        with open(os.path.join(self.home.run_dir, "hearthd.lock"), "w") as lock:
            lock.write("%d\n" % os.getpid())
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.one(self.doctor(), "lock", "process %d holds the lock" % os.getpid(), "shutdown --force'")


class TestDaemon(DoctorCase):
    def test_one_that_is_suspended(self):
        self.client().sync()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.one(self.doctor(), "daemon", "(process %d) is suspended" % pid, "kill -CONT %d" % pid)
        finally:
            os.kill(pid, signal.SIGCONT)

    def copied_program(self):
        path = os.path.join(self.home.directory("bin"), "hearth")
        shutil.copy(HEARTH, path)
        return path

    def test_no_hearthd_beside_the_program(self):
        program = self.copied_program()
        self.one(self.doctor(program, PATH="/nowhere"), "hearthd", "cannot find hearthd", "install")

    def test_a_hearthd_of_another_version_beside_the_program(self):
        program = self.copied_program()
        with open(program + "d", "w") as file:
            file.write("#!/bin/sh\necho hearthd 9.9.9\n")
        os.chmod(program + "d", 0o755)
        self.one(self.doctor(program), "hearthd", program + "d is version 9.9.9", "install both programs")

    def test_a_hearthd_that_says_nothing(self):
        program = self.copied_program()
        with open(program + "d", "w") as file:
            file.write("#!/bin/sh\nexit 1\n")
        os.chmod(program + "d", 0o755)
        self.one(self.doctor(program), "hearthd", "does not say its version", "install both programs")

    def test_a_daemon_that_runs_another_program(self):
        program = self.copied_program()
        shutil.copy(HEARTHD, program + "d")
        self.client().sync()
        self.one(self.doctor(program), "version", "runs another program than %sd" % program, "upgrade' replaces it")

    def test_a_daemon_of_another_version(self):
        os.mkdir(self.home.run_dir, 0o700)
        with FakeDaemon(self.home, {"daemon": {"pid": os.getpid(), "version": "9.9.9", "startedBy": "session"}}):
            found = self.doctor()
        self.one(found, "version", "(process %d) is version 9.9.9" % os.getpid(),
                 "'hearth --home %s upgrade' replaces it" % self.home.hearth_home)


class FakeDaemon:
    """Holds the lock, and gives one answer to every request."""

    def __init__(self, home, status):
        self.lock = open(os.path.join(home.run_dir, "hearthd.lock"), "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.path, body = home.socket_path, json.dumps(status).encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o600)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if connection.recv(65536):
                        connection.sendall(self.answer)
                except OSError:
                    pass  # It only wanted to know whether somebody listens.

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        os.unlink(self.path)
        self.lock.close()


class TestServers(DoctorCase):
    def test_one_that_fails_is_told_of_with_its_last_words(self):
        session = self.home.spawn([HEARTH, "run", "--name", "broken", "--", "/bin/sh", "-c", "echo no luck >&2; exit 7"])
        with self.assertRaises(RpcError):
            session.initialize()
        found = self.one(self.doctor(), "server", "server broken", "logs broken' shows what it wrote")
        self.assertIn("no luck", found["what"])
        self.assertIn("status 7", found["what"])


class TestPort(DoctorCase):
    def test_a_port_that_something_else_has(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.home.config({"http": {"port": port}})
            before = self.one(self.doctor(), "port", "listens on port %d" % port, "end that process")
            self.assertIn("pid %d" % os.getpid(), before["what"])
            self.client().sync()
            self.one(self.doctor(), "port", "listens on port %d" % port, "shutdown': the next daemon opens it")
        self.one(self.doctor(), "port", "the daemon does not listen on port %d" % port, "shutdown'")

    def test_the_port_of_the_daemon_is_in_order(self):
        self.home.config({"http": {"port": free_port()}})
        self.client().sync()
        eventually("that the port is open", lambda: "port" in self.home.status()["daemon"])
        self.assertEqual(self.doctor(), [])


class TestDisk(DoctorCase):
    def mount(self, path, options=b"", flags=0):
        libc = ctypes.CDLL(None, use_errno=True)
        os.makedirs(path, exist_ok=True)
        if libc.mount(b"hearth-test", path.encode(), b"tmpfs", flags, options) != 0:
            raise unittest.SkipTest("nothing can be mounted here: %s" % os.strerror(ctypes.get_errno()))
        self.addCleanup(lambda: libc.umount2(path.encode(), 2))  # MNT_DETACH

    @property
    def state(self):
        return os.path.join(self.home.hearth_home, "state")

    def test_a_full_file_system(self):
        self.mount(self.state, b"size=16k,mode=700")
        self.one(self.doctor(), "disk", self.state + ": its file system is full", "df " + self.state)

    def test_a_read_only_file_system(self):
        self.mount(self.state, b"mode=700", flags=1)  # MS_RDONLY
        self.one(self.doctor(), "disk", self.state + ": its file system is mounted read-only", "mount it for writing")

    @unittest.skipIf(os.getuid() == 0, "root may write everywhere")
    def test_a_directory_without_the_right_to_write(self):
        os.mkdir(self.state, 0o500)
        self.one(self.doctor(), "disk", "no right to write to " + self.state, "'chmod u+rwx %s'" % self.state)

    def test_a_file_in_place_of_the_directory(self):
        with open(self.state, "w") as file:
            file.write("x")
        self.one(self.doctor(), "disk", self.state + " is in the way", "remove or rename")


class TestClients(DoctorCase):
    ENTRY = {"command": "npx", "args": ["-y", "files", "--key", "hush-hush"], "env": {"TOKEN": "hush-hush"},
             "headers": {"Authorization": "hush-hush"}}
    OURS = {"command": "hearth", "args": ["run", "--", "npx", "-y", "files"]}

    def test_each_client_that_starts_a_server_past_hearth(self):
        servers = {"files": self.ENTRY, "shared": self.OURS}
        places = {
            "Claude Code": self.user_file(".claude.json", text={"mcpServers": servers}),
            "Cursor": self.user_file(".cursor", "mcp.json", text={"mcpServers": servers}),
            "VS Code": self.user_file(".config", "Code", "User", "mcp.json", text={"servers": servers}),
            "Claude Desktop": self.user_file(".config", "Claude", "claude_desktop_config.json",
                                             text={"mcpServers": servers}),
            "Codex": self.user_file(".codex", "config.toml", text='[mcp_servers.files]\ncommand = "npx"\n'
                                    'env = { TOKEN = "hush-hush" }\n[mcp_servers.shared]\ncommand = "hearth"\n'),
        }
        found = self.doctor()
        self.assertEqual({finding["id"] for finding in found}, {"client"})
        for client, path in places.items():
            said = [finding for finding in found if path in finding["what"]]
            self.assertEqual(len(said), 1, path)
            self.assertIn(client + " starts a server without Hearth (files)", said[0]["what"])
            self.assertIn('["run", "--", "npx", …]', said[0]["advice"])
        self.assertEqual(len(found), len(places))
        self.assertNotIn("hush", json.dumps(found))

    def test_projects(self):
        self.user_file(".claude.json", text={"projects": {"/some/where": {"mcpServers": {"files": self.ENTRY}}}})
        with open(os.path.join(self.home.project, ".mcp.json"), "w") as file:
            json.dump({"mcpServers": {"git": self.ENTRY}}, file)
        said = [finding["what"] for finding in self.doctor()]
        self.assertEqual(len(said), 2)
        self.assertIn("(files)", said[0])
        self.assertIn("project /some/where", said[0])
        self.assertIn("(git), by " + os.path.join(self.home.project, ".mcp.json"), said[1])

    def test_clients_that_go_through_hearth_are_in_order(self):
        self.user_file(".claude.json", text={"mcpServers": {"shared": self.OURS, "far": {"url": "https://example.org"}}})
        self.assertEqual(self.doctor(), [])

    def test_a_file_that_is_no_json(self):
        path = self.user_file(".cursor", "mcp.json", text='{"mcpServers": {"a" "hush-hush"}}')
        self.assertNotIn("hush", self.one(self.doctor(), "client-file", path + ":1:", "mend the file")["what"])

    def test_no_file_is_written(self):
        path = self.user_file(".claude.json", text={"mcpServers": {"files": self.ENTRY}})
        before = os.stat(path)
        self.doctor()
        after = os.stat(path)
        self.assertEqual((before.st_mtime_ns, before.st_ino), (after.st_mtime_ns, after.st_ino))
        self.assertEqual(os.listdir(self.home.user_home), [".claude.json"])
