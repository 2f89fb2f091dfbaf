"""config.json is edited while sessions are open: servers change under them, and a broken file changes nothing."""
import json
import os

from client import RpcError
from http_server import HttpServer
from http_world import HELLO, HttpCase
from test_config import ConfigCase
from world import eventually, free_port, listens


class ChangeCase(ConfigCase):
    def edit(self, servers, **rest):
        """As an editor does it: another file takes the place of the one there was."""
        self.replace(json.dumps({"mcpServers": servers, **rest}))

    def replace(self, text):
        path = os.path.join(self.home.hearth_home, "config.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def opened(self, name="fake"):
        session = self.attach(name)
        session.initialize()
        return session

    def logged(self, text):
        eventually("that the log has %r" % text, lambda: any(text in line for _, line in self.home.logs()))

    def numbers(self):
        """Which of the servers got how many calls."""
        return [len(server.of("tools/call")) for server in self.home.servers()]


class TestChanged(ChangeCase):
    def test_calls_in_flight_end_at_the_old_server(self):
        self.home.config({"mcpServers": {"fake": self.entry("--tag", "1")}})
        session, other = self.opened(), self.opened()
        held = session.do({"hold": "k"}, {"text": "from the old one"})
        old = self.home.server()
        old.wait("(hold k)")
        self.edit({"fake": self.entry("--tag", "2")})
        new = self.home.wait_server(2)
        session.hear("notifications/tools/list_changed")
        self.assertEqual((session.echo("a"), other.echo("b")), ("a", "b"))
        self.assertEqual(self.numbers(), [1, 2])
        self.assertTrue(old.alive())
        old.release("k")
        self.assertEqual(held.text(), "from the old one")
        self.assert_gone(old.pid, "the server of the entry as it was")
        self.assertTrue(new.alive())
        eventually("that there is one server", lambda: [server["sessions"] for server in self.home.status_of()] == [2])

    def test_other_entries_are_left_alone(self):
        entries = {"fake": self.entry("--tag", "1"), "other": self.entry("--tag", "other")}
        self.home.config({"mcpServers": entries})
        session, other = self.opened(), self.opened("other")
        run = self.home.open("--tag", "run", name="run")
        run.initialize()
        entries["fake"] = self.entry("--tag", "2")
        self.edit(entries)
        self.home.wait_server(4)
        for one in (session, other, run):
            one.echo()
        self.assertEqual(self.numbers(), [0, 1, 1, 1])

    def test_the_target_of_a_link_is_switched(self):
        for number in "12":
            os.mkdir(self.home.path("v" + number))
            with open(self.home.path("v" + number, "config.json"), "w", encoding="utf-8") as file:
                json.dump({"mcpServers": {"fake": self.entry("--tag", number)}}, file)
        os.symlink(self.home.path("v1"), self.home.path("data"))
        os.symlink(self.home.path("data", "config.json"), os.path.join(self.home.hearth_home, "config.json"))
        session = self.opened()
        os.symlink(self.home.path("v2"), self.home.path("data.new"))
        os.rename(self.home.path("data.new"), self.home.path("data"))
        self.home.wait_server(2)
        session.echo()
        self.assertEqual(self.numbers(), [0, 1])

    def test_other_times_restart_nothing(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        server = self.home.server()
        self.edit({"fake": self.entry(idleTimeoutMs=100)})
        self.logged("was taken up: changed: fake")
        session.echo()
        self.assertTrue(self.home.server().alive())
        session.close()
        self.assert_gone(server.pid, "the idle server")

    def test_an_entry_that_cannot_be_used_leaves_sessions_where_they_are(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        self.edit({"fake": {"command": "no-such-program-anywhere"}})
        self.logged("sessions that are open keep the server that they have")
        self.assertEqual(session.echo("still"), "still")
        self.assertIn("no-such-program-anywhere", self.refused())
        self.home.server()

    def test_what_an_upgrade_takes_along(self):
        self.home.config({"mcpServers": {"fake": self.entry("--tag", "1")}})
        session = self.opened()
        held = session.do({"hold": "k"}, {"text": "late"})
        old = self.home.server()
        old.wait("(hold k)")
        self.edit({"fake": self.entry("--tag", "2")})
        self.home.wait_server(2)
        session.echo()
        self.home.hearth("upgrade")
        old.release("k")
        self.assertEqual(held.text(), "late")
        self.assert_gone(old.pid, "the server of the entry as it was")
        self.edit({"fake": self.entry("--tag", "3")})
        self.home.wait_server(3)
        session.echo()
        self.assertEqual(self.numbers(), [1, 1, 1])


class TestRemovedAndAdded(ChangeCase):
    def test_removed_and_put_back(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        held = session.do({"hold": "k"}, {"text": "late"})
        server = self.home.server()
        server.wait("(hold k)")
        self.edit({"other": self.entry()})
        eventually("that the session is told", lambda: "was removed from" in session.stderr())
        with self.assertRaises(RpcError) as caught:
            session.echo()
        said = str(caught.exception)
        self.assertIn("server fake: was removed from %s/config.json; put it back there" % self.home.hearth_home, said)
        server.release("k")
        self.assertEqual(held.text(), "late")
        self.assert_gone(server.pid, "the server of an entry that was removed")
        self.assertIn("there is no server fake", self.refused())
        self.edit({"fake": self.entry()})
        session.hear("notifications/tools/list_changed")
        self.assertEqual(session.echo("again"), "again")
        self.assertEqual(self.opened().echo("new"), "new")

    def test_disabled(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        self.edit({"fake": self.entry(disabled=True)})
        eventually("that the session is told", lambda: "is disabled in" in session.stderr())
        with self.assertRaisesRegex(RpcError, "is disabled in .*; remove disabled"):
            session.echo()


class TestBroken(ChangeCase):
    def test_everything_stays_until_it_is_mended(self):
        path = self.home.config({"mcpServers": {"fake": self.entry("--tag", "1")}})
        session = self.opened()
        self.replace('{\n  "mcpServers": {"fake": {"command": "x"}, "new": {"command": "x"\n')
        self.logged("config.json:3:1: ")
        self.assertEqual(session.echo(), "hello")
        self.assertEqual(self.opened().echo(), "hello")
        self.home.server()  # The one of the entry as it was.
        self.assertIn("there is no server new", self.refused("new"))
        complaints = self.home.status()["complaints"]
        self.assertRegex(complaints[0], r"config\.json:3:1: ")
        self.assertEqual(complaints[-1], path + " has mistakes; what it held before stays in force")
        self.assertIn("config.json:3:1: ", self.home.hearth("status").stdout)
        self.edit({"fake": self.entry("--tag", "2")})
        self.home.wait_server(2)
        self.logged("has no mistakes any more")
        session.echo()
        self.assertEqual(self.home.status()["complaints"], [])

    def test_a_mistake_within_an_entry(self):
        entries = {"fake": self.entry("--tag", "1"), "other": self.entry("--tag", "other")}
        self.home.config({"mcpServers": entries})
        session, other = self.opened(), self.opened("other")
        self.edit({"fake": self.entry(args="none"), "other": self.entry("--tag", "changed")})
        self.home.wait_server(3)
        session.echo(), other.echo()
        self.assertEqual(self.numbers(), [1, 0, 1])
        self.assertEqual(self.opened().echo(), "hello")
        self.assertIn("server fake stays as it was before its mistake", self.home.status()["complaints"])

    def test_a_file_that_is_gone(self):
        path = self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        os.remove(path)
        self.logged("config.json is gone; what it held before stays in force")
        self.assertEqual((session.echo(), self.opened().echo()), ("hello", "hello"))


class TestByUrl(HttpCase):
    def change(self, **config):
        path = os.path.join(self.home.hearth_home, "config.json")
        with open(path, encoding="utf-8") as file:
            text = {**json.load(file), **config}
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(text, file)
        os.rename(path + ".new", path)

    def test_sessions_by_url_change_their_server(self):
        self.serve("--tag", "1")
        session = self.streamable()
        held = session.do({"hold": "k"}, {"text": "late"})
        old = self.home.server()
        old.wait("(hold k)")
        fake = self.home.fake("--tag", "2")
        self.change(mcpServers={"fake": {"command": fake[0], "args": fake[1:]}})
        self.home.wait_server(2)
        self.assertEqual(session.echo("new"), "new")
        old.release("k")
        self.assertEqual(held.text(), "late")
        self.assert_gone(old.pid, "the server of the entry as it was")

    def test_another_token(self):
        self.serve()
        self.streamable().echo()
        self.change(http={"port": self.home.port, "token": "a-token-that-is-long-enough"})
        refused = lambda: self.request("POST", "/mcp/fake", {}, HELLO).status == 401
        eventually("that a token is asked for", refused)
        self.assertEqual(self.streamable(token="a-token-that-is-long-enough").echo("x"), "x")


class TestServersOverHttp(ChangeCase):
    def remote(self):
        server = HttpServer("streamable")
        self.addCleanup(server.stop)
        return server

    def test_other_headers(self):
        server = self.remote()
        entry = lambda text: {"far": {"type": "http", "url": server.url, "headers": {"X-Text": text}}}
        self.home.config({"mcpServers": entry("one")})
        session = self.opened("far")
        session.echo()
        self.edit(entry("two"))
        session.hear("notifications/tools/list_changed")
        session.echo()
        self.assertEqual([call.get("x-text") for call in server.of("tools/call")], ["one", "two"])
        self.assertEqual([call.get("x-text") for call in server.of("initialize")], ["one", "two"])

    def test_another_address(self):
        one, other = self.remote(), self.remote()
        self.home.config({"mcpServers": {"far": {"type": "http", "url": one.url}}})
        session = self.opened("far")
        held = session.do({"hold": "k"})
        one.wait_for("tools/call")
        self.edit({"far": {"type": "http", "url": other.url}})
        session.hear("notifications/tools/list_changed")
        session.echo()
        one.release("k")
        held.result()
        self.assertEqual((len(one.of("tools/call")), len(other.of("tools/call"))), (1, 1))

    def test_a_server_that_becomes_one_elsewhere(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        session = self.opened()
        session.echo()
        before = self.home.server()
        server = self.remote()
        self.edit({"fake": {"type": "http", "url": server.url}})
        session.hear("notifications/tools/list_changed")
        session.echo()
        self.assertEqual(len(server.of("tools/call")), 1)
        self.assert_gone(before.pid, "the server of the entry as it was")


class TestPort(ChangeCase):
    def test_another_port_and_none(self):
        one, other = free_port(), free_port()
        servers = {"fake": self.entry()}
        self.home.config({"mcpServers": servers, "http": {"port": one, "token": None}})
        session = self.opened()
        eventually("that the port listens", lambda: listens(one))
        self.edit(servers, http={"port": other, "token": None})
        eventually("that the other port listens instead", lambda: listens(other) and not listens(one))
        self.assertEqual(self.home.status()["daemon"]["port"], other)
        self.edit(servers)
        eventually("that there is no port", lambda: not listens(other))
        session.echo()

    def test_a_port_that_is_opened_later_keeps_the_daemon(self):
        port, servers = free_port(), {"fake": self.entry(idleTimeoutMs=100)}
        self.home.config({"mcpServers": servers, "daemon": {"idleTimeoutMs": 100}})
        session = self.opened()
        pid = self.home.daemon_pid()
        self.edit(servers, daemon={"idleTimeoutMs": 100}, http={"port": port, "token": None})
        eventually("that the port listens", lambda: listens(port))
        session.close()
        self.logged("no session needs the daemon; it stays for its port")
        self.assertEqual(self.home.daemon_pid(), pid)
