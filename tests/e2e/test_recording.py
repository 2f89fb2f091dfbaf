"""Recordings: what a daemon was told, told to another broker by `simulate --replay`."""
import glob
import json
import os
import resource
import signal
import stat
import subprocess

from client import PATIENCE
from http_world import HttpCase
from world import BIN, HEARTH, Case, alive, eventually, needs_hearth

# Programs that are optimised as a whole are built without it; then the build of the parts has it.
BESIDE = os.path.join(BIN, "simulate")
OF_PARTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "dev", "bin", "simulate")
SIMULATE = BESIDE if os.path.exists(BESIDE) else OF_PARTS
SHOWN = 300  # Bytes of a message in a trace.


class Replay:
    """What `simulate --replay` printed."""

    def __init__(self, file):
        self.done = subprocess.run([SIMULATE, "--replay", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   timeout=PATIENCE, errors="replace")
        self.lines = self.done.stdout.splitlines()

    def to(self, receiver):
        start = "<   to %s " % receiver
        return [line[len(start):] for line in self.lines if line.startswith(start)]

    def starts(self):
        return [line for line in self.lines if line.startswith("<   start ")]


@needs_hearth
class TestRecording(Case):
    def setUp(self):
        super().setUp()
        self.dir = self.home.path("recordings")

    def record(self, **more):
        self.home.config({"daemon": {"record": self.dir, **more}})

    def recordings(self):
        return sorted(glob.glob(os.path.join(self.dir, "*.recording")), key=os.path.getmtime)

    def told(self, file):
        with open(file, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def two_sessions(self):
        """Two that share a server, with a call, progress, an error and a cancellation."""
        clients = [self.client(env={"SOME_VARIABLE": "hush-variable"}) for _ in range(2)]
        for number, client in enumerate(clients):
            self.assertEqual(client.echo("hush-text %d" % number), "hush-text %d" % number)
            client.do({"progress": 1}, {"text": "hush-answer"}, token="hush-token").response()
            client.start("hush/method", {"hush-name": "hush-value"}).response()
        self.home.server()
        return clients

    def test_what_each_client_got_is_got_again(self):
        self.record(recordContents=True)
        clients = self.two_sessions()
        self.home.shutdown()
        file, = self.recordings()
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        replay = Replay(file)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        self.assertIn("the recording ends: the daemon ended", replay.lines[-1])
        self.assertEqual(len(replay.starts()), 1)
        for number, client in enumerate(clients):
            sent = replay.to("S%d.1" % number)
            got = [line.decode() for line in client.lines]
            self.assertGreater(len(got), 4)
            self.assertEqual([line[:SHOWN] for line in got], [line[:SHOWN] for line in sent][:len(got)])
        with open(file, encoding="utf-8") as text:
            text = text.read()
        self.assertIn("hush-answer", text)
        self.assertNotIn("hush-variable", text)

    def test_without_contents_the_same_messages_go_the_same_ways(self):
        self.record()
        clients = self.two_sessions()
        self.home.shutdown()
        file, = self.recordings()
        with open(file, encoding="utf-8") as text:
            text = text.read()
        self.assertNotIn("hush", text)
        self.assertNotIn(self.home.dir, text)
        replay = Replay(file)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        self.assertEqual(len(replay.starts()), 1)
        for number, client in enumerate(clients):
            sent = [json.loads(line) for line in replay.to("S%d.1" % number) if len(line) < SHOWN]
            ids = [message["id"] for message in sent if "id" in message]
            got = [json.loads(line) for line in client.lines if len(line) < SHOWN]
            self.assertEqual(ids[:len(got)], [message["id"] for message in got if "id" in message])

    def test_a_daemon_that_is_killed_has_recorded_what_it_was_told(self):
        self.record()
        client = self.client()
        client.do({"hold": "it"})
        self.home.server().wait("(hold it)")
        daemon = self.home.daemon_pid()
        os.kill(daemon, signal.SIGKILL)
        eventually("that the daemon is gone", lambda: not alive(daemon))
        client.echo()
        first, second = self.recordings()
        calls = [one for one in self.told(first) if one.get("what") == "SessionLine"]
        self.assertIn("tools/call", json.dumps(calls[-1]))
        replay = Replay(first)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        self.assertIn("does not say why it ends", replay.lines[-1])
        # The session goes on from its journal, which is in the second one.
        opened = [one for one in self.told(second) if one.get("what") == "SessionOpened"]
        self.assertEqual(len(opened[0]["journal"]["calls"]), 1)
        self.home.shutdown()
        replay = Replay(second)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        errors = [line for line in replay.to("S0.1") if "the daemon ended while this call was running" in line]
        self.assertEqual(len(errors), 1)

    def test_a_directory_that_is_full_of_recordings_costs_nothing_but_a_recording(self):
        os.mkdir(self.dir)
        for number in range(20):
            with open(os.path.join(self.dir, "%d.recording" % number), "w"):
                pass
        self.record()
        self.client().sync()
        self.assertEqual(len(self.recordings()), 20)
        log = os.path.join(self.home.hearth_home, "state", "hearthd.log")
        self.assertIn("nothing is recorded: ", dict(self.home.logs())[log])

    def test_a_damaged_recording_is_refused_by_its_line(self):
        self.record()
        self.client().sync()
        self.home.shutdown()
        file, = self.recordings()
        with open(file, encoding="utf-8") as text:
            lines = text.read().splitlines(True)
        other = self.home.path("other")

        def replayed(text):
            with open(other, "w", encoding="utf-8") as file:
                file.write(text)
            return Replay(other)
        cut = replayed("".join(lines)[:-20])
        self.assertEqual(cut.done.returncode, 0, cut.done.stderr)
        self.assertIn("line %d: cut off, and left out" % len(lines), cut.lines[-1])
        broken = replayed("".join(lines[:3] + [lines[3][:-10] + "\n"] + lines[4:]))
        self.assertEqual(broken.done.returncode, 1)
        self.assertIn("line 4: this is no JSON", broken.done.stderr)
        gap = replayed("".join(lines[:1] + lines[2:]))
        self.assertIn("line 2: a session is opened that was not admitted", gap.done.stderr)
        foreign = replayed("what is this\n")
        self.assertIn("line 1: this is no recording of Hearth", foreign.done.stderr)
        self.assertEqual(Replay(self.home.path("none")).done.returncode, 1)


class TestByUrl(HttpCase):
    """Sessions by URL, and a server that is elsewhere: their events are the same, and have ids of the same kind."""

    def test_sessions_by_url(self):
        directory = self.home.path("recordings")
        self.serve(daemon={"record": directory, "recordContents": True})
        sessions = [self.streamable() for _ in range(3)]
        texts = ["text of session %d" % number for number in range(3)]
        self.assertEqual([session.echo(text) for session, text in zip(sessions, texts)], texts)
        sessions[1].close()
        texts.append("text of a fourth, in the place of the second")
        self.assertEqual(self.streamable().echo(texts[3]), texts[3])
        self.home.shutdown()
        file, = glob.glob(os.path.join(directory, "*.recording"))
        replay = Replay(file)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        self.assertEqual(len(replay.starts()), 1)
        for text, session in zip(texts, ("S0.1", "S1.1", "S2.1", "S1.2")):
            self.assertEqual(len([line for line in replay.to(session) if text in line]), 1, session)


@needs_hearth
class TestServe(Case):
    def serve(self, *flags, **rest):
        process = subprocess.Popen([HEARTH, "serve", *flags], env=self.home.environment(), cwd=self.home.project,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, **rest)
        self.addCleanup(process.stderr.close)
        self.home.foreground.append(process)
        return process

    def refused(self, *flags):
        process = self.serve(*flags)
        said = process.stderr.read()
        self.assertNotEqual(process.wait(PATIENCE), 0)
        return said

    def test_a_file_that_cannot_be_made_is_said_at_once(self):
        taken, link = self.home.path("taken"), self.home.path("link")
        with open(taken, "w") as file:
            file.write("mine")
        os.symlink(self.home.path("elsewhere"), link)
        self.assertIn("cannot make %s: File exists" % taken, self.refused("--record", taken))
        self.assertIn("cannot make %s: File exists" % link, self.refused("--record", link))
        self.assertIn("cannot make /dev/full: File exists", self.refused("--record", "/dev/full"))
        nowhere = self.home.path("nowhere", "file")
        self.assertIn("cannot make %s: No such file" % nowhere, self.refused("--record", nowhere))
        self.assertIn("--record-contents is of use with --record", self.refused("--record-contents"))
        with open(taken) as file:
            self.assertEqual(file.read(), "mine")
        self.assertFalse(os.path.exists(self.home.path("elsewhere")))

    def test_a_file_that_takes_nothing_more_ends_the_recording_and_nothing_else(self):
        most = 2 << 20  # More than a journal takes.

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        file = self.home.path("file")
        self.serve("--record", file, "--record-contents", preexec_fn=limited)
        eventually("that the daemon listens", lambda: os.path.exists(self.home.socket_path))
        # A session that may write more would get a daemon of its own.
        client = self.home.spawn(["prlimit", "--fsize=%d" % most] + self.home.shim(self.home.fake(), "fake"))
        client.initialize()
        for _ in range(10):
            self.assertEqual(len(client.echo("x" * 200000)), 200000)
        client.sync()

        def last():
            with open(file, encoding="utf-8") as lines:
                return lines.read().splitlines()[-1]
        eventually("that the recording has an end", lambda: '"what":"end"' in last())
        self.assertIn("File too large", last())
        replay = Replay(file)
        self.assertEqual(replay.done.returncode, 0, replay.done.stderr)
        self.assertIn("the recording ends: the file takes nothing more: File too large", replay.lines[-1])
        client.sync()
