"""The daemon becomes another program in place: sessions, servers and calls go on."""
import http.client
import json
import os
import signal
import socket
import threading

from client import PATIENCE
from world import FAKE, HEARTHD, Case, alive, eventually, needs_hearth


@needs_hearth
class TestUpgrade(Case):
    def upgrades(self):
        return self.home.status()["daemon"]["upgrades"]

    def test_sessions_and_their_server_go_on(self):
        a, b = self.client(), self.client()
        a.echo("before")
        server, daemon = self.home.server().pid, self.home.daemon_pid()
        said = self.home.hearth("upgrade").stdout
        self.assertIn("2 sessions and 1 server", said)
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertEqual((self.home.server().pid, self.home.daemon_pid()), (server, daemon))
        self.assertEqual(self.upgrades(), 1)
        self.assertEqual(len(self.home.server().of("initialize")), 1)

    def test_a_call_in_flight_is_answered_once_under_its_id(self):
        a = self.client()
        held = a.do({"hold": "k"}, {"text": "late"})
        server = self.home.wait_server()
        server.wait("tools/call")
        self.home.hearth("upgrade")
        self.assertFalse(held.done())
        server.release("k")
        self.assertEqual(held.text(), "late")
        self.assertEqual(len(server.of("tools/call")), 1)

    def test_half_a_line_of_the_client_is_not_lost(self):
        a = self.client()
        a.sync()
        before = a.answers()
        line = a.line_of("tools/call", {"name": "echo", "arguments": {"text": "x" * 300000}}, "77").encode() + b"\n"
        a.write(line[:100000])
        self.home.hearth("upgrade")
        a.write(line[100000:])
        a.wait("the answer", lambda: a.answers() == before + 1)

    def test_a_question_to_a_client_is_answered_afterwards(self):
        a = self.client(capabilities={"elicitation": {}})
        call = a.do({"ask": "elicitation/create",
                     "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}})
        ask = a.next_ask()
        self.home.hearth("upgrade")
        a.respond(ask, {"action": "accept", "content": {}})
        call.result()

    def test_sigusr2_asks_for_it_too(self):
        a = self.client()
        a.sync()
        os.kill(self.home.daemon_pid(), signal.SIGUSR2)
        eventually("that it was replaced", lambda: self.upgrades() == 1)
        self.assertEqual(a.echo("still"), "still")

    def test_what_cannot_read_the_state_leaves_the_old_one_serving(self):
        a = self.client()
        a.sync()
        broken = self.home.path("broken-hearthd")
        with open(broken, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho it is of another world\nexit 1\n")
        os.chmod(broken, 0o700)
        for program, why in ((broken, "it is of another world"), (self.home.path("missing"), "cannot look at"),
                             ("hearthd", "not an absolute path")):
            done = self.post_upgrade({"program": program})
            self.assertEqual(done["status"], 409, done)
            self.assertIn(why, done["detail"])
        self.assertEqual(a.echo("still"), "still")
        self.assertEqual(self.upgrades(), 0)

    def test_twenty_upgrades_under_load(self):
        clients = [self.client(name="one-%d" % (number % 4)) for number in range(20)]
        daemon = self.home.daemon_pid()
        servers = {server.pid for server in self.home.servers()}
        over, wrong, counts = threading.Event(), [], [0] * len(clients)

        def load(number):
            client = clients[number]
            while not over.is_set():
                text = "%d.%d" % (number, counts[number])
                if client.echo(text) != text:
                    wrong.append(text)
                counts[number] += 1

        threads = [threading.Thread(target=load, args=(number,)) for number in range(len(clients))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                before = list(counts)
                self.home.hearth("upgrade")
                eventually("that all get answers", lambda: all(now > then for now, then in zip(counts, before)))
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.upgrades(), 20)
        self.assertEqual(self.home.daemon_pid(), daemon)
        self.assertEqual({server.pid for server in self.home.servers() if alive(server.pid)}, servers)

    def test_nothing_is_left_when_the_next_program_ends_or_is_killed(self):
        a = self.client()
        a.sync()
        server = self.home.server().pid
        self.home.hearth("upgrade")
        os.kill(self.home.daemon_pid(), signal.SIGKILL)
        eventually("that the server has ended", lambda: not alive(server))
        self.assertEqual(a.echo("again"), "again")
        self.home.hearth("upgrade")
        self.home.shutdown()

    def test_a_session_of_a_later_hearth_brings_its_daemon(self):
        a = self.client()
        a.sync()
        for _ in range(2):
            status, body = self.attach_as("99.0.0", HEARTHD)
            self.assertEqual(status, 101, body)
        eventually("that it was replaced", lambda: self.upgrades() == 1)
        self.assertEqual(a.echo("still"), "still")
        self.attach_as("0.0.9", HEARTHD)
        self.assertEqual(self.upgrades(), 1)

    def attach_as(self, version, daemon):
        body = json.dumps({"version": version, "daemon": daemon, "pid": 1, "cwd": self.home.project,
                           "environment": {"PATH": os.environ["PATH"]}, "run": {"command": FAKE}}).encode()
        head = ("POST /attach HTTP/1.1\r\nHost: hearth\r\nConnection: Upgrade\r\nUpgrade: hearth-session/1\r\n"
                "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)).encode()
        with socket.socket(socket.AF_UNIX) as connection, open("/dev/zero", "r+b") as journal:
            connection.connect(self.home.socket_path)
            ours, theirs = socket.socketpair()
            socket.send_fds(connection, [head + body], [theirs.fileno(), theirs.fileno(), journal.fileno()])
            theirs.close()
            answer = connection.recv(65536).decode()
            ours.close()
        return int(answer.split()[1]), answer

    def post_upgrade(self, body):
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.home.socket_path)
        connection.request("POST", "/upgrade", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        connection.close()
        return {"status": answer.status, **found}
