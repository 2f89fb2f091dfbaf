"""The daemon becomes another program in place: clients that connect by URL keep sessions, connections and streams."""
import threading

from http_client import BOTH
from http_world import HttpCase, do
from world import eventually


class TestUpgradeClients(HttpCase):
    def upgrades(self):
        return self.home.status()["daemon"]["upgrades"]

    def test_sessions_of_every_transport_go_on(self):
        self.serve()
        sessions = self.each_transport()
        port, daemon = self.home.port, self.home.daemon_pid()
        for number in range(3):
            self.home.hearth("upgrade")
            self.assertEqual([session.echo("x%d" % number) for session in sessions], ["x%d" % number] * 3)
        self.assertEqual(self.upgrades(), 3)
        self.assertEqual((self.home.status()["daemon"]["port"], self.home.daemon_pid()), (port, daemon))
        self.assertEqual(len(self.home.server().of("initialize")), 1)

    def test_calls_in_flight_are_answered_on_their_connections(self):
        self.serve()
        sessions = self.each_transport()
        held = [session.do({"hold": "k%d" % number}, {"text": "late %d" % number}) for number, session in enumerate(sessions)]
        server = self.home.wait_server()
        server.wait("tools/call", count=3)
        for _ in range(2):
            self.home.hearth("upgrade")
        self.assertEqual([one.done() for one in held], [False] * 3)
        server.release("k0", "k1", "k2")
        self.assertEqual([one.text() for one in held], ["late 0", "late 1", "late 2"])
        self.assertEqual(len(server.of("tools/call")), 3)

    def test_the_stream_of_news_stays_open(self):
        self.serve()
        session = self.streamable()
        session.listen()
        session.echo("before")
        self.home.hearth("upgrade")
        self.home.server().do({"notify": "notifications/tools/list_changed"})
        session.hear("notifications/tools/list_changed")
        session.echo("after")

    def test_half_a_request_is_read_on(self):
        self.serve()
        session = self.streamable()
        connection = self.connection()
        body = session.line_of("tools/call", {"name": "echo", "arguments": {"text": "y" * 200000}}, "9").encode()
        fields = {"Content-Type": "application/json", "Accept": BOTH, **session.headers()}
        head = connection.head("POST", "/mcp/fake", fields, len(body))
        connection.send(head.encode() + body[:50000])
        self.home.hearth("upgrade")
        connection.send(body[50000:])
        answer = connection.answer()
        self.assertEqual(answer.status, 200)
        self.assertIn("y" * 200000, answer.text())

    def test_modern_clients_at_one_desk(self):
        self.serve()
        fields = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
                  "Mcp-Method": "tools/call", "Mcp-Name": "do"}
        meta = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                          "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
                          "io.modelcontextprotocol/clientCapabilities": {}}}
        connections = [self.connection() for _ in range(3)]
        for number, connection in enumerate(connections):
            request = do(number, {"hold": "k%d" % number}, {"text": "late %d" % number})
            request["params"].update(meta)
            connection.start("POST", "/mcp/fake", fields, request)
        server = self.home.wait_server()
        server.wait("tools/call", count=3)
        self.home.hearth("upgrade")
        server.release("k0", "k1", "k2")
        for number, connection in enumerate(connections):
            answer = connection.answer()
            self.assertEqual(answer.status, 200)
            found = answer.json() if not answer.is_stream else list(answer.messages())[-1]
            self.assertEqual((found["id"], found["result"]["content"][0]["text"]), (number, "late %d" % number))

    def test_upgrades_under_load(self):
        self.serve()
        sessions = [session for _ in range(4) for session in self.each_transport()]
        over, wrong, counts = threading.Event(), [], [0] * len(sessions)

        def load(number):
            while not over.is_set():
                text = "%d.%d" % (number, counts[number])
                try:
                    answer = sessions[number].echo(text)
                except Exception as error:  # pylint: disable=broad-except
                    wrong.append((number, repr(error)))
                    return
                if answer != text:
                    wrong.append((text, answer))
                counts[number] += 1

        threads = [threading.Thread(target=load, args=(number,)) for number in range(len(sessions))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                before = list(counts)
                self.home.hearth("upgrade")
                eventually("answers for all", lambda then=before: wrong or all(a > b for a, b in zip(counts, then)))
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.upgrades(), 10)

    def test_the_port_names_no_program_to_run(self):
        self.serve()
        self.streamable().echo("x")
        answer = self.request("POST", "/upgrade", {"Content-Type": "application/json"}, {"program": "/bin/true"})
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.upgrades(), 0)
