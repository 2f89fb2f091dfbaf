"""Hostile input on the port: each is answered or cut, memory stays flat, and sessions that behave do not notice."""
import json
import os
import random
import resource
import socket
import time

from client import PATIENCE
from http_client import Connection, HungUp
from http_world import HELLO, HttpCase, call
from world import alive

CONNECTIONS = 900  # More than a daemon takes.


def memory_of(pid):
    """Bytes that are resident; 0 under AddressSanitizer, which keeps what was freed."""
    if os.environ.get("HEARTH_SANITIZE") == "address":
        return 0
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class HostileCase(HttpCase):
    """Whatever a test does, a session of each transport goes on with a call in flight."""

    def setUp(self):
        super().setUp()
        self.serve(http=self.http())
        self.pid = self.home.daemon_pid()
        self.bystanders = [self.stdio(), self.streamable()]
        self.held = [session.do({"hold": "end"}, {"text": "untouched"}) for session in self.bystanders]
        self.home.wait_server().wait("(hold end)", count=2)
        self.addCleanup(self.check_bystanders)

    def http(self):
        return None

    def check_bystanders(self):
        self.assertTrue(alive(self.pid), "the daemon died")
        server = self.home.server()
        server.release("end")
        for session, pending in zip(self.bystanders, self.held):
            self.assertEqual(pending.text(), "untouched")
            self.assertEqual(session.echo("after"), "after")
        self.assertTrue(server.all_well_formed())
        self.assertEqual([line for line in server.raw_lines() if "SMUGGLED" in line], [])

    def sends(self, data):
        """What comes back for these bytes, and that the connection is closed."""
        connection = self.connection()
        try:
            connection.send(data)
        except OSError:
            pass  # It was cut before it had said all.
        return connection

    def assert_refused(self, data, *statuses):
        connection = self.sends(data)
        try:
            answer = connection.answer()
            self.assertIn(answer.status, statuses, "%r: %s" % (data[:200], answer.text()))
        except HungUp:
            self.assertIn(None, statuses, "%r was cut without an answer" % data[:200])
        self.assertTrue(connection.hung_up(), "the connection was kept after %r" % data[:200])
        self.assertNotIn(b"HTTP/1.1", connection.buffer, "a second answer to %r" % data[:200])


