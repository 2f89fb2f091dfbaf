"""Qwen Code, which tells by `mcp list` whether it can connect."""
from client_case import ClientCase
from installed import node, program
from world import needs_hearth


@needs_hearth
class TestQwenCode(ClientCase):
    def setUp(self):
        self.qwen = [node(), program("qwen", "@qwen-code/qwen-code/cli.js", "@qwen-code/qwen-code/dist/cli.js")]
        super().setUp()

    def listed(self):
        self.write(".qwen/settings.json", {"mcpServers": {"fake": self.entry()}})
        return self.run_client([*self.qwen, "mcp", "list"]).stdout

    def test_it_connects(self):
        said = self.listed()
        self.assertIn("fake", said)
        self.assertIn("Connected", said)
        self.assertEqual(len(self.server().of("initialize")), 1)

    def test_it_shares_a_server_that_another_session_has(self):
        other = self.client()
        other.sync()
        self.assertIn("Connected", self.listed())
        self.assert_shared_with(other)
