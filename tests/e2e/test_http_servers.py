"""Servers that speak HTTP and are there already: how they are told apart, shared and put up with."""
import json
import os
import socket
import ssl
import subprocess
import threading
import time

from client import RpcError
from http_server import HttpServer, Reply
from http_world import HttpCase
from world import eventually, free_port

ELICIT = {"ask": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object"}}}


class RemoteCase(HttpCase):
    """A server that is there already, in threads of ours."""

    def remote(self, mode="streamable", **behaviour):
        server = HttpServer(mode, **behaviour)
        self.addCleanup(server.stop)
        return server

    def entry(self, server, kind=None, **more):
        return {"type": kind or ("sse" if server.mode == "sse" else "http"), "url": server.url, **more}

    def configure(self, server, kind=None, **more):
        self.home.config({"mcpServers": {"remote": self.entry(server, kind, **more)}})

    def session(self, **rest):
        return self.stdio("remote", **rest)

    def assert_error(self, pending, *words):
        with self.assertRaises(RpcError) as caught:
            pending.result()
        for word in words:
            self.assertIn(word, caught.exception.message)
        return caught.exception


class TestStreamable(RemoteCase):
    def setUp(self):
        super().setUp()
        self.server = self.remote()
        self.configure(self.server)

    def test_a_whole_conversation(self):
        session = self.session()
        self.assertEqual(session.echo("grüß 😀"), "grüß 😀")
        self.assertEqual(session.do({"progress": 3}, token="t").text(), "[]")
        self.assertEqual([one["params"]["progressToken"] for one in session.heard("notifications/progress")], ["t"] * 3)

    def test_what_is_sent_with_each_request(self):
        session = self.session()
        session.echo()
        self.server.wait_for("notifications/initialized")
        first, call = self.server.of("initialize")[0], self.server.of("tools/call")[0]
        identity = next(iter(self.server.sessions))
        for request in (first, call):
            self.assertIn("application/json", request.get("accept"))
            self.assertIn("text/event-stream", request.get("accept"))
            self.assertEqual(request.get("content-type").split(";")[0], "application/json")
        self.assertIsNone(first.get("mcp-session-id"))
        self.assertEqual(call.get("mcp-session-id"), identity)
        self.assertEqual(call.get("mcp-protocol-version"), "2025-11-25")

    def test_sessions_share_an_instance_and_have_a_session_each(self):
        sessions = [self.session() for _ in range(3)]
        seen = [json.loads(session.tool("whoami"))["session"] for session in sessions]
        self.assertEqual(len(set(seen)), 3)
        instances = self.home.status_of("remote")
        self.assertEqual([(one["sessions"], one["pid"]) for one in instances], [(3, 0)])

    def test_connections_are_pooled(self):
        session = self.session()
        for _ in range(20):
            session.echo()
        connections = {request.connection for request in self.server.of("tools/call")}
        self.assertLess(len(connections), 5)

    def test_sessions_end_as_they_began(self):
        session = self.session()
        session.echo()
        session.close()
        self.server.wait("DELETE", lambda: self.server.with_method("DELETE"))

    def test_what_concerns_no_call(self):
        one, two = self.session(), self.session()
        self.server.wait("two GET streams", lambda: sum(
            session.general_connections for session in self.server.sessions.values()) >= 2)
        one.do({"list_changed": "tools"}).result()
        one.hear("notifications/tools/list_changed")
        two.sync()

    def test_questions(self):
        sessions = [self.session(capabilities={"elicitation": {}}) for _ in range(2)]
        for number, session in enumerate(sessions):
            session.handlers["elicitation/create"] = lambda params, n=number: {"action": "accept", "content": {"n": n}}
        calls = [session.do(ELICIT) for session in sessions]  # At once: each has its own conversation.
        for number, call in enumerate(calls):
            self.assertEqual(json.loads(call.text())[0]["content"]["n"], number)

    def test_cancelling(self):
        session = self.session()
        pending = session.do({"hold": "k"})
        self.server.wait_for("tools/call")
        session.cancel(pending)
        cancelled = self.server.wait_for("notifications/cancelled")[0]
        self.assertEqual(cancelled.message["params"]["requestId"], self.server.of("tools/call")[0].message["id"])
        self.server.release("k")

    def test_calls_at_once(self):
        session = self.session()
        first = session.do({"hold": "k"}, {"progress": 1})
        for number in range(8):
            self.assertEqual(session.echo(str(number)), str(number))
        self.server.release("k")
        first.result()

    def test_large_messages(self):
        text = "x" * (4 << 20)
        self.assertEqual(self.session().echo(text), text)


class TestKinds(RemoteCase):
    """What servers are like."""

    def check(self, server, kind=None, **more):
        self.configure(server, kind, **more)
        session = self.session(capabilities={"elicitation": {}})
        self.assertEqual(session.echo("a"), "a")
        self.assertEqual(session.echo("b"), "b")
        return session

    def test_json_answers(self):
        self.check(self.remote(json=True))

    def test_without_session_ids(self):
        server = self.remote(with_sessions=False, get_stream=False)
        self.check(server)
        self.assertEqual({request.get("mcp-session-id") for request in server.requests}, {None})

    def test_without_a_get_stream(self):
        server = self.remote(get_stream=False)
        session = self.check(server)
        server.wait("one GET", lambda: server.with_method("GET"))
        for _ in range(5):
            session.echo()
        self.assertEqual(len(server.with_method("GET")), 1, "405 was not believed")

    def test_without_event_ids(self):
        self.check(self.remote(ids=False))

    def test_gzip(self):
        """A server on this machine is asked not to compress, unless its entry asks for it."""
        for behaviour in ({}, {"json": True}):
            for more, asked in (({}, "identity"), ({"headers": {"Accept-Encoding": "gzip"}}, "gzip")):
                server = self.remote(gzip=True, **behaviour)
                session = self.check(server, **more)
                text = "y" * 100_000
                self.assertEqual(session.echo(text), text)
                self.assertEqual(server.of("tools/call")[0].get("accept-encoding"), asked)
                session.close()
                self.home.hearth("stop", "remote", check=False)

    def test_an_older_revision(self):
        server = self.remote(revision="2025-03-26")
        self.check(server)
        self.assertIn(server.of("tools/call")[0].get("mcp-protocol-version"), (None, "2025-03-26"))

    def test_sse(self):
        server = self.remote("sse")
        session = self.check(server)
        session.do({"progress": 2}, token=1).result()
        session.hear("notifications/progress", 2)
        session.handlers["elicitation/create"] = lambda params: {"action": "decline"}
        self.assertIn("decline", session.do(ELICIT).text())

    def test_sse_of_two_sessions(self):
        server = self.remote("sse")
        self.configure(server)
        seen = {json.loads(self.session().tool("whoami"))["session"] for _ in range(2)}
        self.assertEqual(len(seen), 2)
        self.assertEqual(len(self.home.status_of("remote")), 1)

    def test_sse_that_was_taken_for_streamable(self):
        """As the protocol says: ask what it is, post initialize, and look for the endpoint when that is refused."""
        server = self.remote("sse")
        self.check(server, "http")
        self.assertEqual([request.method for request in server.requests[:3]], ["POST", "POST", "GET"])

    def test_an_endpoint_of_another_origin_is_not_followed(self):
        victim = self.remote()
        server = self.remote("sse")
        server.once(Reply(200, "event: endpoint\ndata: %s\n\n" % victim.url, {"Content-Type": "text/event-stream"}),
                    method="GET", times=100)
        self.configure(server)
        with self.assertRaises(RpcError):
            self.session()
        self.assertEqual(victim.requests, [])

    def test_for_clients_of_every_transport(self):
        servers = {"http": self.remote(), "sse": self.remote("sse")}
        self.home.serve({name: self.entry(server) for name, server in servers.items()})
        for name in servers:
            for session in self.each_transport(name=name):
                self.assertEqual(session.echo(name), name)
            self.assertEqual(self.home.status_of(name)[0]["sessions"], 3)


class TestTrouble(RemoteCase):
    """What goes wrong, and what is said of it."""

    def test_refusals_cost_one_call(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        for reply in (Reply(500, "oops"), Reply(403, "{}"), Reply(429, "slow down"), Reply(200, "<html>hello</html>", {
                "Content-Type": "text/html"}), Reply(302, "", {"Location": "http://evil.example/"}), Reply(200, ""),
                      Reply(200, "{nonsense"), Reply(200, '{"jsonrpc":"2.0","id":"somebody else","result":{}}')):
            server.once(reply, "tools/call")
            error = self.assert_error(session.start_tool("echo"), "remote")
            if reply.status != 200:
                self.assertIn(str(reply.status), error.message)
            self.assertEqual(session.echo("after"), "after")

    def test_what_has_an_effect_is_not_done_twice(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        for reply in (Reply(500, ""), Reply(503, ""), Reply(200, "")):
            before = len(server.of("tools/call"))
            server.once(reply, "tools/call")
            self.assert_error(session.start_tool("echo"))
            self.assertEqual(len(server.of("tools/call")), before + 1)

    def test_no_server_listens(self):
        port = free_port()
        self.home.config({"mcpServers": {"remote": {"type": "http", "url": "http://127.0.0.1:%d/mcp" % port}}})
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("remote", caught.exception.message)
        self.assertRegex(caught.exception.message, "refused|connect")

    def test_it_comes_back(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        session.echo()
        server.stop()
        self.assert_error(session.start_tool("echo"))
        again = HttpServer(port=server.port)
        self.addCleanup(again.stop)

        def works():
            try:
                return session.echo("again") == "again"
            except RpcError:
                return False
        eventually("that it is found again", works)

    def test_credentials_that_are_missing(self):
        server = self.remote()
        server.once(Reply(401, "", {"WWW-Authenticate": "Bearer"}), "initialize", times=100)
        self.configure(server)
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("401", caught.exception.message)

    def test_connections_that_are_cut_between_calls(self):
        """A pooled connection that the server closed is no failure."""
        server = self.remote()
        self.configure(server)
        session = self.session()
        for number in range(5):
            self.assertEqual(session.echo(str(number)), str(number))
            server.break_connections()

    def test_certificates_are_checked(self):
        certificate = self.home.path("cert.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                               "-keyout", certificate + ".key", "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                               "-addext", "subjectAltName=DNS:localhost"], capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        server = self.remote()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate + ".key")
        server.listener.socket = context.wrap_socket(server.listener.socket, server_side=True)
        url = "https://localhost:%d/mcp" % server.port
        self.home.config({"mcpServers": {"remote": {"type": "http", "url": url}}})
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("certificate", caught.exception.message)
        self.assertEqual(server.requests, [])


class TestForgotten(RemoteCase):
    """404: the server has forgotten the session, and a new one is opened under the client's feet."""

    def test_the_call_is_made_in_the_new_session(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        first = json.loads(session.tool("whoami"))["session"]
        server.forget()
        self.assertNotEqual(json.loads(session.tool("whoami"))["session"], first)
        self.assertEqual(len(server.of("initialize")), 2)
        self.assertEqual(len(server.of("notifications/initialized")), 2)

    def test_what_was_set_up_is_set_up_again(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        session.request("resources/subscribe", {"uri": "test://a"})
        server.forget()
        session.echo()
        subscriptions = server.wait_for("resources/subscribe", 2)
        self.assertNotEqual(subscriptions[0].get("mcp-session-id"), subscriptions[1].get("mcp-session-id"))
        server.wait("a stream", lambda: any(one.general_connections for one in server.sessions.values()))
        session.do({"updated": "test://a"}).result()
        session.hear("notifications/resources/updated")

    def test_calls_at_once_open_one_new_session(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        session.echo()
        server.forget()
        calls = [session.start_tool("echo", {"text": str(n)}) for n in range(8)]
        self.assertEqual([call.text() for call in calls], [str(n) for n in range(8)])
        self.assertEqual(len(server.of("initialize")), 2)

    def test_of_one_session_only(self):
        server = self.remote()
        self.configure(server)
        one, two = self.session(), self.session()
        kept = json.loads(two.tool("whoami"))["session"]
        server.sessions.pop(json.loads(one.tool("whoami"))["session"])
        one.echo()
        self.assertEqual(json.loads(two.tool("whoami"))["session"], kept)

    def test_a_server_that_forgets_at_once(self):
        """Not for ever: a few times, then the call fails."""
        server = self.remote()
        self.configure(server)
        session = self.session()
        server.once(Reply(404, ""), "tools/call", times=100)
        self.assert_error(session.start_tool("echo"), "404")
        self.assertLess(len(server.of("initialize")), 8)

    def test_while_a_call_is_running(self):
        server = self.remote()
        self.configure(server)
        session = self.session()
        held = session.do({"hold": "k"})
        server.wait_for("tools/call")
        server.forget()
        self.assertEqual(session.echo("x"), "x")
        server.release("k")
        try:
            held.result()  # Its stream went on; or it was given up, and says so.
        except RpcError as error:
            self.assertIn("remote", error.message)
        self.assertEqual(len([one for one in server.of("tools/call") if "hold" in str(one.message)]), 1)


class TestResuming(RemoteCase):
    def test_streams_that_break_are_gone_on_with(self):
        server = self.remote(cut_after=2, retry=20)
        self.configure(server)
        session = self.session()
        calls = [session.do({"progress": 7}, token="t%d" % n) for n in range(3)]
        for number, call in enumerate(calls):
            call.result()
            heard = [one["params"]["progress"] for one in session.heard("notifications/progress")
                     if one["params"]["progressToken"] == "t%d" % number]
            self.assertEqual(heard, list(range(1, 8)))
        self.assertEqual(len(server.of("tools/call")), 3, "a call was made twice")
        resumed = [request for request in server.with_method("GET") if request.get("last-event-id")]
        self.assertGreaterEqual(len(resumed), 9)

    def test_not_before_the_server_wants_it(self):
        server = self.remote(retry=400)
        self.configure(server)
        session = self.session()
        cut = []
        server.on_request = lambda request: cut.append(time.monotonic()) if request.rpc() == "tools/call" else None
        session.do({"progress": 1}, {"cut": True}, token=1).result()
        resumed = next(request for request in server.with_method("GET") if request.get("last-event-id"))
        self.assertGreaterEqual(resumed.at - cut[0], 0.35)

    def test_without_an_event_id_the_call_fails(self):
        server = self.remote(ids=False)
        self.configure(server)
        session = self.session()
        self.assert_error(session.do({"progress": 1}, {"cut": True}, {"hold": "k"}, token=1), "remote")
        server.release("k")
        self.assertEqual(session.echo("after"), "after")
        self.assertEqual(len(server.of("tools/call")), 2)

    def test_the_stream_of_no_call_too(self):
        server = self.remote(retry=20)
        self.configure(server)
        session = self.session()
        for round_ in range(3):
            server.wait("its stream", lambda: any(one.general_connections > round_ for one in server.sessions.values()))
            session.do({"list_changed": "tools"}).result()
            session.hear("notifications/tools/list_changed", round_ + 1)
            for one in list(server.sessions.values()):
                one.general.cut()
        session.sync()
        self.assertEqual(len(session.heard("notifications/tools/list_changed")), 3)

    def test_a_server_that_cannot_resume(self):
        server = self.remote(retry=10)
        self.configure(server)
        session = self.session()
        session.echo()
        server.wait("its stream", lambda: any(one.general_connections for one in server.sessions.values()))
        server.once(Reply(405, ""), method="GET", times=100)
        self.assert_error(session.do({"progress": 1}, {"cut": True}, {"hold": "k"}, token=1), "remote")
        server.release("k")
        self.assertEqual(session.echo("after"), "after")


class TestHeaders(RemoteCase):
    def test_of_the_configuration(self):
        server = self.remote()
        self.configure(server, headers={"X-Plain": "as it is", "Authorization": "Bearer ${HEARTH_TEST_TOKEN}"})
        self.session(env={"HEARTH_TEST_TOKEN": "secret-one"}).echo()
        for request in server.requests:
            self.assertEqual((request.get("x-plain"), request.get("authorization")), ("as it is", "Bearer secret-one"))
        for command in (["status", "--json"], ["why", "--json"]):
            self.assertNotIn("secret-one", self.home.hearth(*command).stdout)
        self.assertFalse([path for path, text in self.home.logs() if "secret-one" in text])

    def test_sessions_with_other_credentials_do_not_share(self):
        server = self.remote()
        self.configure(server, headers={"Authorization": "Bearer ${HEARTH_TEST_TOKEN}"})
        for token in ("one", "two", "one"):
            self.session(env={"HEARTH_TEST_TOKEN": token}).echo(token)
        self.assertEqual(sorted(one["sessions"] for one in self.home.status_of("remote")), [1, 2])
        for request in server.of("tools/call"):
            self.assertEqual(request.get("authorization"), "Bearer " + request.message["params"]["arguments"]["text"])

    def test_a_variable_that_is_missing(self):
        self.configure(self.remote(), headers={"Authorization": "Bearer ${HEARTH_TEST_TOKEN}"})
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("HEARTH_TEST_TOKEN", caught.exception.message)

    def helper(self, body):
        path = self.home.path("helper")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + body)
        os.chmod(path, 0o700)
        return path

    def test_of_a_commands_output(self):
        server = self.remote()
        helper = self.helper("""echo '{"Authorization": "Bearer made", "X-Project": "'"$PWD"'"}'\n""")
        self.configure(server, headers={"X-Plain": "p", "Authorization": "Bearer overruled"}, headersHelper=[helper])
        self.session().echo()
        request = server.of("tools/call")[0]
        self.assertEqual((request.get("authorization"), request.get("x-plain")), ("Bearer made", "p"))

    def test_a_command_that_fails(self):
        server = self.remote()
        for body, word in (("echo broken >&2; exit 3\n", "3"), ("echo nonsense\n", "JSON"), ("echo '{\"A\": 1}'\n", "A")):
            self.configure(server, headersHelper=[self.helper(body)])
            with self.assertRaises(RpcError) as caught:
                self.session()
            self.assertIn(word, caught.exception.message)
        self.assertEqual(server.requests, [])

    def proxy(self):
        """Sees what it is asked for, and declines."""
        asked, listener = [], socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                asked.append(connection.recv(4096).split(b"\r\n")[0].decode())
                connection.sendall(b"HTTP/1.1 502 declined\r\nContent-Length: 0\r\n\r\n")
                connection.close()
        threading.Thread(target=serve, daemon=True).start()
        return asked, "http://127.0.0.1:%d" % listener.getsockname()[1]

    def test_proxies_of_the_environment(self):
        asked, url = self.proxy()
        self.home.config({"mcpServers": {"remote": {"type": "http", "url": "https://mcp.invalid/mcp"}}})
        with self.assertRaises(RpcError):
            self.session(env={"HTTPS_PROXY": url})
        self.assertEqual(asked[0], "CONNECT mcp.invalid:443 HTTP/1.1")

    def test_what_needs_no_proxy(self):
        asked, url = self.proxy()
        self.home.config({"mcpServers": {"remote": {"type": "http", "url": "https://127.0.0.1:1/mcp"}}})
        with self.assertRaises(RpcError):
            self.session(env={"HTTPS_PROXY": url, "NO_PROXY": "127.0.0.1"})
        self.assertEqual(asked, [])