class TestSmuggling(HostileCase):
    """Requests that two readers could understand in two ways."""

    def setUp(self):
        super().setUp()
        self.session = self.bystanders[1]
        self.inner = self.message(json.dumps(call(1, "echo", {"text": "SMUGGLED"})).encode())

    def head(self, *lines):
        """A POST with the session's fields and these lines instead of what says how long its body is."""
        fields = {**self.session.headers(), "Content-Type": "application/json", "Accept": "*/*"}
        ours = ["%s: %s" % field for field in {"Host": "127.0.0.1:%d" % self.home.port, **fields}.items()]
        return "\r\n".join(["POST /mcp/fake HTTP/1.1", *ours, *lines]).encode("latin-1") + b"\r\n\r\n"

    def message(self, body):
        return self.head("Content-Length: %d" % len(body)) + body

    def test_of_lengths(self):
        length = len(self.inner)
        for lines in (["Content-Length: 0", "Transfer-Encoding: chunked"],
                      ["Transfer-Encoding: chunked", "Content-Length: %d" % length],
                      ["Content-Length: 0", "Content-Length: %d" % length],
                      ["Content-Length: 0, %d" % length], ["Content-Length: +5"], ["Content-Length: -1"],
                      ["Content-Length: 0x10"], ["Content-Length: 5 5"], ["Content-Length: "],
                      ["Content-Length: 18446744073709551621"], ["Content-Length: 99999999999999999999999"],
                      ["Content-Length : 5"], ["Content-Length\t: 5"], [" Content-Length: 5"], ["X: y\r\n Content-Length: 5"]):
            with self.subTest(lines):
                self.assert_refused(self.head(*lines) + b"0\r\n\r\n" + self.inner, 400, 413)

    def test_of_transfer_codings(self):
        for coding in ("identity", "gzip", "chunked, identity", "chunked, chunked", "xchunked", "gzip, chunked",
                       "\x0bchunked", "chunked;q=1"):
            with self.subTest(coding):
                self.assert_refused(self.head("Transfer-Encoding: " + coding) + b"0\r\n\r\n" + self.inner, 400, 501)
        twice = self.head("Transfer-Encoding: chunked", "Transfer-Encoding: identity")
        self.assert_refused(twice + b"0\r\n\r\n" + self.inner, 400, 501)

    def test_of_chunks(self):
        for chunks in (b"-1\r\nx\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"1\r\nxx\r\n0\r\n\r\n",
                       b"g\r\n", b"\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5" * 5000):
            with self.subTest(chunks):
                self.assert_refused(self.head("Transfer-Encoding: chunked") + chunks + self.inner, 400, 413)

    def test_of_heads(self):
        host = b"Host: 127.0.0.1:%d" % self.home.port
        for head in (b"POST /mcp/fake HTTP/1.1\r\n%s\r\nHost: evil\r\n\r\n" % host,
                     b"POST http://evil/mcp/fake HTTP/1.1\r\n%s\r\n\r\n" % host,
                     b"POST * HTTP/1.1\r\n%s\r\n\r\n" % host,
                     b"CONNECT evil:443 HTTP/1.1\r\n%s\r\n\r\n" % host,
                     b"POST /mcp/fa\x00ke HTTP/1.1\r\n%s\r\n\r\n" % host,
                     b"POST /mcp/fake HTTP/1.1\r\n%s\r\nX: a\x00b\r\n\r\n" % host,
                     b"POST /mcp/fake HTTP/1.1\r\n%s\r\nX: a\rb\r\n\r\n" % host,
                     b"POST /mcp/fake HTTP/1.1\r\n%s\r\nno colon\r\n\r\n" % host,
                     b"POST /mcp/fake HTTP/1.1\r\n%s\r\n: nameless\r\n\r\n" % host,
                     b"POST /mcp/fake\r\n%s\r\n\r\n" % host,
                     b"POST  /mcp/fake HTTP/1.1\r\n%s\r\n\r\n" % host,
                     b"POST /mcp/fake HTTP/3.0\r\n%s\r\n\r\n" % host,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
                     b"\x00" * 100, b"nonsense\r\n\r\n"):
            with self.subTest(head):
                self.assert_refused(head + self.inner, 400, 501, 505, None)

    def test_what_was_cut_does_not_begin_the_next(self):
        """The rest of a body that was too short or too long is no request."""
        body = json.dumps(call(1, "echo", {"text": "SMUGGLED"})).encode()
        connection = self.sends(self.head("Content-Length: 5") + b"hello" + b"x" * 20 + b"\r\n" + self.inner)
        self.assertEqual(connection.answer().status, 400)  # "hello" is no message.
        try:
            self.assertEqual(connection.answer().status, 400)  # Nor are the x the beginning of a request.
        except HungUp:
            pass
        self.assertTrue(connection.hung_up())
        cut = self.sends(self.message(body)[:-10])
        cut.cut()


