"""Servers that speak HTTP and that Hearth starts: their port, their life, and one for each project."""
import json
import os
import socket
import subprocess
import sys

import http_server
from client import RpcError
from http_server import HttpServer
from http_world import HttpCase
from world import HERE, eventually, free_port, listens


class TestOurDaemons(HttpCase):
    """Servers that speak HTTP and that Hearth starts."""

    def started(self, *flags, mode="streamable", port="auto", **more):
        return {"command": sys.executable, "args": [os.path.join(HERE, "http_server.py"), "--port", "${port}", "--mode", mode,
                                                    "--dir", self.home.fake_dir, *flags],
                "transport": "sse" if mode == "sse" else "http", "port": port, "path": "/sse" if mode == "sse" else "/mcp",
                "scope": "user", **more}

    def configure(self, *flags, **more):
        self.home.config({"mcpServers": {"ours": self.started(*flags, **more)}})

    def processes(self):
        return http_server.recorded(self.home.fake_dir)

    def session(self, **rest):
        return self.stdio("ours", **rest)

    def facts(self, session):
        return json.loads(session.tool("whoami"))

    def check_shared(self, mode):
        self.configure(mode=mode)
        facts = [self.facts(self.session()) for _ in range(2)]
        self.assertEqual(facts[0]["pid"], facts[1]["pid"])
        self.assertNotEqual(facts[0]["session"], facts[1]["session"])
        self.assertEqual([(one["pid"], one["sessions"]) for one in self.home.status_of("ours")], [(facts[0]["pid"], 2)])

    def test_it_is_started_and_shared(self):
        self.check_shared("streamable")

    def test_one_that_speaks_sse(self):
        self.check_shared("sse")

    def test_a_launcher_leaves_it_to_its_child(self):
        """setsid(1) and shells end with 0, at once or when the server answers already."""
        for launcher in (["setsid"], ["sh", "-c", '"$0" "$@" & exit 0'], ["sh", "-c", '"$0" "$@" & sleep 1; exit 0']):
            with self.subTest(" ".join(launcher)):
                entry = self.started()
                command, *rest = [*launcher, entry["command"], *entry["args"]]
                self.home.config({"mcpServers": {"ours": {**entry, "command": command, "args": rest}}})
                session = self.session()
                pid = self.facts(session)["pid"]
                eventually("that status names the server", lambda: self.home.status_of("ours")[-1]["pid"] == pid)
                self.assertEqual(self.facts(session)["pid"], pid)
                self.home.hearth("stop", "ours")
                self.assert_gone(pid, "the server")
                session.close()
                self.home.hearth("shutdown")

    def test_it_takes_its_time_until_it_answers(self):
        self.configure("--delay", "0.7")
        self.assertEqual(self.session().echo("x"), "x")
        self.assertEqual(len(self.processes()), 1)

    def test_the_port_is_said_in_args_and_env(self):
        self.configure(env={"PORT": "${port}", "URL": "http://127.0.0.1:${port}/mcp"})
        facts = self.facts(self.session())
        environment = self.processes()[0].facts["environment"]
        self.assertEqual((environment["PORT"], environment["URL"]),
                         (str(facts["port"]), "http://127.0.0.1:%d/mcp" % facts["port"]))

    def test_it_is_stopped_and_started_again(self):
        self.configure()
        session = self.session()
        pid = self.facts(session)["pid"]
        self.home.hearth("stop", "ours")
        self.assert_gone(pid, "the server")
        self.assertNotEqual(self.facts(session)["pid"], pid)
        self.home.hearth("restart", "ours")
        eventually("that the second is gone", lambda: not self.processes()[1].alive())
        self.facts(session)
        last = self.processes()[-1].pid
        self.home.hearth("shutdown")
        self.assert_gone(last, "the server")

    def test_it_stops_when_nobody_needs_it(self):
        self.configure(idleTimeoutMs=200)
        session = self.session()
        pid = self.facts(session)["pid"]
        session.close()
        self.assert_gone(pid, "the server")

    def test_it_crashes(self):
        self.configure()
        session, other = self.session(), self.session()
        pid = self.facts(other)["pid"]
        with self.assertRaises(RpcError) as caught:
            session.do({"exit": 3}).result()
        self.assertIn("ours", caught.exception.message)
        eventually("that Hearth has seen it", lambda: self.home.status_of("ours")[0]["pid"] != pid)
        self.assertEqual((session.echo("a"), other.echo("b")), ("a", "b"))
        self.assertEqual(len(self.processes()), 2)

    def test_it_crashes_at_every_start(self):
        dying = {**self.started(), "args": ["-c", "import sys; sys.exit('no disk')", "${port}"]}
        self.home.config({"mcpServers": {"ours": dying}})
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("no disk", caught.exception.message)

    def test_it_never_listens(self):
        self.configure("--delay", "1000", startTimeoutMs=500)
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertRegex(caught.exception.message, "port|answer")
        eventually("that it is stopped", lambda: not any(one.alive() for one in self.processes()))

    def test_a_port_where_an_mcp_server_answers_is_used(self):
        """First to bind wins."""
        there = HttpServer(name="already there")
        self.addCleanup(there.stop)
        self.configure(port=there.port)
        self.assertEqual(self.facts(self.session())["pid"], os.getpid())
        self.assertEqual(self.processes(), [])
        self.home.hearth("stop", "ours")
        self.assertTrue(listens(there.port))

    def test_a_port_that_something_else_has(self):
        port = free_port()
        taken = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], cwd=self.home.project,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(taken.wait)
        self.addCleanup(taken.kill)
        eventually("that it listens", lambda: listens(port))
        self.configure(port=port)
        with self.assertRaises(RpcError) as caught:
            self.session()
        for word in (str(port), "python", str(taken.pid)):
            self.assertIn(word, caught.exception.message)
        self.assertIsNone(taken.poll(), "somebody else's process was killed to free a port")
        self.assertEqual(self.processes(), [])

    def test_a_port_that_is_silent(self):
        """Somebody who accepts and never answers is no MCP server, and holds nobody up for ever."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.configure(port=silent.getsockname()[1])
            with self.assertRaises(RpcError) as caught:
                self.session()
            self.assertIn(str(silent.getsockname()[1]), caught.exception.message)

    def test_a_fixed_port(self):
        port = free_port()
        self.configure(port=port)
        self.assertEqual(self.facts(self.session())["port"], port)

    def test_each_project_has_its_own(self):
        self.configure("--set", 'name="${project}"', scope="project")
        one, two = self.home.directory("one"), self.home.directory("two")
        facts = [self.facts(self.session(cwd=where)) for where in (one, two, one)]
        self.assertEqual(facts[0]["pid"], facts[2]["pid"])
        self.assertEqual(len({(fact["pid"], fact["port"]) for fact in facts}), 2)
        self.assertEqual([server.facts["argv"][-1] for server in self.processes()], ['name="%s"' % one, 'name="%s"' % two])
        self.assertEqual([server.facts["cwd"] for server in self.processes()], [one, two])

    def test_the_project_in_the_path(self):
        self.configure("--path", "/mcp${project}", path="/mcp${project}", scope="project")
        one = self.home.directory("one")
        self.assertEqual(self.session(cwd=one).echo("x"), "x")
        self.assertEqual(self.processes()[0].of("tools/call")[0]["target"], "/mcp" + one)

    def test_its_words_are_logged(self):
        self.configure()
        self.session().echo()
        self.assertIn("listening on", self.home.hearth("logs", "ours").stdout)

    def test_the_daemon_dies_and_it_dies_too(self):
        self.configure()
        session = self.session()
        pid = self.facts(session)["pid"]
        os.kill(self.home.daemon_pid(), 9)
        self.assert_gone(pid, "the server")
        self.assertNotEqual(self.facts(session)["pid"], pid)

    def test_for_clients_that_connect_by_url(self):
        self.home.serve({"ours": self.started()})
        sessions = self.each_transport(name="ours")
        self.assertEqual(len({self.facts(session)["pid"] for session in sessions}), 1)
        self.assertEqual(len({self.facts(session)["session"] for session in sessions}), 3)
