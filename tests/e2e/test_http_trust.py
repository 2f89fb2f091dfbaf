"""Trust: private authorities, certificates of clients, and the owner of a server's port."""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import unittest

from client import RpcError
from http_server import Reply
from test_http_servers import RemoteCase
from world import eventually, free_port


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class AlertsArrive(ssl.SSLSocket):
    """A refused handshake is followed by a close only when the client has hung up: a reset would overtake the alert."""

    def do_handshake(self, block=False):
        try:
            super().do_handshake(block)
        except ssl.SSLError:
            with socket.socket(fileno=os.dup(self.fileno())) as plain:
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65536):
                    pass
            raise


class TestAuthorities(RemoteCase):
    def setUp(self):
        super().setUp()
        self.directory = self.home.path("tls")
        os.mkdir(self.directory)
        self.authority("ca")
        self.issue("ca", "server", "subjectAltName=DNS:localhost\n")

    def openssl(self, *argv):
        done = subprocess.run(["openssl", *argv], capture_output=True, cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)

    def file(self, name):
        return os.path.join(self.directory, name)

    def authority(self, name):
        self.openssl("req", "-x509", *KEY, "-keyout", name + ".key", "-out", name + ".pem", "-days", "2", "-subj", "/CN=" + name)

    def issue(self, authority, name, extensions=""):
        with open(self.file(name + ".ext"), "w", encoding="utf-8") as file:
            file.write(extensions)
        self.openssl("req", *KEY, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
                     "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")
        os.chmod(self.file(name + ".key"), 0o600)

    def secured(self, clients_by=None):
        server = self.remote()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file("server.pem"), self.file("server.key"))
        if clients_by:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file(clients_by + ".pem"))
        context.sslsocket_class = AlertsArrive
        server.listener.socket = context.wrap_socket(server.listener.socket, server_side=True)
        return server

    def configured(self, server, defaults=None, **more):
        entry = {"type": "http", "url": "https://localhost:%d/mcp" % server.port, **more}
        self.home.config({"mcpServers": {"remote": entry}, **({"defaults": defaults} if defaults else {})})

    def refused(self, *words, **rest):
        with self.assertRaises(RpcError) as caught:
            self.session(**rest)
        for word in words:
            self.assertIn(word, caught.exception.message)

    def test_a_key_of_the_entry(self):
        self.configured(self.secured(), ca=self.file("ca.pem"))
        self.assertEqual(self.session().echo("a"), "a")

    def test_a_key_for_all(self):
        self.configured(self.secured(), defaults={"ca": self.file("ca.pem")})
        self.assertEqual(self.session().echo("a"), "a")

    def test_variables_of_the_session(self):
        server = self.secured()
        self.configured(server)
        self.refused("certificate", '"ca"')
        for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
            self.assertEqual(self.session(env={name: self.file("ca.pem")}).echo(name), name)
        self.refused("certificate", env={"SSL_CERT_FILE": self.file("nowhere.pem")})
        self.assertEqual(len(server.of("initialize")), 2)

    def test_an_entry_that_says_something_counts_before_them(self):
        self.authority("other")
        self.configured(self.secured(), ca=self.file("other.pem"))
        self.refused("certificate", env={"SSL_CERT_FILE": self.file("ca.pem")})

    def test_a_file_that_cannot_be_used(self):
        server = self.secured()
        for name, text in (("missing.pem", None), ("empty.pem", ""), ("words.pem", "trust me\n")):
            if text is not None:
                with open(self.file(name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.configured(server, ca=self.file(name))
            self.refused(self.file(name))
        self.assertEqual(server.requests, [])

    def test_a_file_that_has_changed(self):
        self.authority("other")
        shutil.copy(self.file("other.pem"), self.file("used.pem"))
        self.configured(self.secured(), ca=self.file("used.pem"))
        self.refused("certificate")
        os.replace(self.file("ca.pem"), self.file("used.pem"))
        self.home.hearth("restart", "remote", check=False)
        self.assertEqual(self.session().echo("a"), "a")

    def test_a_certificate_of_ours(self):
        self.issue("ca", "me", "extendedKeyUsage=clientAuth\n")
        server = self.secured(clients_by="ca")
        self.configured(server, ca=self.file("ca.pem"))
        self.refused('"certificate"')
        self.configured(server, ca=self.file("ca.pem"), certificate=self.file("me.pem"), key=self.file("me.key"))
        self.assertEqual(self.session().echo("a"), "a")

    def test_a_key_that_others_may_read(self):
        self.issue("ca", "me", "extendedKeyUsage=clientAuth\n")
        os.chmod(self.file("me.key"), 0o644)
        self.configured(self.secured(clients_by="ca"), ca=self.file("ca.pem"), certificate=self.file("me.pem"),
                        key=self.file("me.key"))
        self.refused("me.key", "chmod 600")

    def test_a_redirect_to_https_of_the_same_host(self):
        secured = self.secured()
        plain = self.remote()
        there = {"Location": "https://localhost:%d/mcp" % secured.port}
        for method in ("POST", "GET", "DELETE"):
            plain.once(Reply(307, "", there), method=method, times=1000)
        self.home.config({"mcpServers": {"remote": {"type": "http", "url": "HTTP://localhost:%d/mcp" % plain.port,
                                                    "ca": self.file("ca.pem")}}})
        self.assertEqual(self.session().echo("a"), "a")
        self.assertTrue(secured.of("tools/call"))


STRANGER = """
import os, socket, sys, time
os.setgid(65534); os.setuid(65534)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
listener.settimeout(0.1)
while True:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        continue
    connection.settimeout(10)
    if connection.recv(1): print("came", flush=True)  # Who only connects has told nothing.
    connection.close()
"""


class TestPorts(RemoteCase):
    """Only this user and root may listen where a server is expected on this machine."""

    def started(self, port, **more):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "http_server.py")
        return {"command": sys.executable, "args": [script, "--port", "${port}"], "transport": "http", "port": port, **more}

    @unittest.skipUnless(os.getuid() == 0, "only root can become another user")
    def test_another_users_process_gets_nothing(self):
        port = free_port()
        stranger = subprocess.Popen([sys.executable, "-c", STRANGER, str(port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(stranger.stdout.close)
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        self.assertEqual(stranger.stdout.readline(), "ready\n")
        self.home.config({"mcpServers": {"remote": self.started(port, headers={"Authorization": "Bearer secret"})}})
        with self.assertRaises(RpcError) as caught:
            self.session()
        for word in ("port %d" % port, "another user's process", "65534", '"port"'):
            self.assertIn(word, caught.exception.message)
        stranger.kill()
        self.assertEqual(stranger.stdout.read(), "")

    def test_a_server_on_the_other_loopback_address(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("this machine has no ::1")
        entry = self.started("auto")
        entry["args"] += ["--address", "::1"]
        self.home.config({"mcpServers": {"remote": entry}})
        self.assertEqual(self.session().echo("a"), "a")
        eventually("that it is ready", lambda: self.home.status_of("remote")[0]["state"] == "ready")

    @unittest.skipUnless(os.getuid() == 0, "only root can become another user")
    def test_a_chosen_port_that_another_user_takes(self):
        entry = {"command": sys.executable, "args": ["-c", STRANGER, "${port}"], "transport": "http",
                 "headers": {"Authorization": "Bearer secret"}}
        self.home.config({"mcpServers": {"remote": entry}})
        with self.assertRaises(RpcError) as caught:
            self.session()
        self.assertIn("another user's process", caught.exception.message)
        self.assertEqual([line for path, text in self.home.logs() for line in text.splitlines() if "came" in line], [])