class TestSizes(HostileCase):
    def test_of_heads(self):
        for line in (b"X: " + b"x" * 200_000, b"\r\n".join(b"X%d: y" % n for n in range(20_000)), b"X" * 200_000):
            self.assert_refused(b"POST /mcp/fake HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % self.home.port + line + b"\r\n\r\n",
                                431, 400, None)
        self.assert_refused(b"POST /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 431, 414, 400, None)

    def test_of_bodies_without_an_end(self):
        connection, sent = self.connection(), 0
        session = self.bystanders[1]
        connection.send(connection.head("POST", "/mcp/fake", session.headers(
            **{"Content-Type": "application/json", "Transfer-Encoding": "chunked"})))
        block = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
        before = memory_of(self.pid)
        try:
            while sent < 50_000:  # It reads on for a moment, so that the refusal can be read.
                connection.send(block)
                sent += 1
        except OSError:
            pass
        self.assertLess(sent, 50_000, "the daemon reads for ever")
        self.assertLess(memory_of(self.pid), before + (160 << 20))

    def test_of_trailers_and_empty_chunks(self):
        connection = self.connection()
        connection.send(connection.head("POST", "/mcp/fake", {"Content-Type": "application/json",
                                                              "Transfer-Encoding": "chunked"}))
        connection.send(b"0\r\n")
        try:
            for _ in range(20_000):
                connection.send(b"X-Trailer: " + b"y" * 100 + b"\r\n")
        except OSError:
            pass
        self.assertTrue(connection.hung_up())

    def test_of_depth_and_of_keys(self):
        session = self.bystanders[1]
        deep = b"[" * 1_000_000
        many = json.dumps({**HELLO, **{"k%d" % n: n for n in range(100_000)}}).encode()
        for body in (deep, b'{"a":' * 500_000, b'{"jsonrpc":"2.0","id":1,"method":"x","params":' + deep,
                     b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', b'{"jsonrpc":"2.0","id":1,"method":"\\u00"}',
                     b'[' + b'{"jsonrpc":"2.0","method":"x"},' * 50_000 + b'{}]'):
            answer = session.raw(body=body)
            self.assertIn(answer.status, (400, 413), body[:60])
        self.assertIn(self.request("POST", "/mcp/fake", body=many).status, (200, 400))


class TestSlowness(HostileCase):
    def test_a_client_that_says_one_byte_at_a_time_is_hung_up_on(self):
        """And others are served meanwhile. It takes as long as the daemon has patience."""
        slow = [self.connection() for _ in range(60)]
        for connection in slow:
            connection.send(b"POST /mcp/fake HTTP/1.1\r\nHo")
        half = [self.connection() for _ in range(20)]
        for connection in half:
            connection.send(connection.head("POST", "/mcp/fake", {"Content-Type": "application/json"}, 1000) + "{")
        began = time.monotonic()
        left = slow + half
        while left:
            self.assertLess(time.monotonic(), began + 60 + PATIENCE, "%d are still connected" % len(left))
            self.assertEqual(self.bystanders[1].echo("meanwhile"), "meanwhile")
            left = [connection for connection in left if self.takes_another_byte(connection)]
            if left:
                left[0].hung_up(0.5)

    def takes_another_byte(self, connection):
        try:
            connection.send(b"x")
        except OSError:
            return False
        return not (connection.has_ended() and connection.hung_up())

    def test_a_client_that_does_not_read_costs_no_other(self):
        """A stream whose client has stopped reading is ended with its session, or held within bounds."""
        lazy = self.streamable()
        connection = self.connection()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.start("GET", "/mcp/fake", lazy.headers())
        self.assertTrue(connection.answer().is_stream)
        before = memory_of(self.pid)
        for _ in range(20):
            self.bystanders[0].do({"log": "info", "data": "x" * 1000, "times": 1000}).result()
        self.assertLess(memory_of(self.pid), before + (64 << 20))
        self.bystanders[0].notices.clear()


class TestCrowds(HostileCase):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = CONNECTIONS + 200
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_of_silent_connections(self):
        crowd = [self.connection() for _ in range(CONNECTIONS)]
        self.assertEqual(self.request("GET", "/nothing").status, 404)
        self.assertEqual(self.bystanders[1].echo("meanwhile"), "meanwhile")
        descriptors = len(os.listdir("/proc/%d/fd" % self.pid))
        self.assertLess(descriptors, CONNECTIONS, "there is no limit")
        for connection in crowd:
            connection.cut()
        self.assertEqual(self.request("GET", "/nothing").status, 404)

    def test_of_sessions(self):
        """Sessions are bounded, or cheap: a thousand that nobody ever comes back to."""
        connection, before = self.connection(), memory_of(self.pid)
        statuses = {connection.request("POST", "/mcp/fake", None, HELLO).status for _ in range(1000)}
        self.assertLessEqual(statuses, {200, 429, 503})
        self.assertLess(memory_of(self.pid), before + (64 << 20))

    def test_of_streams(self):
        """One session that opens streams again and again."""
        session = self.streamable()
        answers = [session.raw("GET") for _ in range(200)]
        for answer in answers[:-1]:
            self.assertTrue(answer.is_stream)
            self.assertEqual([event.data for event in answer.events() if event.data], [])  # To its end.
        self.bystanders[0].do({"list_changed": "tools"}).result()
        self.assertIn("list_changed", next(event.data for event in answers[-1].events() if event.data))


class TestNonsense(HostileCase):
    TOKEN = "a-token-that-is-long-enough"

    def http(self):
        return {"token": self.TOKEN}

    def streamable(self, *args, **rest):
        return super().streamable(*args, **{"token": self.TOKEN, **rest})

    def requests_of(self, chance):
        """One of everything that is wrong."""
        session = self.bystanders[1]
        name = "".join(chance.choice("0123456789abcdef") for _ in range(32))
        good = {"Authorization": "Bearer " + self.TOKEN}
        yield 403, ("POST", "/mcp/fake", {**good, "Host": "evil%s.example" % name}, HELLO)
        yield 403, ("POST", "/mcp/fake", {**good, "Origin": "http://%s.example" % name}, HELLO)
        yield 401, ("POST", "/mcp/fake", {"Authorization": "Bearer " + name}, HELLO)
        yield 401, ("POST", "/mcp/fake", {}, HELLO)
        yield 404, ("POST", "/mcp/fake", {**good, "Mcp-Session-Id": name}, call(1, "echo"))
        yield 404, ("DELETE", "/mcp/fake", {**good, "Mcp-Session-Id": name}, None)
        yield 404, ("POST", "/mcp/" + name, good, HELLO)
        yield 404, ("GET", "/sse/" + name, good, None)
        yield 400, ("POST", "/mcp/fake", session.headers(**{"MCP-Protocol-Version": name}), call(1, "echo"))
        yield 400, ("POST", "/mcp/fake", session.headers(), chance.randbytes(200))

    def storm(self, rounds, chance):
        connection = self.connection()
        for _ in range(rounds):
            for status, request in self.requests_of(chance):
                if connection.over or connection.has_ended():
                    connection = self.connection()
                answer = connection.request(*request)
                self.assertEqual(answer.status, status, (request, answer.text()))

    def test_memory_is_flat(self):
        chance = random.Random(7)
        self.storm(60, chance)  # Whatever is made once is made now.
        before = memory_of(self.pid)
        self.storm(300, chance)
        self.assertLess(memory_of(self.pid), before + (8 << 20))

    def test_random_bytes(self):
        """Requests with a few bytes changed, in one piece or in many."""
        seed = int(os.environ.get("HEARTH_E2E_SEED", "11"))
        chance = random.Random(seed)
        session = self.bystanders[1]
        probe = Connection(self.home.port)
        self.addCleanup(probe.close)
        head = probe.head("POST", "/mcp/fake", session.headers(**{"Content-Type": "application/json", "Accept": "*/*"}), 50)
        for _ in range(300):
            data = bytearray(head.encode() + b"{" + b" " * 49)
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            connection = Connection(self.home.port)
            for piece in [data] if chance.random() < 0.5 else [data[:40], data[40:90], data[90:]]:
                try:
                    connection.send(bytes(piece))
                except OSError:
                    break
            if chance.random() < 0.5:
                connection.cut()
            else:
                connection.close()
        self.assertEqual(session.echo("seed %d" % seed), "seed %d" % seed)


class TestBodies(HostileCase):
    """A client that has not shown that it may come costs nothing, and bodies that come slowly have a bound."""

    TOKEN = "a-token-that-is-long-enough"
    MIB = 1 << 20

    def http(self):
        return {"token": self.TOKEN}

    def streamable(self, *args, **rest):
        return super().streamable(*args, **{"token": self.TOKEN, **rest})

    def begin(self, fields, length):
        """A POST whose body is still to come."""
        connection = self.connection()
        fields = {"Accept": "*/*", "Content-Type": "application/json", "Authorization": "Bearer " + self.TOKEN, **fields}
        connection.send(connection.head("POST", "/mcp/fake", fields, length))
        return connection

    def test_strangers_are_answered_before_their_bodies(self):
        before = memory_of(self.pid)
        strangers = []
        for status, fields in ((401, {"Authorization": None}), (401, {"Authorization": "Bearer x"}),
                               (403, {"Host": "evil.example"}), (403, {"Origin": "http://evil.example"}),
                               (415, {"Content-Type": "text/plain"}), (406, {"Accept": "text/html"})):
            for _ in range(10):
                connection = self.begin(fields, 60 * self.MIB)
                self.assertEqual(connection.answer().status, status)
                strangers.append(connection)
        for connection in strangers:
            try:
                connection.send(bytes(2 * self.MIB))
            except OSError:
                pass  # It was hung up on.
        self.assertEqual(self.bystanders[1].echo("meanwhile"), "meanwhile")
        self.assertLess(memory_of(self.pid), before + 8 * self.MIB)

    def test_bodies_that_never_end_have_a_bound(self):
        before = memory_of(self.pid)
        slow = [self.begin({}, 60 * self.MIB) for _ in range(200)]
        left = {connection: 2 * self.MIB for connection in slow}
        for connection in slow:
            connection.socket.setblocking(False)
        for _ in range(40):
            for connection in slow:
                try:
                    left[connection] -= connection.socket.send(bytes(min(left[connection], 1 << 18)))
                except OSError:
                    pass  # It has to wait, or was hung up on.
            self.assertEqual(self.bystanders[1].echo("meanwhile"), "meanwhile")
        self.assertLess(memory_of(self.pid), before + 112 * self.MIB)
