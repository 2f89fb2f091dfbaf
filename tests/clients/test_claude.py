"""Claude Code, as far as it goes without a login: it starts the server, lists all there is, and gets prompts."""
import json

from client_case import ClientCase
from installed import program
from world import needs_hearth


@needs_hearth
class TestClaudeCode(ClientCase):
    def setUp(self):
        self.claude = program("claude", "@anthropic-ai/claude-code-linux-{machine}/claude")
        super().setUp()

    def said_by_claude(self, prompt, *flags):
        """What it says at the start of a conversation, and the result. That it is not logged in comes after both."""
        config = self.write("mcp.json", {"mcpServers": {"fake": self.entry(*flags)}})
        done = self.run_client([self.claude, "-p", prompt, "--mcp-config", config, "--strict-mcp-config",
                                "--output-format", "stream-json", "--verbose"], check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        begin = [line for line in lines if line.get("subtype") == "init"]
        self.assertEqual(len(begin), 1, done.stdout + done.stderr)
        return begin[0]

    def test_it_is_connected_and_has_every_tool(self):
        begin = self.said_by_claude("hello")
        self.assertEqual([(one["name"], one["status"]) for one in begin["mcp_servers"]], [("fake", "connected")])
        self.assertLess({"mcp__fake__echo", "mcp__fake__do", "mcp__fake__count"}, set(begin["tools"]))
        self.assertIn("mcp__fake__p", begin["slash_commands"])

    def test_it_shares_a_server_that_another_session_has(self):
        other = self.client()
        other.sync()
        begin = self.said_by_claude("hello")
        self.assertEqual(begin["mcp_servers"][0]["status"], "connected")
        self.assert_shared_with(other)

    def test_a_prompt_is_got_from_the_server(self):
        self.said_by_claude("/mcp__fake__p")
        self.assertEqual([prompt["params"]["name"] for prompt in self.server().of("prompts/get")], ["p"])

    def test_its_end_leaves_the_server_to_the_others(self):
        """It sends signals to what it started, in quick succession; they reach the shim alone."""
        other = self.client()
        self.said_by_claude("hello")
        self.said_by_claude("hello again")
        self.assert_shared_with(other)
        self.assertEqual(self.server().events("term"), [])
