"""The port with TLS: what it takes to open it, conversations through it, and clients that speak something else."""
import json
import os
import socket
import ssl
import subprocess

from client import PATIENCE
from http_client import Connection, HungUp, Tls
from http_world import HELLO, HttpCase, do
from world import HEARTH, eventually, free_port, listens

TOKEN = "a-token-that-is-long-enough"
BEARER = {"Authorization": "Bearer " + TOKEN}


class TlsCase(HttpCase):
    def setUp(self):
        super().setUp()
        self.certificate, self.key = self.make_certificate("")

    def make_certificate(self, name, kind=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")):
        certificate, key = self.home.path(name + "cert.pem"), self.home.path(name + "key.pem")
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", certificate,
                               "-days", "2", "-subj", "/CN=localhost", "-addext",
                               "subjectAltName=DNS:localhost,DNS:build.example,IP:127.0.0.1,IP:127.0.0.2"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        os.chmod(key, 0o600)
        return certificate, key

    def serve_tls(self, *flags, **http):
        return self.serve(*flags, http={"certificate": self.certificate, "key": self.key, "token": TOKEN, **http})

    def tls(self, name="localhost", address="127.0.0.1"):
        """Where the port is for a client that believes our certificate and no other."""
        return Tls(address, self.home.port, ssl.create_default_context(cafile=self.certificate), name)

    def session(self, **rest):
        return self.streamable(where=self.tls(), token=TOKEN, **rest)

    def hello(self, where=None, **fields):
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.request("POST", "/mcp/fake", {**BEARER, **fields}, HELLO, where or self.tls())


class TestUpgrade(TlsCase):
    def test_connections_end_and_sessions_go_on(self):
        self.serve_tls()
        session = self.session()
        held = session.do({"progress": 1}, {"hold": "k"}, {"text": "late"}, token="t")
        session.hear("notifications/progress")
        self.home.hearth("upgrade")
        self.home.server().release("k")
        self.assertEqual(held.text(), "late")
        self.assertEqual(session.echo("after"), "after")
        self.assertEqual(len(self.home.server().of("initialize")), 1)

    def test_a_port_that_cannot_be_opened_again_costs_no_server(self):
        self.serve_tls()
        session = self.stdio()
        session.echo("before")
        server = self.home.server().pid
        with open(self.key, "w", encoding="utf-8") as file:
            file.write("no key\n")
        self.home.hearth("upgrade")
        self.assertEqual(session.echo("after"), "after")
        self.assertEqual(self.home.server().pid, server)
        self.assertIn("holds no private key", "".join(text for _, text in self.home.logs()))


class TestRenewal(TlsCase):
    """The files are replaced while the port is open."""

    def presented(self):
        return ssl.get_server_certificate(("127.0.0.1", self.home.port))

    def content(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_connections_that_come_get_the_new_certificate(self):
        self.serve_tls()
        session = self.session()
        held = session.do({"progress": 1}, {"hold": "k"}, {"text": "late"}, token="t")
        session.hear("notifications/progress")
        before = self.presented()
        certificate, key = self.make_certificate("new-")
        os.rename(key, self.key)
        os.rename(certificate, self.certificate)
        eventually("that the new certificate is shown", lambda: self.presented() == self.content(self.certificate))
        self.assertNotEqual(self.presented(), before)
        self.home.server().release("k")
        self.assertEqual(held.text(), "late")
        self.assertEqual(self.session().echo("after"), "after")

    def test_a_pair_that_cannot_be_used_changes_nothing(self):
        self.serve_tls()
        before, key = self.presented(), self.content(self.key)
        with open(self.key, "w", encoding="utf-8") as file:
            file.write("no key\n")
        eventually("that it is said", lambda: any("the port stays as it was: " in text for text in self.complaints()))
        self.assertIn("holds no private key", self.complaints()[-1])
        self.assertEqual(self.presented(), before)
        with open(self.key, "w", encoding="utf-8") as file:
            file.write(key)
        eventually("that it is in order", lambda: not self.complaints())
        self.assertIn("the port is in order again", "".join(text for _, text in self.home.logs()))

    def complaints(self):
        return self.home.status()["complaints"]


class TestConversations(TlsCase):
    def test_every_transport_meets_in_one_server(self):
        self.serve_tls()
        sessions = [self.stdio(), self.session(), self.sse(where=self.tls(), token=TOKEN)]
        self.assertEqual("".join(session.tool("count", {"key": "k"}) for session in sessions), "123")
        for session in sessions:
            self.assertEqual(session.echo("x" * 300000), "x" * 300000)
        self.home.server()  # The only one.
        self.assertEqual(sessions[1].close(), 200)

    def test_streams(self):
        """A call that speaks before its answer, one that is held, and what concerns no call."""
        self.serve_tls()
        session, other = self.session(), self.session()
        answer = session.raw(body=do(5, {"progress": 3}, {"text": "done"}, token=1))
        self.assertTrue(answer.is_stream)
        said = [json.loads(event.data) for event in answer.events() if event.data]
        self.assertEqual([message["params"]["progress"] for message in said[:-1]], [1, 2, 3])
        self.assertEqual(said[-1]["id"], 5)
        self.assertTrue(session.listen().is_stream)
        held = session.do({"hold": "k"}, {"text": "late"})
        other.do({"list_changed": "tools"}).result()
        session.hear("notifications/tools/list_changed")
        self.home.server().release("k")
        self.assertEqual(held.text(), "late")

    def test_streams_that_break_are_gone_on_with(self):
        self.serve_tls()
        cuts = iter((1, 40, 150))
        session = self.session(cuts=lambda: next(cuts, None))
        steps = [{"progress": 2}, {"hold": "k"}, {"progress": 1}, {"text": "done"}]
        pending = [session.do(*steps, token=number) for number in range(3)]
        server = self.home.wait_server()
        server.wait("(hold k)", count=3)
        server.release("k")
        self.assertEqual([one.text() for one in pending], ["done"] * 3)
        self.assertEqual(len(session.event_ids), len(set(session.event_ids)), "an event came twice")
        self.assertGreater(session.resumed, 0)

    def test_sessions_outlive_the_daemon(self):
        self.serve_tls()
        session = self.session()
        session.sync()
        self.home.hearth("shutdown")
        self.home.foreground[-1].wait(10)
        self.home.serve_again()
        self.assertEqual(session.echo("after"), "after")

    def test_a_client_that_believes_no_such_certificate_stays_away(self):
        self.serve_tls()
        strangers = ssl.create_default_context(cafile=self.make_certificate("other-")[0])
        with self.assertRaises(ssl.SSLCertVerificationError):
            Connection(self.tls()._replace(context=strangers))
        with self.assertRaises(ssl.SSLCertVerificationError):
            Connection(self.tls("another.example"))
        self.session().sync()

    def test_versions(self):
        self.serve_tls()
        for version, fine in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=self.certificate)
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            if fine:
                self.assertEqual(self.hello(self.tls()._replace(context=context)).status, 200)
            else:
                with self.assertRaises(ssl.SSLError):
                    Connection(self.tls()._replace(context=context))

    def test_the_end_is_said(self):
        """An attacker that cuts a connection cannot make its end look like ours."""
        self.serve_tls()
        connection = self.connection(self.tls())
        connection.socket.suppress_ragged_eofs = False
        self.assertEqual(connection.request("POST", "/mcp/fake", {**BEARER, "Connection": "close"}, HELLO).status, 200)
        self.assertEqual(connection.socket.recv(1), b"")

    def test_what_people_are_told(self):
        port = self.serve_tls()
        self.session().sync()
        self.assertEqual(self.home.status()["daemon"]["url"], "https://127.0.0.1:%d" % port)
        self.assertIn("at https://127.0.0.1:%d" % port, self.home.hearth("status").stdout)
        with open(self.key, encoding="ascii") as file:
            secrets = [TOKEN, file.read().splitlines()[1]]
        logs = "".join(text for _, text in self.home.logs())
        self.assertIn("https://127.0.0.1:%d/mcp/NAME" % port, logs)
        for secret in secrets:
            self.assertNotIn(secret, logs + self.home.hearth("status", "--json").stdout)


class TestOtherAddresses(TlsCase):
    def test_token(self):
        self.serve_tls(address="0.0.0.0")
        for value in (None, "Bearer", "Bearer x", "Bearer " + TOKEN[:-1], "Basic " + TOKEN):
            self.assertEqual(self.hello(Authorization=value).status, 401, value)
        self.assertEqual(self.hello().status, 200)

    def test_host(self):
        port = self.serve_tls(address="0.0.0.0", hosts=["Build.Example", "forwarded.example:443"])
        for host in ("build.example:%d", "BUILD.example:%d", "localhost:%d", "127.0.0.1:%d", "127.0.0.2:%d", "[::1]:%d"):
            self.assertEqual(self.hello(Host=host % port).status, 200, host)
        for host in ("forwarded.example", "forwarded.example:443"):
            self.assertEqual(self.hello(Host=host).status, 200, host)
        for host in ("evil.example", "evil.example:%d" % port, "build.example", "build.example:%d" % (port + 1),
                     "x.build.example:%d" % port, "forwarded.example:%d" % port, "127.0.0.2"):
            answer = self.hello(Host=host)
            self.assertEqual(answer.status, 403, host)
            self.assertIn('"hosts"', answer.json()["detail"])
            self.assertIn("https://build.example:%d" % port, answer.json()["detail"])
        self.assertEqual(self.home.status()["daemon"]["url"], "https://build.example:%d" % port)

    def test_origin(self):
        port = self.serve_tls(address="0.0.0.0", hosts=["build.example"], origins=["https://inspector.example"])
        for origin in ("https://build.example:%d" % port, "https://localhost:%d" % port, "https://inspector.example"):
            self.assertEqual(self.hello(Origin=origin).status, 200, origin)
        for origin in ("http://build.example:%d" % port, "http://localhost:%d" % port, "http://inspector.example",
                       "https://127.0.0.2:%d" % port, "null", "https://evil.example"):
            self.assertEqual(self.hello(Origin=origin).status, 403, origin)

    def test_by_name_and_by_number(self):
        self.serve_tls(address="0.0.0.0", hosts=["build.example"])
        for where in (self.tls("build.example"), self.tls("127.0.0.2", "127.0.0.2")):
            self.assertEqual(self.streamable(where=where, token=TOKEN).echo("x"), "x")

    def test_options_instead_of_the_configuration(self):
        self.home.config({"http": {"token": TOKEN}, "mcpServers": {"fake": self.fake_entry()}})
        self.home.port = free_port()
        process = subprocess.Popen([HEARTH, "serve", "--port", str(self.home.port), "--address", "0.0.0.0", "--certificate",
                                    "cert.pem", "--key", "./key.pem"], cwd=self.home.dir, env=self.home.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.home.foreground.append(process)
        eventually("that Hearth listens", lambda: process.poll() is not None or listens(self.home.port))
        self.assertEqual(self.session().echo("x"), "x")


class TestRefusals(TlsCase):
    def refusal(self, **http):
        self.home.config({"http": {"port": 0, "token": TOKEN, **http}, "mcpServers": {}})
        done = self.home.hearth("serve", check=False)
        self.assertNotEqual(done.returncode, 0, http)
        self.assertNotIn(TOKEN, done.stderr)
        return done.stderr

    def test_what_is_missing_is_said(self):
        both = {"certificate": self.certificate, "key": self.key}
        for address in ("0.0.0.0", "::"):
            self.assertRegex(self.refusal(address=address), 'needs TLS .*"certificate" and "key"')
            self.assertRegex(self.refusal(address=address, token=None), 'needs a token .*, and TLS')
            said = self.refusal(address=address, token=None, **both)
            self.assertIn("needs a token", said)
            self.assertNotIn("TLS (", said)
            self.assertIn('without a "key"', self.refusal(address=address, certificate=self.certificate))
        self.assertIn('without a "certificate"', self.refusal(key=self.key))

    def test_what_is_wrong_with_the_files_is_said(self):
        missing = self.home.path("missing.pem")
        for address in ("0.0.0.0", "127.0.0.1"):
            said = self.refusal(address=address, certificate=self.certificate, key=missing)
            self.assertRegex(said, "the key %s: No such file" % missing)
            said = self.refusal(address=address, certificate=missing, key=self.key)
            self.assertRegex(said, "the certificate %s: No such file" % missing)
        _, other = self.make_certificate("other-")
        self.assertIn("does not belong", self.refusal(certificate=self.certificate, key=other))
        self.assertIn("holds no certificate", self.refusal(certificate=self.key, key=self.key))
        os.chmod(self.key, 0o640)
        self.assertIn("chmod 600 " + self.key, self.refusal(certificate=self.certificate, key=self.key))

    def test_a_key_that_is_too_weak(self):
        certificate, key = self.make_certificate("weak-", ["rsa:1024"])
        self.assertRegex(self.refusal(certificate=certificate, key=key), "cannot be used: .*too small")

    def test_sessions_over_stdio_go_on_without_the_port(self):
        self.home.config({"http": {"port": free_port(), "address": "0.0.0.0", "token": TOKEN},
                          "mcpServers": {"fake": self.fake_entry()}})
        self.assertEqual(self.stdio().echo("x"), "x")
        self.assertIn("the port is not opened on 0.0.0.0", "".join(text for _, text in self.home.logs()))

    def test_files_beside_the_configuration(self):
        for name in ("cert.pem", "key.pem"):
            os.rename(self.home.path(name), os.path.join(self.home.hearth_home, name))
        self.certificate = os.path.join(self.home.hearth_home, "cert.pem")
        self.serve(http={"certificate": "cert.pem", "key": "key.pem", "token": TOKEN})
        self.session().sync()


class TestStrangers(TlsCase):
    """Whatever comes to the port, a session that behaves does not notice."""

    def setUp(self):
        super().setUp()
        self.serve_tls()
        session = self.session()
        held = session.do({"hold": "end"}, {"text": "untouched"})
        self.home.wait_server().wait("(hold end)")

        def check():
            self.home.server().release("end")
            self.assertEqual(held.text(), "untouched")
            self.assertEqual(session.echo("after"), "after")
            self.session().sync()
        self.addCleanup(check)

    def test_plain_http_is_told_what_to_do(self):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            connection = self.connection(self.home.port)
            answer = connection.request(method, "/mcp/fake", BEARER, HELLO if method == "POST" else None)
            self.assertEqual(answer.status, 400)
            self.assertIn("https://", answer.json()["detail"])
            self.assertTrue(connection.hung_up())

    def test_what_is_neither_is_cut(self):
        for data in (b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 1000, b'{"jsonrpc":"2.0"}\n', b"\x80" * 70000, b"\r\n\r\n"):
            connection = self.connection(self.home.port)
            try:
                connection.send(data)
            except OSError:
                pass  # It was cut before it had said all.
            self.assertTrue(connection.hung_up(), data[:20])
            self.assertNotIn(b"HTTP/", connection.buffer)

    def test_letters_that_are_no_http_either(self):
        connection = self.connection(self.home.port)
        connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.assertEqual(connection.answer().status, 400)

    def client_hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        return outgoing.read()

    def test_handshakes_that_stop(self):
        hello = self.client_hello()
        for size in (0, 1, 5, 100, len(hello) - 1, len(hello)):
            for end in (Connection.close, Connection.cut, lambda connection: connection.socket.shutdown(socket.SHUT_WR)):
                connection = self.connection(self.home.port)
                connection.send(hello[:size])
                end(connection)
        # Connections that neither go on nor go away make room for others.
        lingering = [self.connection(self.home.port) for _ in range(600)]
        for connection in lingering:
            try:
                connection.send(hello[:100])
            except OSError:
                pass
        self.session().sync()

    def test_records_that_are_changed_on_their_way(self):
        """Nothing of them is taken for a request."""
        connection = self.connection(self.tls())
        raw = socket.socket(fileno=os.dup(connection.socket.fileno()))
        self.addCleanup(raw.close)
        raw.settimeout(PATIENCE)
        raw.sendall(b"\x17\x03\x03\x00\x40" + b"x" * 0x40)
        with self.assertRaises((HungUp, ssl.SSLError)):
            connection.answer()
