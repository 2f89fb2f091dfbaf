"""Bytes of any kind: chunks, characters, garbage, sizes, readers that are slow or do not read at all."""
import concurrent.futures
import json
import os
import threading
import unittest

from client import RpcError
from world import DIRECT, HEARTH, Case, eventually, needs_hearth

# AddressSanitizer keeps what was freed for a while, so that late uses are seen.
memory_is_ours = unittest.skipIf(os.environ.get("HEARTH_SANITIZE") == "address", "AddressSanitizer keeps freed memory")

DIGITS = "0123456789"
MIB = 1 << 20


def digits(size):
    return (DIGITS * (size // 10 + 1))[:size]


class TestChunks(Case):
    TEXT = "a😀ü\u2028漢\U0010ffff!"

    def test_an_answer_split_at_every_offset(self):
        """A four-byte character split between two reads, on every offset of a frame."""
        a = self.client()
        whole = len(json.dumps(self.TEXT, ensure_ascii=False).encode()) + 110
        for offset in range(1, whole):
            self.assertEqual(a.do({"split": offset}, {"text": self.TEXT}).text(), self.TEXT)

    def test_an_answer_one_byte_at_a_time(self):
        a = self.client()
        self.assertEqual(a.do({"chunk": 1}, {"progress": 3}, {"text": self.TEXT}, {"chunk": 0}, token="😀").text(), self.TEXT)
        self.assertEqual([n["params"]["progressToken"] for n in a.heard("notifications/progress")], ["😀"] * 3)

    def test_a_request_split_at_every_offset(self):
        a = self.client()
        for offset in range(1, 130):
            line = (a.line_of("tools/call", {"name": "echo", "arguments": {"text": self.TEXT}}, '"ü%d"' % offset) + "\n").encode()
            a.write(line[:offset])
            a.write(line[offset:])
            answer = a.wait("the answer", lambda: a.responses['"ü%d"' % offset])[0]
            self.assertEqual(answer["result"]["content"][0]["text"], self.TEXT)

    def test_many_requests_in_one_write(self):
        a = self.client()
        lines = "".join(a.line_of("tools/call", {"name": "echo", "arguments": {"text": str(n)}}, str(5000 + n)) + "\n"
                        for n in range(500))
        a.write(lines.encode())
        for n in range(500):
            self.assertEqual(a.wait("answer", lambda: a.responses[str(5000 + n)])[0]["result"]["content"][0]["text"], str(n))


class TestFraming(Case):
    @needs_hearth
    def test_what_a_server_may_write_between_messages(self):
        """Banners of npx, blank lines, CRLF, a byte order mark, noise that begins with a brace, two values on a line."""
        a = self.client("--banner", r"\xef\xbb\xbfnpm notice\r\n\n{ starting }\n")
        noise = ["\n", "\r\n", "npm warn deprecated\n", "{\n", "{not json}\n", '{"a":1} {"b":2}\n', "[\n", "null\n", "17\n",
                 '"text"\n', "   \n", "{}\n", '{"jsonrpc":"2.0"}\n', "\u2028\n", "\0\n", "\x1b[31mred\x1b[0m\n"]
        for at, line in enumerate(noise):
            call = a.do({"raw": line}, {"text": "after %d" % at}, {"raw": line})
            self.assertEqual(call.text(), "after %d" % at, repr(line))
        a.sync()
        self.assertTrue(all(line.startswith(b"{") for line in a.lines), a.lines)

    def test_crlf_and_blanks_around_a_message(self):
        a = self.client()
        for before, after in (("", "\r\n"), ("  ", "\n"), ("\t", " \t\r\n"), ("\n\n", "\n")):
            call = a.do({"raw": before + '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"x"}]}}' + after},
                        {"silence": True})
            self.assertEqual(call.text(), "x")

    def test_a_client_may_write_crlf_and_blank_lines(self):
        a = self.client()
        a.write(b"\n\r\n  \n")
        line = a.line_of("tools/call", {"name": "echo", "arguments": {"text": "x"}}, "900")
        a.write(line.encode() + b"\r\n")
        self.assertEqual(a.wait("the answer", lambda: a.responses["900"])[0]["result"]["content"][0]["text"], "x")

    def test_line_separators_inside_strings_are_no_line_ends(self):
        a = self.client()
        self.assertEqual(a.echo("a\u2028b\u2029c\u0085d\v\f"), "a\u2028b\u2029c\u0085d\v\f")

    @needs_hearth
    def test_invalid_utf8_of_a_server_fails_that_message_alone(self):
        """One line with 0xff between two valid frames kills a strict reader: here the call fails, the stream goes on."""
        a, b = self.client(), self.client()
        bad = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"'.encode() + b"\xff\xfe" + b'"}]}}\n'
        held = b.do({"hold": "b"}, {"text": "fine"})
        call = a.do({"hex": bad.hex()}, {"silence": True})
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertIn("UTF-8", str(caught.exception))
        self.server().release("b")
        self.assertEqual(held.text(), "fine")
        a.sync()

    @needs_hearth
    def test_a_clients_malformed_messages_never_reach_the_server(self):
        """Interleaved or broken writes of one session must not break another's stream: they are refused at the door."""
        a, b = self.client(), self.client()
        bad = [b'{"jsonrpc":"2.0","id":1000,"method":"x","params":{"t":"\xff"}}', b'{"jsonrpc":"2.0","id":1001,"method":',
               b"hello", b'{"jsonrpc":"2.0","id":1002,"method":"x"}{"jsonrpc":"2.0","id":1003,"method":"y"}',
               b'{"jsonrpc":"2.0","id":1004,"method":"x","method":"y"}', b'{"jsonrpc":"2.0","id":1005,"id":1006,"method":"x"}',
               b'{"jsonrpc":"2.0","id":{"a":1},"method":"x"}', b'{"jsonrpc":"2.0","id":null,"method":"x"}',
               b'{"jsonrpc":"2.0","id":1007,"method":"x","params":' + b"[" * 600 + b"]" * 600 + b"}",
               b'{"jsonrpc":"2.0","\\u0069d":1008,"method":"x"}', b"\xef\xbb\xbf{}", b"\0"]
        for line in bad:
            before = a.answers()
            a.write_line(line)
            a.wait("a refusal of %r" % line[:60], lambda: sum(map(len, a.responses.values())) > before)
        a.sync(), b.sync()
        for answers in a.responses.values():
            for message in answers:
                self.assertNotIn("method", message)
        self.assertTrue(self.server().all_well_formed())
        self.assertEqual(self.server().counts()["x"], 0)

    @needs_hearth
    def test_half_a_message_and_then_the_end(self):
        """A frame without its newline, then exit: the call fails because the server ended, half a frame is no answer."""
        a = self.client()
        call = a.do({"raw": '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}'}, {"exit": 0})
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertIn("exited", str(caught.exception))
        self.assertEqual(a.echo("again"), "again")

    @needs_hearth
    def test_half_a_message_of_a_client_that_leaves_reaches_nobody(self):
        a, b = self.client(), self.client()
        line = a.line_of("tools/call", {"name": "count", "arguments": {"key": "k"}}, "1000").encode()
        a.write(line.rstrip(b"\n")[:-1])  # Whole, it would be a request: a last line needs no newline.
        a.close()
        self.assertEqual(b.tool("count", {"key": "k"}), "1")


