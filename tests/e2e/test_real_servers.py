"""Real servers from npm, driven by the official SDK clients: one, two and twenty sessions at once through Hearth."""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import unittest

from world import DIRECT, HERE, Case

NO_NODE = os.environ.get("HEARTH_NO_NODE") == "1"
ENTRY = {"everything": "dist/index.js", "memory": "dist/index.js", "filesystem": "dist/index.js",
         "sequential-thinking": "dist/index.js"}


def node_modules():
    """Where the packages of package-lock.json are: here, if somebody ran npm ci here, else in a cache of our own."""
    here = os.path.join(HERE, "node_modules")
    if os.path.isdir(os.path.join(here, "@modelcontextprotocol", "client")):
        return here
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise AssertionError("these tests need Node 18 or later with npm: install it (apt-get install nodejs npm), or set "
                             "HEARTH_NO_NODE=1 to leave them out by name")
    with open(os.path.join(HERE, "package-lock.json"), "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()[:16]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hearth-e2e", wanted)
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(cache, "complete")):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(HERE, name), cache)
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=cache, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise AssertionError("npm ci failed, the real servers cannot be tested:\n" + done.stdout[-3000:])
            open(os.path.join(cache, "complete"), "w").close()
    return os.path.join(cache, "node_modules")


@unittest.skipIf(NO_NODE, "HEARTH_NO_NODE=1: real servers from npm are left out")
class RealCase(Case):
    def setUp(self):
        super().setUp()
        self.node = shutil.which("node")
        self.assertIsNotNone(self.node, "these tests need Node 18 or later: install it (apt-get install nodejs npm), or set "
                                        "HEARTH_NO_NODE=1 to leave them out by name")
        self.modules = node_modules()

    def run_sessions(self, server, sessions, sdk=1, args=(), env=None):
        program = os.path.join(self.modules, "@modelcontextprotocol", "server-" + server, ENTRY[server])
        command = self.home.shim([self.node, program, *args], server)
        request = {"sdk": sdk, "server": server, "sessions": 1 if DIRECT else sessions, "command": command[0], "args": command[1:],
                   "cwd": self.home.project, "env": self.home.environment(**(env or {})), "nodeModules": self.modules}
        done = subprocess.run([self.node, os.path.join(HERE, "sdk_client.mjs"), json.dumps(request)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.home.environment(), timeout=90)
        try:
            result = json.loads(done.stdout)
        except ValueError:
            self.fail("the client said: %s%s" % (done.stdout, done.stderr))
        self.assertNotIn("error", result, result.get("error"))
        if not DIRECT:
            servers = self.home.status_of(server)
            self.assertEqual(len(servers), 1, servers)
        return result["sessions"]


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
    def check(self, sessions):
        path = os.path.join(self.home.project, "memory.json")
        seen = self.run_sessions("memory", sessions, env={"MEMORY_FILE_PATH": path})
        for session in seen:
            self.assertEqual(session["graph"], sorted("entity %d" % number for number in range(len(seen))))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(len(file.read().strip().split("\n")), len(seen))

    def test_two_sessions(self):
        self.check(2)

    def test_twenty_sessions_lose_no_update(self):
        """Twenty processes writing one file lose updates; one process, used by twenty, does not."""
        self.check(20)


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


class TestSequentialThinking(RealCase):
    def check(self, sessions):
        for session in self.run_sessions("sequential-thinking", sessions):
            self.assertEqual(session["thought"]["thoughtNumber"], 1)

    def test_two_sessions(self):
        self.check(2)

    def test_twenty_sessions(self):
        self.check(20)
