"""`hearth serve` takes over from a daemon that a session has started: sessions, servers and calls go on."""
import http.client
import os
import signal
import subprocess

from client import PATIENCE, wait_gone
from fake_systemd import FakeManager
from test_upgrade import Load
from world import HEARTH, Case, alive, eventually, free_port, needs_hearth, parent_of


@needs_hearth
class TestTakeover(Case):
    def serve(self, *words):
        """`hearth serve`, and what it says."""
        said = self.home.path("taken.log")
        with open(said, "wb") as file:
            process = subprocess.Popen([HEARTH, "serve", *words], env=self.home.environment(), cwd=self.home.project,
                                       stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.home.foreground.append(process)
        return process

    def said(self):
        with open(self.home.path("taken.log"), encoding="utf-8") as file:
            return file.read()

    def taken_over(self, *words):
        """Once it is the daemon."""
        process = self.serve(*words)
        eventually("that it is the daemon", lambda: process.poll() is not None or "goes on from" in self.said())
        self.assertIsNone(process.poll(), self.said())
        return process

    def test_sessions_servers_and_calls_go_on(self):
        a, b = self.client(), self.client()
        b.echo("before")
        held = a.do({"hold": "k"}, {"text": "late"})
        server = self.home.wait_server()
        server.wait("tools/call")
        before = self.home.daemon_pid()
        process = self.taken_over()
        self.assertTrue(wait_gone(before))
        status = self.home.status()["daemon"]
        self.assertEqual((status["pid"], status["startedBy"], status["upgrades"]), (process.pid, "serve", 1))
        self.assertFalse(held.done())
        server.release("k")
        self.assertEqual((held.text(), b.echo("after")), ("late", "after"))
        self.assertEqual([s.pid for s in self.home.servers()], [server.pid])
        self.assertEqual(len(server.of("initialize")), 1)

    def test_its_end_ends_the_servers_and_sessions_find_the_next(self):
        a = self.client()
        a.sync()
        server = self.home.server().pid
        process = self.taken_over()
        guard = parent_of(server)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        for pid in (server, guard):
            self.assertTrue(wait_gone(pid))
        self.assertEqual(a.echo("next"), "next")

    def test_killed_it_leaves_nothing(self):
        a = self.client()
        a.sync()
        server = self.home.server().pid
        process = self.taken_over()
        process.kill()
        process.wait()
        self.assertTrue(wait_gone(server))
        self.assertEqual(a.echo("next"), "next")

    def test_a_port_opens_and_upgrades_go_on(self):
        a = self.client()
        a.sync()
        port = free_port()
        self.home.config({"http": {"token": None}})
        self.taken_over("--port", str(port))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/nowhere")
        self.assertEqual(connection.getresponse().status, 404)
        server = self.home.server().pid
        self.home.hearth("upgrade")
        self.assertEqual(a.echo("after"), "after")
        self.assertEqual((self.home.server().pid, self.home.status()["daemon"]["port"]), (server, port))

    def test_under_the_load_of_sessions(self):
        clients = [self.client() for _ in range(12)]
        load = Load(clients)
        with load:
            load.between_upgrades()
            before = self.home.daemon_pid()
            self.taken_over()
            load.between_upgrades()
        self.assertEqual(load.wrong, [])
        self.assertFalse(alive(before))
        self.assertEqual(len(self.home.servers()), 1)

    def test_the_check_of_the_service_knows_who_makes_way(self):
        self.client().sync()
        self.assertEqual(self.home.hearth("service", "check").returncode, 0)
        process = self.taken_over()
        checked = self.home.hearth("service", "check", check=False)
        self.assertEqual(checked.returncode, 1)
        self.assertIn("process %d" % process.pid, checked.stderr)

    def test_a_daemon_leaves_the_socket_of_a_service_alone(self):
        a = self.client()
        a.sync()
        pid = self.home.daemon_pid()
        manager = FakeManager(self.home)
        self.addCleanup(manager.close)
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(wait_gone(pid))
        self.assertTrue(os.path.exists(self.home.socket_path))

    def test_the_port_that_was_asked_for_counts(self):
        first, second = free_port(), free_port()
        self.home.config({"http": {"token": None, "port": first}})
        self.client().sync()
        eventually("the port", lambda: self.home.status()["daemon"]["port"] == first)
        self.taken_over("--port", str(second))
        self.assertEqual(self.home.status()["daemon"]["port"], second)

    def test_not_from_another_serve(self):
        first = self.serve()
        eventually("that it serves", lambda: os.path.exists(self.home.socket_path))
        self.client().sync()
        second = self.home.hearth("serve", check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("a daemon runs already (process %d)" % first.pid, second.stderr)
        self.assertIsNone(first.poll())

    def test_one_that_dies_meanwhile_changes_nothing(self):
        a = self.client()
        a.sync()
        daemon = self.home.daemon_pid()
        os.kill(daemon, signal.SIGSTOP)
        process = self.serve()
        path = os.path.join(os.path.dirname(self.home.socket_path), "handover")
        eventually("that it asks", lambda: connections_to(path))
        process.kill()
        process.wait()
        os.kill(daemon, signal.SIGCONT)
        self.assertEqual(a.echo("still"), "still")
        self.assertEqual(self.home.daemon_pid(), daemon)
        self.taken_over()
        self.assertEqual(a.echo("over"), "over")

    def test_a_service_takes_over_with_the_next_session(self):
        a = self.client()
        a.sync()
        server, before = self.home.server().pid, self.home.daemon_pid()
        self.home.hearth("service", "check")
        manager = FakeManager(self.home)
        self.addCleanup(manager.close)
        b = self.home.open(name="fake")
        hello = b.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        service = manager.start_when_asked()
        hello.result()
        self.assertTrue(wait_gone(before))
        status = self.home.status()["daemon"]
        self.assertEqual((status["pid"], status["startedBy"]), (service.pid, "service"))
        self.assertEqual([s.pid for s in self.home.servers()], [server])
        self.assertEqual(a.echo("still"), "still")


def connections_to(path):
    """How many wait there, or are open; the socket that listens is one more."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as file:
        return file.read().count(path) > 1
