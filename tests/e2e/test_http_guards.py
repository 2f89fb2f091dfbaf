"""Which clients may come to the port, from where, and with what."""
import os
import stat

from http_world import HELLO, HttpCase, call
from world import ABSENT, Home


class TestGuards(HttpCase):
    """Which clients may come, and from where."""

    TOKEN = "a-token-that-is-long-enough"

    def hello(self, where=None, **fields):
        return self.request("POST", "/mcp/fake", {name.replace("_", "-"): value for name, value in fields.items()}, HELLO, where)

    def test_host(self):
        """A page that made its name point at us is not let in."""
        port = self.serve()
        for host in ("evil.example", "evil.example:%d" % port, "127.0.0.1:%d" % (port + 1), "127.0.0.1", "127.0.0.1.evil:1",
                     "localhost.evil:%d" % port, "0.0.0.0:%d" % port):
            self.assertEqual(self.hello(Host=host).status, 403, host)
        for host in ("127.0.0.1:%d", "localhost:%d", "LocalHost:%d", "[::1]:%d"):
            self.assertEqual(self.hello(Host=host % port).status, 200, host)
        for host in (None, "localhost:%d@evil" % port, "a b", "localhost:x"):
            self.assertIn(self.hello(Host=host).status, (400, 403), host)

    def test_every_path_is_guarded(self):
        self.serve()
        for target in ("/", "/ping", "/status", "/mcp/fake", "/sse/fake", "/.well-known/x", "/openapi.json", "/stop"):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                self.assertEqual(self.request(method, target, {"Host": "evil.example"}).status, 403, target)

    def test_origin(self):
        port = self.serve(http={"origins": ["https://inspector.example"]})
        for origin in ("http://evil.example", "null", "https://127.0.0.1.evil", "http://127.0.0.1:%d" % (port + 1), "file://"):
            self.assertEqual(self.hello(Origin=origin).status, 403, origin)
        for origin in ("http://127.0.0.1:%d" % port, "http://localhost:%d" % port, "https://inspector.example"):
            self.assertEqual(self.hello(Origin=origin).status, 200, origin)

    def test_nothing_is_said_to_pages_of_others(self):
        self.serve()
        for answer in (self.hello(), self.hello(Origin="http://evil.example"),
                       self.request("OPTIONS", "/mcp/fake", {"Origin": "http://evil.example"})):
            self.assertNotEqual(answer.get("access-control-allow-origin"), "*")

    def test_a_page_that_is_listed_may_use_the_port_from_its_browser(self):
        origin = "https://inspector.example"
        self.serve(http={"origins": [origin]})
        asked = self.request("OPTIONS", "/mcp/fake", {"Origin": origin, "Access-Control-Request-Method": "POST",
                                                      "Access-Control-Request-Headers": "content-type,mcp-session-id"})
        self.assertEqual((asked.status, asked.get("access-control-allow-origin")), (204, origin))
        self.assertEqual(asked.get("access-control-allow-headers"), "content-type,mcp-session-id")
        answer = self.hello(Origin=origin)
        self.assertEqual((answer.status, answer.get("access-control-allow-origin")), (200, origin))
        self.assertIn("Mcp-Session-Id", answer.get("access-control-expose-headers"))
        self.assertIsNone(self.hello().get("access-control-allow-origin"))

    def made_token(self):
        path = os.path.join(self.home.hearth_home, "state", "http-token")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

    def test_a_token_is_made_when_nothing_is_said(self):
        self.serve(http={"token": ABSENT})
        token = self.made_token()
        self.assertGreaterEqual(len(token), 16)
        self.assertEqual(self.hello().status, 401)
        self.assertEqual(self.hello(Authorization="Bearer " + token).status, 200)
        self.home.hearth("shutdown")
        self.home.foreground[-1].wait(10)
        self.home.serve_again()
        self.assertEqual(self.made_token(), token, "clients would have to be told a new one after each start")

    def test_tokens(self):
        self.serve(http={"token": self.TOKEN})
        for value in (None, "Bearer", "Bearer ", "Bearer x", "Bearer " + self.TOKEN[:-1], "Bearer " + self.TOKEN + "x",
                      "Basic " + self.TOKEN, self.TOKEN, "Bearer " + self.TOKEN.upper()):
            answer = self.hello(Authorization=value)
            self.assertEqual(answer.status, 401, value)
            self.assertNotIn("resource_metadata", answer.get("www-authenticate", ""))
            self.assertNotIn(self.TOKEN, answer.text())
        session = self.streamable(token=self.TOKEN)
        session.sync()
        self.sse(token=self.TOKEN).sync()
        self.assertEqual(session.raw(body=call(1, "echo"), Authorization="Bearer x").status, 401)
        session.sync()

    def test_a_token_protects_every_path(self):
        self.serve(http={"token": self.TOKEN})
        for target in ("/status", "/mcp/fake", "/sse/fake", "/openapi.json", "/nothing"):
            self.assertEqual(self.request("GET", target).status, 401, target)
        for target in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp/fake"):
            self.assertEqual(self.request("GET", target).status, 404, target)

    def test_the_local_socket_needs_no_token_and_no_port(self):
        self.serve(http={"token": self.TOKEN})
        for host in ("localhost", "hearth", "anything.example"):
            self.assertEqual(self.hello(where=self.home.socket_path, Host=host).status, 200, host)
        self.assertEqual(self.hello(where=self.home.socket_path, Origin="http://evil.example").status, 403)
        for session in (self.streamable(where=self.home.socket_path), self.sse(where=self.home.socket_path)):
            self.assertEqual(session.echo("through the socket"), "through the socket")

    def test_the_local_socket_without_serve(self):
        """A daemon that was started by a session has no port, and all the rest."""
        self.home.config({"mcpServers": {"fake": self.fake_entry()}})
        stdio = self.stdio()
        http = self.streamable(where=self.home.socket_path)
        self.assertEqual(stdio.tool("count", {"key": "k"}) + http.tool("count", {"key": "k"}), "12")

    def test_a_session_belongs_to_its_caller(self):
        self.serve(http={"token": self.TOKEN})
        session = self.streamable(where=self.home.socket_path)
        answer = self.request("POST", "/mcp/fake", {"Mcp-Session-Id": session.session,
                                                    "Authorization": "Bearer " + self.TOKEN}, call(1, "echo"))
        self.assertEqual(answer.status, 404)
        session.sync()

    def test_other_addresses_need_a_token_and_a_certificate(self):
        for http in ({"address": "0.0.0.0", "token": None}, {"address": "0.0.0.0"}, {"address": "0.0.0.0", "token": self.TOKEN},
                     {"address": "::", "token": self.TOKEN, "certificate": self.home.path("missing.pem"),
                      "key": self.home.path("missing.pem")}):
            self.home.config({"http": {"port": 0, **http}, "mcpServers": {}})
            done = self.home.hearth("serve", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, "token|TLS|missing.pem")

    def test_a_port_that_is_taken_is_named(self):
        port = self.serve()
        other = Home()
        self.addCleanup(lambda: other.finish(self))
        other.config({"http": {"port": port, "token": None}})
        done = other.hearth("serve", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(port), done.stderr)
        self.assertIn("hearth", done.stderr.split(str(port))[1], "it is not said who has it")
