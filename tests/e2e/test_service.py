"""The daemon as a service: sockets that a manager passes, and what the manager is told."""
import os
import shutil
import signal
import socket
import subprocess
import unittest

from client import PATIENCE, wait_gone
from fake_systemd import FakeManager
from http_world import HttpCase
from world import HEARTH, eventually, needs_hearth


class ManagedCase(HttpCase):
    def manager(self, **rest):
        manager = FakeManager(self.home, **rest)
        self.addCleanup(manager.close)
        return manager

    def arriving(self, **rest):
        """A client whose initialize is on its way: it waits for the daemon that its connection starts."""
        client = self.home.open(name="fake", **rest)
        hello = client.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                            "clientInfo": {"name": "t", "version": "1"}})
        return client, hello


@needs_hearth
class TestActivation(ManagedCase):
    def test_a_session_starts_the_daemon_by_connecting(self):
        manager = self.manager()
        client, hello = self.arriving()
        service = manager.start_when_asked()
        hello.result()
        self.assertEqual(client.echo("a"), "a")
        daemon = self.home.status()["daemon"]
        self.assertEqual((daemon["pid"], daemon["startedBy"]), (service.pid, "service"))
        self.assertEqual(self.home.daemons(), [service.pid])
        self.assertIn(", a service", self.home.hearth("status").stdout)

    def test_nothing_of_the_manager_reaches_a_server(self):
        manager = self.manager(watchdog="30000000")
        client, hello = self.arriving()
        service = manager.start_when_asked()
        hello.result()
        client.sync()
        with open("/proc/%d/environ" % service.pid) as file:
            names = [entry.split("=")[0] for entry in file.read().split("\0")]
        names += self.server().environment()
        leaked = [name for name in names if name.startswith(("LISTEN_", "WATCHDOG_", "NOTIFY_"))]
        self.assertEqual(leaked, [])
        self.assertLessEqual(set(self.server().facts["fds"] if "fds" in self.server().facts else [0, 1, 2]), {0, 1, 2})

    def test_the_socket_stays_and_starts_the_next_daemon(self):
        manager = self.manager()
        client, hello = self.arriving()
        first = manager.start_when_asked()
        hello.result()
        self.home.hearth("shutdown")
        self.assertEqual(first.wait(PATIENCE), 0)
        self.assertIn("STOPPING=1", manager.until("STOPPING=1")[-1])
        self.assertFalse(manager.asked(0), "a connection of the command starts no other daemon")
        self.assertTrue(os.path.exists(self.home.socket_path))
        echo = client.start("tools/call", {"name": "echo", "arguments": {"text": "again"}})
        second = manager.start_when_asked()
        echo.result()
        self.assertEqual(self.home.status()["daemon"]["pid"], second.pid)

    def test_a_question_starts_no_daemon(self):
        manager = self.manager()
        client, hello = self.arriving()
        manager.start_when_asked()
        hello.result()
        client.dispose()
        self.home.hearth("shutdown")
        for words in (["status"], ["why"], ["stop", "fake"], ["shutdown"], ["shutdown", "--force"]):
            done = self.home.hearth(*words, check=False)
            self.assertEqual((done.returncode, words), (3, words), done.stderr)
        self.assertTrue(os.path.exists(self.home.socket_path))

    def test_a_port_is_passed_too_and_a_client_by_url_starts_the_daemon(self):
        manager = self.manager(port=0)
        self.home.config({"http": {"token": None}, "mcpServers": {"fake": self.fake_entry()}})
        self.home.port = manager.port.getsockname()[1]
        waiting = self.connection()
        self.assertTrue(manager.asked())
        manager.start_when_asked()
        session = self.streamable()
        self.assertEqual(session.echo("by URL"), "by URL")
        self.assertEqual(self.home.status()["daemon"]["port"], self.home.port)
        waiting.close()

    def test_a_daemon_by_hand_keeps_its_sessions_and_the_service_says_so(self):
        pid = self.home.by_hand().pid
        client = self.client()
        done = self.home.hearth("service", "check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a daemon runs already (process %d); end it with 'hearth --home %s shutdown' first" %
                      (pid, self.home.hearth_home), done.stderr)
        # A manager that does not ask first takes the path away.
        manager = self.manager()
        service = manager.start()
        self.assertEqual(service.wait(PATIENCE), 1)
        self.assertIn("a daemon runs already (process %d), which the service manager did not start" % pid,
                      manager.said_by(service))
        self.assertIn("hearth --home %s shutdown --force" % self.home.hearth_home, manager.said_by(service))
        self.assertEqual(client.echo("still"), "still")
        ending = subprocess.Popen([HEARTH, "shutdown", "--force"], env=self.home.environment(), stdout=subprocess.DEVNULL)
        self.assertTrue(wait_gone(pid))
        manager.start_when_asked()
        self.assertEqual(ending.wait(PATIENCE), 0)
        self.assertEqual(client.echo("went over"), "went over")

    def test_without_a_daemon_the_check_passes(self):
        self.home.hearth("service", "check")
        self.client()
        self.home.hearth("shutdown")
        self.home.hearth("service", "check")

    def test_a_daemon_by_hand_makes_way_for_the_one_of_the_service(self):
        manager = self.manager()
        client, hello = self.arriving()
        service = manager.start_when_asked()
        hello.result()
        by_hand = self.home.hearth("serve", check=False)
        self.assertEqual(by_hand.returncode, 1)
        self.assertIn("a daemon runs already (process %d)" % service.pid, by_hand.stderr)
        self.home.hearth("shutdown")
        service.wait(PATIENCE)
        by_hand = self.home.hearth("serve", check=False)
        self.assertIn("a service manager listens on " + self.home.socket_path, by_hand.stderr)

    def test_a_daemon_that_does_not_come(self):
        self.manager()
        self.home.hearth("service", "status", check=False)
        client, hello = self.arriving()
        why = hello.response()["error"]["message"]
        self.assertIn("a service manager listens on %s, but the daemon" % self.home.socket_path, why)
        self.assertIn("systemctl --user status hearthd.service", why)

    def test_a_socket_elsewhere_is_refused(self):
        manager = self.manager()
        elsewhere = socket.socket(socket.AF_UNIX)
        self.addCleanup(elsewhere.close)
        elsewhere.bind(self.home.path("elsewhere.sock"))
        elsewhere.listen()
        manager.sockets[0] = elsewhere
        service = manager.start()
        self.assertEqual(service.wait(PATIENCE), 1)
        self.assertIn("sessions connect to " + self.home.socket_path, manager.said_by(service))

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed (package systemd)")
    def test_systemds_own_activation(self):
        os.mkdir(self.home.run_dir, 0o700)
        variables = ["-E%s=%s" % item for item in self.home.environment().items()]
        with open(self.home.path("activated"), "wb") as log:
            process = subprocess.Popen(["systemd-socket-activate", "-l", self.home.socket_path, *variables, HEARTH, "serve"],
                                       env=self.home.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.home.foreground.append(process)
        eventually("that it listens", lambda: os.path.exists(self.home.socket_path))
        client = self.client()
        self.assertEqual(client.echo("a"), "a")
        self.assertEqual(self.home.status()["daemon"]["pid"], process.pid)
        self.home.shutdown()
        process.wait(PATIENCE)
        os.unlink(self.home.socket_path)  # Its maker is gone, too.


@needs_hearth
class TestNotices(ManagedCase):
    def test_ready_signs_of_life_reload_and_stopping(self):
        manager = self.manager(watchdog="20000")
        service = manager.start()
        ready = manager.until("READY=1")[-1]
        self.assertIn("STATUS=sessions connect to " + self.home.socket_path, ready)
        manager.until("WATCHDOG=1")
        manager.until("WATCHDOG=1")
        self.home.config('{"mcpServers": {"x": {}}}')
        service.send_signal(signal.SIGHUP)
        reloading, = [said for said in manager.until("RELOADING=1") if said.startswith("RELOADING")]
        self.assertIn("MONOTONIC_USEC=", reloading)
        manager.until("READY=1")
        self.assertIn("config.json:1:", manager.said_by(service))
        self.assertIn("the configuration was read again: 1 mistake", manager.said_by(service))
        self.client().sync()
        service.terminate()
        manager.until("STOPPING=1")
        self.assertEqual(service.wait(PATIENCE), 0)

    def test_an_upgrade_is_a_reload_and_the_sockets_stay(self):
        self.home.config({"mcpServers": {"fake": self.fake_entry()}, "http": {"token": None}})
        manager = self.manager(watchdog="4000000", port=0)
        manager.start()
        manager.until("READY=1")
        self.home.port = manager.port.getsockname()[1]
        stdio, by_url = self.stdio(), self.streamable()
        daemon = self.home.daemon_pid()
        for number in range(2):
            self.home.hearth("upgrade")
            manager.until("RELOADING=1")
            manager.until("READY=1")
            manager.until("WATCHDOG=1")
            self.assertEqual((stdio.echo("a"), by_url.echo("b")), ("a", "b"))
            self.assertEqual(self.home.status()["daemon"]["upgrades"], number + 1)
        self.assertEqual(self.home.daemon_pid(), daemon)
        self.assertEqual(self.home.status()["daemon"]["startedBy"], "service")
        self.assertEqual(self.streamable().echo("c"), "c")

    def test_without_a_watchdog_there_are_no_signs_of_life(self):
        manager = self.manager()
        service = manager.start()
        manager.until("READY=1")
        self.client().sync()
        service.terminate()
        self.assertEqual(manager.until("STOPPING=1"), ["STOPPING=1"])
        service.wait(PATIENCE)

    def test_a_manager_that_cannot_be_told_is_no_reason_not_to_serve(self):
        manager = self.manager()
        manager.notify_path = self.home.path("nobody")
        service = manager.start()
        self.client().sync()
        self.assertIn("cannot reach the service manager at " + manager.notify_path, manager.said_by(service))

    def test_a_hang_up_without_a_manager_ends_the_daemon(self):
        self.client().sync()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGHUP)
        self.assertTrue(wait_gone(pid))
