"""The manager's API, on the socket and on the port: what /openapi.json promises is what comes."""
import json

from http_world import HttpCase
from world import alive

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


class TestApi(HttpCase):
    def setUp(self):
        super().setUp()
        self.serve()
        self.description = self.ask("GET", "/openapi.json")[1]

    def ask(self, method, path, body=None, where=None):
        """Status and JSON of the answer."""
        answer = self.request(method, path, body=body, where=where)
        self.assertIn(answer.get("content-type"), ("application/json", "application/problem+json"), answer.text())
        return answer.status, json.loads(answer.body)

    def resolve(self, what):
        while "$ref" in what:
            found = self.description
            for step in what["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            what = found
        return what

    def trouble(self, value, schema, where="the answer"):
        """How a value breaks its schema, as far as the description uses schemas; empty if it does not."""
        schema = self.resolve(schema)
        kind = TYPES.get(schema.get("type"))
        if kind and (not isinstance(value, kind) or kind is int and isinstance(value, bool)):
            return "%s is no %s: %r" % (where, schema["type"], value)
        if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
            return "%s is %r" % (where, value)
        missing = [key for key in schema.get("required", ()) if key not in value]
        parts = [(value[key], part, where + "." + key) for key, part in schema.get("properties", {}).items()
                 if isinstance(value, dict) and key in value]
        parts += [(item, schema["items"], where + "[]") for item in value] if "items" in schema else []
        return "%s lacks %s" % (where, missing) if missing else "".join(self.trouble(*part) for part in parts)

    def check(self, method, path, status, body=None, where=None):
        """Asks, and holds the answer against the description."""
        got, value = self.ask(method, path, body, where)
        self.assertEqual(got, status, value)
        operation = self.description["paths"][path][method.lower()]
        self.assertIn(str(status), operation["responses"], "%s %s: a status that is not described" % (method, path))
        content = self.resolve(operation["responses"][str(status)])["content"]
        kind = "application/problem+json" if status >= 400 else "application/json"
        self.assertEqual(self.trouble(value, content[kind]["schema"]), "")
        return value

    def test_the_life_of_a_server(self):
        for where in (None, self.home.socket_path):
            with self.subTest(where):
                self.check("GET", "/ping", 200, where=where)
                self.check("POST", "/start", 200, {"name": "fake"}, where)
                ready = self.check("POST", "/ensure", 200, {"name": "fake"}, where)
                self.assertIn(ready["state"], ("ready", "idle"))
                self.assertTrue(alive(ready["pid"]))
                status = self.check("GET", "/status", 200, where=where)
                self.assertIn(ready["pid"], [server["pid"] for server in status["servers"]])
                self.check("GET", "/why", 200, where=where)
                self.check("POST", "/restart", 200, {"name": "fake"}, where)
                again = self.check("POST", "/ensure", 200, {"name": "fake"}, where)
                self.assert_gone(ready["pid"], "the server")
                self.check("POST", "/stop", 200, {"name": "fake"}, where)
                self.assert_gone(again["pid"], "the server")
                self.check("POST", "/start-all", 200, where=where)
                last = self.check("POST", "/ensure", 200, {"name": "fake"}, where)
                self.check("POST", "/stop-all", 200, where=where)
                self.assert_gone(last["pid"], "the server")

    def test_sessions_share_what_was_started_so(self):
        ready = self.check("POST", "/ensure", 200, {"name": "fake"})
        self.streamable().echo()
        self.assertEqual([server.pid for server in self.home.servers()], [ready["pid"]])

    def test_of_a_project(self):
        self.home.config({"http": {"port": self.home.port, "token": None},
                          "mcpServers": {"fake": {**self.fake_entry(), "scope": "project"}}})
        pids = [self.check("POST", "/ensure", 200, {"name": "fake", "project": self.home.directory(name)})["pid"]
                for name in ("one", "two", "one")]
        self.assertEqual(pids[0], pids[2])
        self.assertNotEqual(pids[0], pids[1])
        self.check("POST", "/stop", 200, {"name": "fake", "project": self.home.directory("one")})
        self.assert_gone(pids[0], "the server")
        self.assertTrue(alive(pids[1]))

    def test_a_server_that_cannot_start(self):
        self.home.config({"mcpServers": {"broken": {"command": "sh", "args": ["-c", "echo no disk >&2; exit 1"]}}})
        problem = self.check("POST", "/ensure", 503, {"name": "broken"})
        self.assertIn("no disk", problem["detail"])

    def test_what_is_wrong_is_said(self):
        for path in ("/start", "/stop", "/ensure", "/restart"):
            for body, word in ((b"{", "JSON"), (b"", "JSON"), ([], "object"), ({}, "name"), ({"name": 7}, "string"),
                               ({"name": "fake", "project": 7}, "project"), ({"name": "fake", "project": "x"}, "absolute")):
                self.assertIn(word, self.check("POST", path, 400, body)["detail"], path)
            self.assertIn("nobody", self.check("POST", path, 404, {"name": "nobody"})["detail"])

    def test_wrong_methods_and_paths(self):
        for path, operations in self.description["paths"].items():
            allowed = next(iter(operations)).upper()
            answer = self.request("POST" if allowed == "GET" else "GET", path)
            self.assertEqual((answer.status, answer.get("allow")), (405, allowed), path)
            self.assertEqual(answer.get("content-type"), "application/problem+json")
            self.assertEqual(self.request("DELETE", path).status, 405, path)
        self.assertEqual(self.ask("GET", "/nothing")[0], 404)

    def test_shutdown(self):
        self.check("POST", "/shutdown", 200)
        self.assertEqual(self.home.foreground[-1].wait(10), 0)
