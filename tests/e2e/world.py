"""The world of one test: a home directory of its own, the daemon in it, clients, and the fake servers they started."""
import collections
import ctypes
import glob
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from client import PATIENCE, Client, Missing, alive, parse, wait_gone

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("HEARTH_BIN") or os.path.join(HERE, "..", "..", "build", "bin")
BIN = os.path.abspath(BIN)
HEARTH, HEARTHD, FAKE = (os.path.join(BIN, name) for name in ("hearth", "hearthd", "fake_server"))
DIRECT = os.environ.get("HEARTH_E2E_DIRECT") == "1"  # No Hearth: the client starts the server itself.

ABSENT = object()  # What a configuration is to leave out.

needs_hearth = unittest.skipIf(DIRECT, "is about Hearth itself; this run talks to the server directly")


def eventually(what, condition, seconds=PATIENCE):
    """For facts that can only be looked up (a status, a file's content): look again until they hold."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Missing("%s did not come true within %g s" % (what, seconds))
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class DirectoryWatch:
    """Says when a file appears in a directory (inotify), so that nobody has to look again and again."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.libc.inotify_add_watch(self.fd, path.encode(), 0x100 | 0x80)  # IN_CREATE | IN_MOVED_TO

    def until(self, what, condition, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        try:
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                    raise Missing("%s did not appear within %g s" % (what, seconds))
                os.read(self.fd, 65536)
            return value
        finally:
            os.close(self.fd)


class Server:
    """One process of the fake server, seen past Hearth: its record and its control socket."""

    def __init__(self, record):
        self.record = record
        self.pid = int(os.path.basename(record).split(".")[0])

    def entries(self):
        with open(self.record, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[:-1]]

    @property
    def facts(self):
        """What it was given: cwd, descriptors, environment, group, session, signals."""
        return self.entries()[0]

    def environment(self):
        return dict(variable.split("=", 1) for variable in self.facts["environment"])

    def raw_lines(self):
        return [entry["raw"] for entry in self.entries() if "raw" in entry]

    def received(self):
        """Every well-formed message, in order."""
        return [parse(raw) for raw in self.raw_lines()]

    def all_well_formed(self):
        return all(entry.get("well_formed", True) for entry in self.entries())

    def events(self, name):
        return [entry for entry in self.entries() if entry.get("event") == name]

    def of(self, method):
        """The messages of that method that reached it."""
        return [message for message in self.received() if isinstance(message, dict) and message.get("method") == method]

    def counts(self):
        return collections.Counter(message.get("method", "(response)") for message in self.received())

    def _control(self, command, seconds=PATIENCE):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(self.record[:-len("record")] + "sock")
            connection.sendall(json.dumps(command).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                try:
                    chunk = connection.recv(65536)
                except TimeoutError:
                    raise Missing("the server (pid %d) did not do %s within %g s; it received:\n  %s" % (
                        self.pid, command, seconds, "\n  ".join(self.raw_lines()[-10:]))) from None
                if not chunk:
                    return None  # It ended, perhaps as told.
                answer += chunk
            return json.loads(answer)

    def do(self, *steps, seconds=PATIENCE):
        """Run a script that belongs to no call."""
        return self._control({"steps": list(steps)}, seconds)

    def release(self, *keys):
        return self.do(*({"release": key} for key in keys))

    def wait(self, *has, count=1, seconds=PATIENCE):
        """Until so many received lines (or events: "(eof)", "(term)", "(hold KEY)") contain all these texts."""
        return self._control({"wait": {"has": list(has), "count": count}}, seconds)

    def alive(self):
        return alive(self.pid)


def parent_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def content_of(path):
    """Empty where it is gone, or not ours to read: the environment of a daemon, which cannot be dumped, is root's."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


class Home:
    """A HEARTH_HOME of one test. finish() shuts the daemon down and insists that nothing is left of it."""

    def __init__(self, prefix="hearth-e2e."):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.hearth_home = os.path.join(self.dir, "h")
        self.fake_dir = os.path.join(self.dir, "f")
        self.user_home = os.path.join(self.dir, "u")
        self.project = os.path.join(self.dir, "p")
        for path in (self.hearth_home, self.fake_dir, self.user_home, self.project):
            os.mkdir(path, 0o700)
        self.clients = []
        self.foreground = []  # Processes of `hearth serve`.

    # --- places

    @property
    def run_dir(self):
        return os.path.join(self.hearth_home, "run")

    @property
    def socket_path(self):
        return os.path.join(self.run_dir, "hearthd.sock")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def directory(self, name):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def environment(self, **more):
        """What a client gives its children; the same each time, whatever the tester's shell has."""
        env = {"HOME": self.user_home, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "tester",
               "HEARTH_HOME": self.hearth_home,
               # Tests look into daemons through /proc, which one that cannot be dumped denies to its own user.
               "HEARTH_CORE_DUMPS": "yes" if os.getuid() != 0 else None}
        env.update(more)
        return {name: value for name, value in env.items() if value is not None}

    # --- clients

    def fake(self, *flags):
        return [FAKE, "--dir", self.fake_dir, *flags]

    def shim(self, command, name=None, scope=None, variables=(), ignored=()):
        """The command line that a client would have in its file."""
        if DIRECT:
            return command
        argv = [HEARTH, "run"]
        if name:
            argv += ["--name", name]
        if scope:
            argv += ["--scope", scope]
        for variable in variables:
            argv += ["--env", variable]
        for pattern in ignored:
            argv += ["--ignore-env", pattern]
        return argv + ["--"] + command

    def spawn(self, argv, env=None, cwd=None, transport="pipe"):
        """A client that has not said anything yet."""
        label = "session %d" % (len(self.clients) + 1)
        client = Client(argv, self.environment(**(env or {})), cwd or self.project, label,
                        self.path("stderr.%d" % (len(self.clients) + 1)), transport)
        self.clients.append(client)
        return client

    def open(self, *flags, name=None, scope=None, variables=(), ignored=(), env=None, cwd=None, transport="pipe"):
        """A client of the fake server, not yet initialised."""
        return self.spawn(self.shim(self.fake(*flags), name, scope, variables, ignored), env, cwd, transport)

    def client(self, *flags, revision="2025-11-25", capabilities=None, name="fake", client_name="testbed", **rest):
        """A client of the fake server, ready to call."""
        client = self.open(*flags, name=name, **rest)
        client.initialize(revision, capabilities, client_name)
        return client

    def clients_of(self, count, *flags, **rest):
        return [self.client(*flags, **rest) for _ in range(count)]

    # --- fake servers

    def servers(self):
        """Every fake server that was started, in order of start, dead ones included."""
        servers = [Server(path) for path in glob.glob(os.path.join(self.fake_dir, "*.record"))]
        servers = [server for server in servers if os.path.getsize(server.record) > 0]
        return sorted(servers, key=lambda server: server.facts["at"])

    def server(self):
        """The one there is."""
        servers = self.servers()
        if len(servers) != 1:
            raise AssertionError("expected one server, but %d were started: %s" % (
                len(servers), [server.pid for server in servers]))
        return servers[0]

    def wait_server(self, count=1, seconds=PATIENCE):
        """Until so many servers have been started and can be spoken to; the last of them."""
        def last():
            sockets = glob.glob(os.path.join(self.fake_dir, "*.sock"))
            servers = self.servers()
            ready = [server for server in servers if server.record[:-len("record")] + "sock" in sockets]
            return ready[-1] if len(ready) >= count else None
        return DirectoryWatch(self.fake_dir).until("server number %d" % count, last, seconds)

    # --- the command line

    def hearth(self, *args, env=None, cwd=None, check=True, seconds=PATIENCE, stdin=subprocess.DEVNULL):
        done = subprocess.run([HEARTH, *args], env=self.environment(**(env or {})), cwd=cwd or self.project, stdin=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds)
        if check and done.returncode != 0:
            raise AssertionError("hearth %s: status %d\n%s%s" % (" ".join(args), done.returncode, done.stdout, done.stderr))
        return done

    def status(self):
        return json.loads(self.hearth("status", "--json").stdout)

    def status_of(self, name="fake"):
        return [server for server in self.status()["servers"] if server["name"] == name]

    def wait_sessions(self, count):
        """Until so many are attached. The first of them may have to start the daemon yet."""
        def attached():
            done = self.hearth("status", "--json", check=False)
            return done.returncode == 0 and len(json.loads(done.stdout)["sessions"]) == count
        eventually("that %d sessions are attached" % count, attached)

    def daemon_pid(self):
        return self.status()["daemon"]["pid"]

    def config(self, text):
        text = text if isinstance(text, str) else json.dumps(text)
        with open(os.path.join(self.hearth_home, "config.json"), "w", encoding="utf-8") as file:
            file.write(text)
        return os.path.join(self.hearth_home, "config.json")

    # --- HTTP towards clients

    def serve(self, servers, http=None, env=None, port=None, **config):
        """`hearth serve` in the foreground with this configuration; the port that it listens on. Without a token, unless
        `http` says otherwise."""
        self.port = port or free_port()
        settings = {"token": None, **(http or {}), "port": self.port}
        settings = {name: value for name, value in settings.items() if value is not ABSENT}
        self.config({"http": settings, "mcpServers": servers, **config})
        self.serve_again(env)
        return self.port

    def by_hand(self):
        """`hearth serve` without a port, once it takes connections."""
        process = subprocess.Popen([HEARTH, "serve"], env=self.environment(), cwd=self.project, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.foreground.append(process)
        eventually("that it serves", lambda: self.hearth("status", check=False).returncode == 0)
        return process

    def serve_again(self, env=None):
        """The same once more, after the one before has ended."""
        log = self.path("serve.%d" % len(self.foreground))
        with open(log, "wb") as file:
            process = subprocess.Popen([HEARTH, "serve", "--port", str(self.port)], env=self.environment(**(env or {})),
                                       cwd=self.project, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.foreground.append(process)
        eventually("that Hearth listens", lambda: process.poll() is not None or listens(self.port))
        if process.poll() is not None:
            with open(log, encoding="utf-8", errors="replace") as file:
                said = file.read()[-2000:]
            # A session's shim was faster. The daemon that it started reads the same file, and listens as well.
            if "a daemon runs already" not in said:
                raise AssertionError("hearth serve ended with status %d: %s" % (process.returncode, said))
            eventually("that the other daemon listens", lambda: listens(self.port))
        return process

    # --- what is left

    def processes(self):
        """Every process that belongs to this test: it carries our directory in its environment or command line."""
        mark, found = self.dir.encode(), {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            command, environment = (content_of("/proc/%s/%s" % (entry, name)) for name in ("cmdline", "environ"))
            if (mark in command or mark in environment) and alive(int(entry)):
                found[int(entry)] = command.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return found

    def daemons(self):
        """The daemons of this home; the guard that each keeps as a child is none."""
        found = [pid for pid, command in self.processes().items() if command.split(" ")[0].endswith("hearthd")]
        return [pid for pid in found if parent_of(pid) not in found]

    def logs(self):
        for path in sorted(glob.glob(os.path.join(self.hearth_home, "**", "*.log"), recursive=True)):
            with open(path, "rb") as file:
                yield path, file.read()[-4000:].decode("utf-8", "replace")

    def shutdown(self):
        """The daemon is gone afterwards, and with it everything it had started."""
        if DIRECT or not os.path.exists(self.socket_path):
            return
        self.hearth("shutdown", check=False)

    def finish(self, test=None):
        for client in self.clients:
            client.dispose()
        left = {}
        try:
            self.shutdown()
            for process in self.foreground:
                process.wait(15)
            eventually("that nothing is left", lambda: not self.processes(), 15)
        except (Missing, subprocess.TimeoutExpired):
            left = self.processes()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        socket_left = not DIRECT and os.path.exists(self.socket_path)
        if test is not None and test.failed():
            for path, text in self.logs():
                print("--- %s\n%s" % (path, text))
            for client in self.clients:
                if client.stderr():
                    print("--- stderr of %s\n%s" % (client.label, client.stderr()[-2000:]))
        shutil.rmtree(self.dir, ignore_errors=True)
        if left:
            raise AssertionError("left behind: %s" % left)
        if socket_left:
            raise AssertionError("the daemon left its socket behind")


class Case(unittest.TestCase):
    """A test with a home of its own."""

    maxDiff = 2000

    def setUp(self):
        self.home = Home()
        self.addCleanup(lambda: self.home.finish(self))

    def failed(self):
        outcome = getattr(self, "_outcome", None)
        return outcome is not None and not outcome.success

    def client(self, *flags, **rest):
        return self.home.client(*flags, **rest)

    def server(self):
        return self.home.server()

    def assert_gone(self, pid, what, seconds=PATIENCE):
        """The process ends, and is not a zombie of ours."""
        self.assertTrue(wait_gone(pid, seconds), "%s (pid %d) is still there" % (what, pid))
