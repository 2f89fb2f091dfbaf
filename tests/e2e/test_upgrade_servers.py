"""The daemon becomes another program in place: servers over HTTP keep their sessions, whose connections end."""
import json
import os
import sys
import threading

from http_server import HttpServer
from http_world import HttpCase
from world import HERE, alive, eventually


class TestUpgradeServers(HttpCase):
    def remote(self, mode="streamable", **behaviour):
        server = HttpServer(mode, **behaviour)
        self.addCleanup(server.stop)
        kind = "sse" if mode == "sse" else "http"
        self.home.config({"mcpServers": {"remote": {"type": kind, "url": server.url}}})
        return server

    def upgrades(self):
        return self.home.status()["daemon"]["upgrades"]

    def test_sessions_at_a_server_elsewhere_go_on(self):
        server = self.remote()
        a, b = self.stdio("remote"), self.stdio("remote")
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        for _ in range(3):
            self.home.hearth("upgrade")
            self.assertEqual((a.echo("c"), b.echo("d")), ("c", "d"))
        self.assertEqual(self.upgrades(), 3)
        self.assertEqual(len(server.of("initialize")), 2)
        self.assertEqual(len({call.get("mcp-session-id") for call in server.of("tools/call")}), 2)

    def test_news_come_on_the_stream_that_is_opened_again(self):
        server = self.remote()
        a = self.stdio("remote")
        a.echo("before")
        opened = len(server.with_method("GET"))
        self.home.hearth("upgrade")
        server.wait("the stream", lambda: len(server.with_method("GET")) > opened)
        server.say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        eventually("the news", lambda: a.heard("notifications/tools/list_changed"))

    def test_a_call_whose_events_have_ids_is_resumed(self):
        server = self.remote()
        a = self.stdio("remote")
        held = a.do({"progress": 2}, {"hold": "k"}, {"progress": 1}, token="t")
        eventually("that it works", lambda: len(a.heard("notifications/progress")) == 2)
        self.home.hearth("upgrade")
        server.wait("its stream", lambda: [get for get in server.with_method("GET") if get.get("last-event-id")])
        server.release("k")
        self.assertEqual(held.text(), "[]")
        self.assertEqual(len(a.heard("notifications/progress")), 3)
        self.assertEqual(len(server.of("tools/call")), 1)

    def test_a_call_whose_events_have_none_is_waited_for(self):
        server = self.remote(ids=False)
        a = self.stdio("remote")
        held = a.do({"progress": 2}, {"hold": "k"}, token="t")
        eventually("that it works", lambda: len(a.heard("notifications/progress")) == 2)
        upgrade = threading.Thread(target=self.home.hearth, args=("upgrade",))
        upgrade.start()
        self.assertEqual(a.tool("whoami") != "", True)
        self.assertEqual(self.upgrades(), 0)
        server.release("k")
        self.assertEqual(held.text(), "[]")
        upgrade.join()
        self.assertEqual(self.upgrades(), 1)
        self.assertEqual(len(server.of("initialize")), 1)

    def test_the_session_of_http_sse_is_its_connection(self):
        self.remote("sse")
        a = self.stdio("remote")
        a.echo("before")
        done = self.home.hearth("upgrade", check=False, seconds=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the server remote speaks HTTP+SSE", done.stdout + done.stderr)
        self.assertEqual(a.echo("still"), "still")

    def test_a_server_with_a_port_of_its_own_goes_on(self):
        self.home.config({"mcpServers": {"ours": {
            "command": sys.executable, "transport": "http", "port": "auto", "path": "/mcp", "scope": "user",
            "args": [os.path.join(HERE, "http_server.py"), "--port", "${port}", "--dir", self.home.fake_dir]}}})
        a, b = self.stdio("ours"), self.stdio("ours")
        before = [json.loads(one.tool("whoami")) for one in (a, b)]
        for _ in range(2):
            self.home.hearth("upgrade")
            after = [json.loads(one.tool("whoami")) for one in (a, b)]
            for key in ("pid", "port", "session"):
                self.assertEqual([one[key] for one in after], [one[key] for one in before])
        self.assertEqual(self.upgrades(), 2)
        self.home.hearth("stop", "ours")
        eventually("that it has ended", lambda: not alive(before[0]["pid"]))
        self.assertEqual(a.echo("again"), "again")
