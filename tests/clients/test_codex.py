"""Codex, by its app server: a whole session with tool calls, without a model and without a login."""
import json
import os
import queue
import subprocess
import threading

from client import PATIENCE
from client_case import ClientCase
from installed import program
from world import needs_hearth


class AppServer:
    """`codex app-server`, spoken to in JSON-RPC on its stdin and stdout."""

    def __init__(self, case, codex):
        self.process = subprocess.Popen(
            [codex, "app-server"], env=case.client_environment(CODEX_HOME=os.path.join(case.home.user_home, ".codex")),
            cwd=case.home.project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            stderr=open(case.home.path("codex.stderr"), "a"))
        case.addCleanup(self.end)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.last_id = 0
        self.ask("initialize", clientInfo={"name": "testbed", "title": "testbed", "version": "1"})
        self.say({"method": "initialized"})
        self.thread = self.ask("thread/start")["thread"]["id"]

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def say(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")

    def ask(self, method, **params):
        self.last_id += 1
        self.say({"id": self.last_id, "method": method, "params": params})
        while True:
            message = self.lines.get(timeout=PATIENCE)
            if message.get("id") == self.last_id and "method" not in message:
                if "error" in message:
                    raise AssertionError("%s: %s" % (method, message["error"]))
                return message["result"]

    def call(self, tool, **arguments):
        result = self.ask("mcpServer/tool/call", threadId=self.thread, server="fake", tool=tool, arguments=arguments)
        return result["content"][0]["text"]

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@needs_hearth
class TestCodex(ClientCase):
    def setUp(self):
        self.codex = program("codex", "@openai/codex-linux-{machine}/vendor/{arch}-unknown-linux-musl/bin/codex",
                             "@openai/codex-linux-{machine}/vendor/{arch}-unknown-linux-musl/codex/codex")
        super().setUp()
        entry = self.entry()
        # JSON strings and lists are TOML as well.
        self.write(".codex/config.toml", "[mcp_servers.fake]\ncommand = %s\nargs = %s\nenv = { HEARTH_HOME = %s }\n" % (
            json.dumps(entry["command"]), json.dumps(entry["args"]), json.dumps(entry["env"]["HEARTH_HOME"])))

    def test_a_tool_call_goes_to_the_server_and_back(self):
        codex = AppServer(self, self.codex)
        self.assertEqual(codex.call("echo", text="from Codex"), "from Codex")
        listed = codex.ask("mcpServerStatus/list")["data"]
        self.assertEqual([one["name"] for one in listed], ["fake"])
        self.assertLessEqual({"echo", "do", "count"}, set(listed[0]["tools"]))

    def test_two_of_them_and_another_session_share_one_server(self):
        one, two = AppServer(self, self.codex), AppServer(self, self.codex)
        other = self.client()
        for n in range(5):
            self.assertEqual(one.call("echo", text="one %d" % n), "one %d" % n)
            self.assertEqual(two.call("echo", text="two %d" % n), "two %d" % n)
        self.assert_shared_with(other)

    def test_it_goes_on_when_the_daemon_was_killed(self):
        codex = AppServer(self, self.codex)
        self.assertEqual(codex.call("echo", text="before"), "before")
        os.kill(self.home.daemon_pid(), 9)
        self.assertEqual(codex.call("echo", text="after"), "after")
        self.assertEqual(len(self.home.servers()), 2)
