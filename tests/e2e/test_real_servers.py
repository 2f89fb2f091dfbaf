"""Real servers from npm, driven by the official SDK clients: one, two and twenty sessions at once through Hearth."""
import json
import os
import subprocess
import unittest

import npm_packages
from world import DIRECT, HERE, Case, needs_hearth

NO_NODE = os.environ.get("HEARTH_NO_NODE") == "1"


@unittest.skipIf(NO_NODE, "HEARTH_NO_NODE=1: real servers from npm are left out")
class RealCase(Case):
    def setUp(self):
        super().setUp()
        self.node = npm_packages.node()
        self.modules = npm_packages.node_modules()

    def program(self, server):
        return os.path.join(self.modules, "@modelcontextprotocol", "server-" + server, "dist", "index.js")

    def run_sessions(self, server, sessions, sdk=1, args=(), env=None, **more):
        command = self.home.shim([self.node, self.program(server), *args], server)
        request = {"sdk": sdk, "server": server, "sessions": 1 if DIRECT else sessions,
                   "command": command[0], "args": command[1:], "cwd": self.home.project,
                   "env": self.home.environment(**(env or {})), "nodeModules": self.modules, **more}
        done = subprocess.run([self.node, os.path.join(HERE, "sdk_client.mjs"), json.dumps(request)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.home.environment(), timeout=90)
        try:
            result = json.loads(done.stdout)
        except ValueError:
            self.fail("the client said: %s%s" % (done.stdout, done.stderr))
        self.assertNotIn("error", result, result.get("error"))
        if not DIRECT:
            servers = [{key: one[key] for key in ("state", "sessions", "callsTotal", "restarts", "uptimeMs", "trouble")}
                       for one in self.home.status_of(server)]
            self.assertEqual(len(servers), 1, "%s\n%s" % (servers, self.home.hearth("why", server).stdout))
        return result["sessions"]

    def two_sessions(self, server, *args, env=None):
        command = self.home.shim([self.node, self.program(server), *args], server)
        sessions = [self.home.spawn(command, env=env) for _ in range(2)]
        for session in sessions:
            session.initialize()
        return sessions


class TestEverything(RealCase):
    def check(self, seen):
        for number, session in enumerate(seen):
            self.assertIn("echo", session["tools"])
            self.assertEqual(session["echoes"], ["Echo: %d.%d" % (number, i) for i in range(5)])
            self.assertIn("is %d." % (number + 1000), session["sum"])
            # The SDK drops a progress notification that it reads together with the answer.
            self.assertIn(session["progress"], ([1, 2], [1, 2, 3]))
            self.assertIn("completed", session["long"])
            self.assertGreater(session["resources"], 0)
            self.assertGreater(session["templates"], 0)
            uri = "demo://resource/dynamic/text/%d" % (number + 1)
            self.assertEqual(session["read"], uri)
            self.assertIn("City%d" % number, session["prompt"])
            self.assertEqual(set(session["updates"]), {uri}, "updates of somebody else's resource")
        self.assertIn("person 0", seen[0]["elicited"])
        self.assertIn("sampled by 0", seen[0]["sampled"])
        for session in seen[1:]:
            self.assertEqual(session["asks"], [], "asked in another session's place")

    def test_one_session(self):
        self.check(self.run_sessions("everything", 1))

    def test_two_sessions(self):
        self.check(self.run_sessions("everything", 2))

    def test_twenty_sessions(self):
        self.check(self.run_sessions("everything", 20))

    def test_two_sessions_of_the_next_generation_of_the_client(self):
        self.check(self.run_sessions("everything", 2, sdk=2))


class TestMemory(RealCase):
    def check(self, sessions, **more):
        path = os.path.join(self.home.project, "memory.json")
        seen = self.run_sessions("memory", sessions, env={"MEMORY_FILE_PATH": path}, **more)
        for session in seen:
            self.assertEqual(session["graph"], sorted("entity %d" % number for number in range(len(seen))))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(len(file.read().strip().split("\n")), len(seen))

    def test_two_sessions_see_what_the_other_wrote(self):
        self.check(2, inTurn=True)

    def test_twenty_sessions_see_what_the_others_wrote(self):
        self.check(20, inTurn=True)

    @needs_hearth
    def test_twenty_sessions_at_once_lose_nothing(self):
        """This server reads its file, changes it and writes it back without a lock, so calls in flight together lose updates
        even within one process. It is known for that, and gets one call at a time."""
        self.check(20)

    @needs_hearth
    def test_two_sessions_that_write_at_once_lose_nothing(self):
        path = os.path.join(self.home.project, "memory.json")
        sessions = self.two_sessions("memory", env={"MEMORY_FILE_PATH": path})
        calls = [session.start_tool("create_entities", {"entities": [
            {"name": "%d of %d" % (number, who), "entityType": "thing", "observations": ["made"]}]})
            for number in range(25) for who, session in enumerate(sessions)]
        for call in calls:
            self.assertIn("structuredContent", call.result())
        with open(path, encoding="utf-8") as file:
            kept = [json.loads(line)["name"] for line in file.read().strip().split("\n")]
        self.assertEqual(sorted(kept), sorted("%d of %d" % (number, who) for number in range(25) for who in range(2)))
        self.assertIn("Calls go one at a time", self.home.hearth("why", "memory").stdout)


class TestFilesystem(RealCase):
    def check(self, sessions):
        seen = self.run_sessions("filesystem", sessions, args=[self.home.project])
        for number, session in enumerate(seen):
            self.assertIn("by %d" % number, session["read"])
            self.assertEqual(session["list"], len(seen))

    def test_two_sessions(self):
        self.check(2)

    def test_twenty_sessions(self):
        self.check(20)

    @needs_hearth
    def test_two_sessions_that_edit_a_file_at_once_lose_nothing(self):
        path = os.path.join(self.home.project, "notes.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines("line %d.\n" % number for number in range(50))
        sessions = self.two_sessions("filesystem", self.home.project)
        calls = [sessions[number % 2].start_tool("edit_file", {"path": path, "edits": [
            {"oldText": "line %d." % number, "newText": "LINE %d!" % number}]}) for number in range(50)]
        for call in calls:
            self.assertNotIn("isError", call.result())
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read().split("\n")[:-1], ["LINE %d!" % number for number in range(50)])

    @needs_hearth
    def test_what_one_session_may_touch_is_not_what_another_may(self):
        """Roots replace the directories that it was started with: each session sees what it would see directly, in
        any order, and also after others have left."""
        docs, shop = (os.path.join(self.home.project, name) for name in ("docs", "shop"))
        os.mkdir(docs), os.mkdir(shop)
        for number, order in enumerate((("shop", None), (None, "shop"))):
            sessions = {}
            for uri in order:
                command = self.home.shim([self.node, self.program("filesystem"), docs], "filesystem%d" % number)
                session = self.home.spawn(command)
                if uri:
                    session.handlers["roots/list"] = lambda params: {"roots": [{"uri": "file://" + shop}]}
                session.initialize(capabilities={"roots": {"listChanged": True}} if uri else {})
                sessions[uri] = session
            for uri, path in (("shop", shop), (None, docs)):
                told = sessions[uri].tool("list_allowed_directories")
                while path not in told:  # It takes what it is told over when it has looked at the places.
                    told = sessions[uri].tool("list_allowed_directories")
                self.assertNotIn(docs if uri else shop, told)
            sessions["shop"].close()
            self.assertNotIn(shop, sessions[None].tool("list_allowed_directories"))
            sessions[None].close()

    def test_it_may_live_on_the_roots_of_its_session_alone(self):
        """Started without directories, it works on what the client's roots allow, or not at all."""
        seen = self.run_sessions("filesystem", 1, roots=[{"uri": "file://" + self.home.project}])
        self.assertIn("by 0", seen[0]["read"])


class TestSequentialThinking(RealCase):
    def check(self, sessions):
        for session in self.run_sessions("sequential-thinking", sessions):
            self.assertEqual(session["thought"]["thoughtNumber"], 1)

    def test_two_sessions(self):
        self.check(2)

    def test_twenty_sessions(self):
        self.check(20)