class TestSizes(Case):
    def test_results_around_the_sizes_that_others_break_at(self):
        a = self.client()
        for size in (1, 65535, 65536, 65537, MIB - 1, MIB, MIB + 1, 8 * MIB + 1, 16 * MIB):
            self.assertEqual(a.do({"size": size}).text(), digits(size), size)

    def test_requests_around_the_sizes_that_others_break_at(self):
        a = self.client()
        for size in (65535, 65536, 65537, MIB, 10 * MIB + 1):
            self.assertEqual(a.tool("length", {"text": digits(size)}), str(size))

    def raised(self, limit):
        self.home.config({"mcpServers": {"big": {"command": self.home.fake()[0], "args": self.home.fake()[1:],
                                                  "maxMessageBytes": limit}}})
        session = self.home.spawn(self.home.fake() if DIRECT else [HEARTH, "attach", "big"])
        session.initialize()
        return session

    def test_a_hundred_mebibytes_each_way(self):
        a = self.raised(101 * MIB)
        size = 100 * MIB
        self.assertEqual(len(a.do({"size": size}).text(120)), size)
        self.assertEqual(a.start_tool("length", {"text": "x" * size}).text(120), str(size))

    @needs_hearth
    @memory_is_ours
    def test_memory_returns_after_a_big_message(self):
        a = self.raised(101 * MIB)
        a.sync()
        pid = self.home.daemon_pid()

        def resident():
            with open("/proc/%d/status" % pid) as file:
                return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]

        before = resident()
        for _ in range(2):
            a.do({"size": 40 * MIB}).text(60)
            a.start_tool("length", {"text": "x" * (40 * MIB)}).text(60)
        a.sync()
        eventually("that the memory is given back (%d KiB before, %d KiB now)" % (before, resident()),
                   lambda: resident() < before + 8 * 1024, 10)

    @needs_hearth
    def test_an_overlong_answer_fails_its_call_alone(self):
        """A size cap that kills the stream: over the limit only that call fails, the next works."""
        a = self.raised(MIB)
        b = self.raised(MIB)
        held = b.do({"hold": "b"}, {"text": "fine"})
        with self.assertRaises(RpcError) as caught:
            a.do({"size": 2 * MIB}).result()
        self.assertIn("big", str(caught.exception))
        self.assertEqual(a.do({"size": MIB // 2}).text(), digits(MIB // 2))
        self.server().release("b")
        self.assertEqual(held.text(), "fine")

    @needs_hearth
    def test_an_overlong_request_fails_alone_and_reaches_no_server(self):
        a = self.raised(MIB)
        with self.assertRaises(RpcError):
            a.start_tool("length", {"text": "x" * (2 * MIB)}).result()
        self.assertEqual(a.tool("length", {"text": "x" * 1000}), "1000")
        self.assertTrue(all(entry.get("bytes", 0) < MIB for entry in self.server().entries()))

    @needs_hearth
    def test_many_writers_at_once(self):
        """Interleaved writes corrupt framing: 32 sessions each send 200 KB requests at once; every line must parse."""
        sessions = self.home.clients_of(32)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            calls = pool.map(lambda session: [session.start_tool("length", {"text": "ü" * 100000}) for _ in range(2)], sessions)
            for mine in calls:
                self.assertEqual({call.text() for call in mine}, {"200000"})
        self.assertTrue(self.server().all_well_formed())


class TestSlowness(Case):
    @needs_hearth
    def test_a_session_that_does_not_read_slows_nobody(self):
        """A slow client blocks the shared reader: A never reads, B's calls go on."""
        a, b = self.client(), self.client()
        a.pause()
        calls = [a.do({"size": MIB}) for _ in range(16)]
        for n in range(100):
            self.assertEqual(b.echo(str(n)), str(n))
        a.resume()
        for call in calls:
            self.assertEqual(len(call.text()), MIB)

    @needs_hearth
    @memory_is_ours
    def test_a_session_that_never_reads_is_let_go_with_a_reason(self):
        """Unbounded queues: what a session does not take is bounded, then it is disconnected, and nobody else notices."""
        a, b = self.client(), self.client()
        a.pause()
        for _ in range(40):
            a.do({"size": 8 * MIB})
        for n in range(40):
            self.assertEqual(b.echo(str(n)), str(n))
        pid = self.home.daemon_pid()
        with open("/proc/%d/status" % pid) as file:
            peak = [int(line.split()[1]) for line in file if line.startswith("VmHWM")][0]
        self.assertLess(peak, 400 * 1024, "the daemon queued without a limit")
        b.sync()

    @needs_hearth
    @memory_is_ours
    def test_a_server_that_does_not_read_stops_only_who_feeds_it(self):
        """No backpressure to stdin: the server stops reading, a client writes without end; memory stays bounded, the
        client is throttled, and another server's sessions do not notice."""
        a, other = self.client(), self.client("--tag", "other")
        server = self.home.servers()[0]
        server.do({"stop_reading": True})
        line = (a.line_of("tools/call", {"name": "length", "arguments": {"text": "x" * 100000}}) + "\n")
        total, stop = [0], threading.Event()

        def feed():
            for number in range(600):
                if stop.is_set():
                    return
                try:
                    a.write(line.replace('{"jsonrpc":"2.0"', '{"jsonrpc":"2.0","id":"f%d"' % number, 1).encode())
                except OSError:
                    return
                total[0] += 1

        writer = threading.Thread(target=feed, daemon=True)
        writer.start()
        for n in range(200):
            self.assertEqual(other.echo(str(n)), str(n))
        with open("/proc/%d/status" % self.home.daemon_pid()) as file:
            resident = [int(text.split()[1]) for text in file if text.startswith("VmRSS")][0]
        self.assertLess(resident, 50 * 1024)
        server.do({"start_reading": True})
        writer.join(60)
        self.assertFalse(writer.is_alive(), "the client was never allowed to go on")
        for number in range(total[0]):
            a.wait("answer", lambda: a.responses['"f%d"' % number])

    def test_a_server_that_talks_too_much_on_stderr(self):
        """A stderr pipe that nobody empties blocks the server: 64 MB of it while calls go on."""
        a = self.client()
        noise = "x" * 65535 + "\n"
        call = a.do({"stderr": noise, "times": 1000}, {"text": "still here"})
        self.assertEqual(call.text(), "still here")
        self.assertEqual(a.echo("x"), "x")
        if not DIRECT:
            logged = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(self.home.hearth_home)
                         for name in names if ".log" in name)
            self.assertLess(logged, 40 * MIB, "the log is not rotated")
