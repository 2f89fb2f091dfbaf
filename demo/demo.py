#!/usr/bin/env python3
"""What Hearth does, measured: three client sessions of one MCP server, first each with its own, then with Hearth.

The server is @modelcontextprotocol/server-everything where npx can get it, else the example built into hearth, which
is too small for anything to be saved.
Everything happens below a temporary directory with a daemon of its own; nothing is left behind.

    demo.py [--build DIR] [--sessions N] [--calls N] [--example]
"""

import argparse
import contextlib
import json
import os
import selectors
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVERYTHING = "@modelcontextprotocol/server-everything@2026.8.31"
PATIENCE_S = 120  # A cold npx fetches a package first.
ROUND = 20  # Calls in a row on one way; short, so that other work on the machine hits both ways alike.


class Trouble(Exception):
    """A sentence for whoever watches the demo."""


class Session:
    """A client's conversation with a server over the pipes of a child process."""

    def __init__(self, command, environment, log):
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, bufsize=0,
            start_new_session=True)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.buffer = bytearray()
        self.last_id = 0

    def initialize(self):
        client = {"name": "hearth-demo", "version": "1"}
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self.ready_s = time.perf_counter() - self.started
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method, params):
        self.last_id += 1
        self.send({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") != self.last_id or "method" in message:
                continue
            if "error" in message:
                raise Trouble(f"{method} failed: {message['error'].get('message')}")
            return message["result"]

    def send(self, message):
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise Trouble(f"{self.process.args[0]} ended before its time") from None

    def receive(self):
        while (end := self.buffer.find(b"\n")) < 0:
            if not self.selector.select(PATIENCE_S):
                raise Trouble(f"{self.process.args[0]} did not answer within {PATIENCE_S} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise Trouble(f"{self.process.args[0]} ended before its time")
            self.buffer += chunk
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        return json.loads(line)

    def echo(self, text):
        """The round trip of one small tool call, in seconds; and whether the answer was this session's own."""
        params = {"name": "echo", "arguments": {"message": text, "text": text}}
        before = time.perf_counter()
        result = self.request("tools/call", params)
        return time.perf_counter() - before, text in json.dumps(result)

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.selector.close()
        self.process.stdout.close()


def with_descendants(roots):
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def memory_of(pids):
    """Proportional memory in bytes: shared pages count once, divided among those who share them."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").exists()]


def wait_until_gone(pids):
    deadline = time.monotonic() + 15
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive(pids)


class Demo:
    def __init__(self, options, home, cleanup):
        self.options = options
        self.hearth = str(options.build.resolve() / "bin" / "hearth")
        self.cleanup = cleanup
        self.log = cleanup.enter_context(open(home / "stderr.log", "wb"))
        # Of HEARTH_* and of the client that may have started us, nothing must reach the demo.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "CLAUDE"))}
        self.environment["HEARTH_HOME"] = str(home)
        self.log_path = home / "stderr.log"
        self.tiny = False  # The server is the example.

    def open(self, command):
        session = Session(command, self.environment, self.log)
        self.cleanup.callback(session.close)
        session.initialize()
        return session

    def hearth_says(self, *arguments):
        return subprocess.run([self.hearth, *arguments], env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=30, check=False)

    def choose_server(self):
        """Its command, and its name for people."""
        trouble = self.no_node()
        if not trouble:
            command = ["npx", "-y", EVERYTHING]
            print(f"Fetching {EVERYTHING}, if it is not here yet …", flush=True)
            try:
                self.open(command).close()
                return command, EVERYTHING
            except Trouble as failure:
                trouble = f"npx could not run {EVERYTHING} ({failure})"
        self.tiny = True
        print(f"{trouble}, so this takes the example server built into hearth. It is smaller than Hearth itself: it shows "
              "what is shared and how fast, and is too small to save any memory.", flush=True)
        return [self.hearth, "example-server"], "the example server built into hearth"

    def no_node(self):
        """Why there is no Node that runs the server; empty if there is. One that is too old gives way to a newer one
        that npm brings, as for the tests."""
        if self.options.example:
            return "You asked for the example"
        if not shutil.which("npx"):
            return "There is no Node here"
        sys.dont_write_bytecode = True
        sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))
        try:
            import npm_packages
            node = npm_packages.node()
        except (ImportError, AssertionError) as failure:
            return f"There is no Node here that is new enough ({str(failure).splitlines()[0]})"
        self.environment["PATH"] = os.path.dirname(node) + os.pathsep + self.environment.get("PATH", "")
        return ""

    def run(self):
        command, name = self.choose_server()
        count = self.options.sessions
        print(f"{count} sessions of {name}, each with a server of its own …", flush=True)
        direct = [self.open(command) for _ in range(count)]
        direct_pids = with_descendants([session.process.pid for session in direct])
        direct_memory = memory_of(direct_pids)
        for session in direct[1:]:
            session.close()

        print(f"{count} sessions of the same server through hearth …", flush=True)
        shared = [self.open([self.hearth, "run", "--", *command]) for _ in range(count)]
        status = json.loads(self.hearth_says("status", "--json").stdout or "{}")
        daemon = status.get("daemon", {}).get("pid")
        if not daemon:
            raise Trouble("hearth status shows no daemon")
        shims = [session.process.pid for session in shared]
        shared_pids = with_descendants([daemon, *shims])
        shared_memory = memory_of(shared_pids)
        servers = [server["pid"] for server in status["servers"]]
        server_pids = with_descendants(servers)

        print(f"{2 * self.options.calls} calls, alternating …", flush=True)
        direct_s, shared_s, added_s, strayed = self.measure(direct[0], shared)
        table = self.hearth_says("status").stdout.rstrip()
        print(f"\n$ hearth status\n{table}\n")

        per_server = len(direct_pids) // count
        self.print_table([
            ("", "without Hearth", "with Hearth"),
            ("servers that ran", str(count), str(len(servers))),
            ("their processes", str(len(direct_pids)), str(len(server_pids))),
            ("Hearth's own processes", "0", str(len(shared_pids) - len(server_pids))),
            ("memory of all of them (PSS)", mebibytes(direct_memory), mebibytes(shared_memory)),
            ("exec to ready, a further session", milliseconds(direct[-1].ready_s),
             milliseconds(statistics.median(session.ready_s for session in shared[1:]))),
            ("round trip of a small call, median", microseconds(direct_s), microseconds(shared_s)),
        ])
        print(f"\n{self.saved(direct_memory, shared_memory)} Latency added per call: {added(added_s)}. "
              f"Answers that reached the wrong session: {strayed}.")
        print(f"Each further session costs a shim of {kibibytes(memory_of(shims) / len(shims))} instead of "
              f"{per_server} process{'es' if per_server != 1 else ''} and {mebibytes(direct_memory / count)}.")
        if len(servers) != 1:
            raise Trouble(f"{len(servers)} servers ran where one was expected; hearth why tells the reason")
        if strayed:
            raise Trouble("an answer reached the wrong session")
        self.tear_down(direct + shared, shared_pids + direct_pids)

    def saved(self, direct_memory, shared_memory):
        """A sentence."""
        saved = direct_memory - shared_memory
        if saved > 0:
            return f"Memory saved: {mebibytes(saved)}."
        server = "the example server" if self.tiny else "this server"
        return (f"No memory saved: {server} is too small for that, {self.options.sessions} of it take less than Hearth does "
                "by itself. Servers on Node or Python take 40 to 100 MiB each.")

    def measure(self, direct, shared):
        """Median round trips in seconds: directly, through Hearth, and what Hearth adds within a round."""
        for session in [direct, *shared]:
            session.echo("warm")
        direct_times, shared_times, added, strayed = [], [], [], 0
        for first in range(0, self.options.calls, ROUND):
            numbers = range(first, first + ROUND)
            direct_round = [direct.echo(f"call {number}")[0] for number in numbers]
            shared_round = []
            for number in numbers:
                who = number % len(shared)
                seconds, own = shared[who].echo(f"session {who}, call {number}")
                shared_round.append(seconds)
                strayed += not own
            added.append(statistics.median(shared_round) - statistics.median(direct_round))
            direct_times += direct_round
            shared_times += shared_round
        median = statistics.median
        return median(direct_times), median(shared_times), median(added), strayed

    def tear_down(self, sessions, pids):
        for session in sessions:
            session.close()
        self.hearth_says("shutdown")
        left = wait_until_gone(pids)
        if left:
            raise Trouble(f"still running after the end: {left}")
        print("All sessions closed, daemon and server ended, nothing left behind.")

    def print_table(self, rows):
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for number, row in enumerate(rows):
            print(f"  {row[0]:<{widths[0]}}   {row[1]:>{widths[1]}}   {row[2]:>{widths[2]}}")
            if number == 0:
                print("  " + "-" * (sum(widths) + 6))


def mebibytes(number):
    return f"{number / 2**20:.1f} MiB"


def kibibytes(number):
    return f"{number / 2**10:.0f} KiB"


def milliseconds(seconds):
    return f"{seconds * 1e3:.1f} ms"


def microseconds(seconds):
    return f"{seconds * 1e6:.0f} µs"


def added(seconds):
    """On a busy machine a few calls differ by more than Hearth adds."""
    return microseconds(seconds) if seconds > 0 else "less than what this machine makes calls differ by"


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description="Three sessions, one server: measured.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--build", type=Path, default=here.parent / "build", help="where bin/hearth is")
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1000, help="on each way")
    parser.add_argument("--example", action="store_true", help="take the example server even if npx is there")
    options = parser.parse_args()
    if options.sessions < 2 or options.calls < 1:
        parser.error("at least 2 sessions and 1 call")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="hearth-demo-"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, home, ignore_errors=True)
        demo = Demo(options, home, cleanup)
        # Runs after the sessions are closed and before the directory goes, also when something failed on the way.
        cleanup.callback(demo.hearth_says, "shutdown")
        try:
            demo.run()
        except Trouble as trouble:
            demo.log.flush()
            print(f"demo: {trouble}", file=sys.stderr)
            said = demo.log_path.read_text(errors="replace").strip().splitlines()[-10:]
            print("\n".join(f"  stderr: {line}" for line in said), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
