"""What a server inherits is its session's, and what a daemon inherits is nobody's: limits, priority, namespaces, launchers."""
import json
import os
import shutil
import signal
import subprocess
import unittest

from client import RpcError, wait_gone
from world import HEARTH, Case, eventually, needs_hearth

# Prints what a process sees of itself, as a server that answers everything with it.
FACTS = r"""
import json, os, resource, sys
mask = os.umask(0); os.umask(mask)
facts = {"umask": mask, "nice": os.nice(0), "cpus": sorted(os.sched_getaffinity(0)), "net": os.readlink("/proc/self/ns/net"),
         "oom": open("/proc/self/oom_score_adj").read().strip(), "policy": os.sched_getscheduler(0),
         **{name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}}
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message: continue
    if message["method"] == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "facts", "version": "1"}}
    else:
        result = {"content": [{"type": "text", "text": json.dumps(facts)}]}
    if message["method"] == "server/discover":
        answer = {"error": {"code": -32601, "message": "no"}}
    else:
        answer = {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""


# Sanitizers take terabytes of addresses.
SANITIZED = "HEARTH_SANITIZE" in os.environ
ADDRESS_SPACE = "true" if SANITIZED else "ulimit -v 4000000"
SOFT_ADDRESS_SPACE = "true" if SANITIZED else "ulimit -S -v 4000000"


def can(*argv):
    """Whether this machine lets this user do it."""
    return shutil.which(argv[0]) is not None and subprocess.run([*argv, "true"], capture_output=True).returncode == 0


def limits_of(pid):
    """"Max cpu time" → ("unlimited", "unlimited")"""
    with open("/proc/%d/limits" % pid) as file:
        return {line[:26].strip(): tuple(line[26:].split()[:2]) for line in file.readlines()[1:]}


def may_lift_limits():
    """CAP_SYS_RESOURCE: then no limit binds what we start."""
    with open("/proc/self/status") as file:
        effective, = [line.split()[1] for line in file if line.startswith("CapEff:")]
    return bool(int(effective, 16) >> 24 & 1)


class Surroundings(Case):
    def under(self, burden, *argv):
        """The command line after what a shell does first; what it leaves in "$@" is run."""
        return ["sh", "-c", burden + '\nexec "$@"', "sh", *argv]

    def server_command(self, tag):
        return ["python3", "-c", FACTS, tag]

    def facts(self, burden, tag, direct=False):
        command = self.server_command(tag)
        session = self.home.spawn(self.under(burden, *(command if direct else self.home.shim(command, tag))))
        session.initialize("2025-06-18")
        return json.loads(session.tool("facts", {}))


@needs_hearth
class TestInheritance(Surroundings):
    BURDENS = {
        "umask": "umask 077",
        "open umask": "umask 000",
        "open files": "ulimit -n 256",
        "soft open files": "ulimit -S -n 200",
        "cpu": "ulimit -t 1000",
        "file size": "ulimit -f 100000",
        "memory": ADDRESS_SPACE,
        "core": "ulimit -c 0",
        "stack": "ulimit -s 4096",
        "priority": 'set -- nice -n 5 "$@"',
        "affinity": 'set -- taskset -c $(taskset -cp $$ | sed "s/.*: *//; s/[-,].*//") "$@"',
        "out of memory": 'echo 300 > /proc/self/oom_score_adj',
        "policy": 'set -- chrt -b 0 "$@"',
    }

    def test_a_server_has_what_its_session_has_whoever_started_the_daemon(self):
        """umask 077, nice 7 and 256 open files of the first session were imposed on everybody's servers."""
        everything = "\n".join(self.BURDENS.values())
        self.assertEqual(self.facts(everything, "first"), self.facts(everything, "first", direct=True))
        self.assertEqual(self.facts("", "second"), self.facts("", "second", direct=True))
        for name, burden in self.BURDENS.items():
            with self.subTest(name):
                self.assertEqual(self.facts(burden, name.replace(" ", "-")), self.facts(burden, "x", direct=True))

    def test_the_next_start_of_a_server_is_like_the_first(self):
        before = self.facts("umask 027; ulimit -S -n 300", "kept")
        self.home.hearth("restart", "kept")
        session = self.home.clients[-1]
        self.assertEqual(json.loads(session.tool("facts", {})), before)

    def test_a_daemon_is_not_limited_by_the_session_that_starts_it(self):
        self.facts('umask 0; ulimit -S -t 5; ulimit -S -f 100; %s; set -- nice -n 5 "$@"' % SOFT_ADDRESS_SPACE, "soft")
        pid = self.home.daemon_pid()
        limits = limits_of(pid)
        for name in ("Max cpu time", "Max file size", "Max address space"):
            self.assertEqual(limits[name][0], limits[name][1], name)
            self.assertEqual(limits[name][0], limits_of(os.getpid())[name][1], name)
        with open("/proc/%d/status" % pid) as file:
            self.assertIn("Umask:\t0077", file.read())

    def test_a_limit_that_cannot_be_lifted_stays_with_its_session(self):
        """ulimit -t ended the daemon, with everybody's calls, after that many seconds of CPU."""
        self.facts("ulimit -t 2; ulimit -f 100000; ulimit -n 64", "limited")
        session = self.home.client()
        session.sync()
        limits = limits_of(self.home.daemon_pid())
        ours = limits_of(os.getpid())
        for name in ("Max cpu time", "Max file size", "Max open files"):
            self.assertEqual(limits[name][1], ours[name][1], name)
        self.home.hearth("shutdown")
        eventually("that both daemons end", lambda: not self.home.daemons())

    def test_a_session_with_hardly_any_limits_left_does_not_stand_in_the_way_of_others(self):
        """A daemon with 24 descriptors hangs up before it can send anybody elsewhere."""
        for limit in ("-n 24", "-n 12", "-n 7", "-f 0"):
            with self.subTest(limit):
                first = self.home.spawn(self.under("ulimit " + limit, *self.home.shim(self.home.fake(), "first")))
                try:
                    first.initialize()
                except RpcError as error:
                    self.assertRegex(str(error), "Too many open files|File too large|too few|limit")
                second = self.home.client()
                second.sync()
                second.close()
                first.close()
                self.home.hearth("shutdown")
                eventually("that all daemons end", lambda: not self.home.daemons())

    def test_a_session_that_may_write_no_file_works_and_ends_with_its_daemon(self):
        """`hearth run` was ended by SIGXFSZ without a word, and so was a daemon whose log was full."""
        for tag, burden in (("hard", "ulimit -f 1"), ("soft", "ulimit -S -f 1"), ("none", "ulimit -f 0")):
            with self.subTest(burden):
                self.assertEqual(self.facts(burden, tag), self.facts(burden, "x", direct=True))
        session = self.home.spawn(self.under("ulimit -f 1", *self.home.shim(self.server_command("hard"), "hard")))
        session.initialize("2025-06-18")
        for pid in self.home.daemons():
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(wait_gone(pid))
        if may_lift_limits():
            session.tool("facts", {})
            return
        self.assertEqual(session.wait_exit(), 1)
        self.assertIn("hearth: the daemon has ended, and the limit of file sizes left this session no journal", session.stderr())

    def test_a_daemon_that_runs_out_of_cpu_time_makes_way_for_the_next(self):
        session = self.home.client()
        session.sync()
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGXCPU)
        self.assert_gone(pid, "the daemon")
        session.sync()


@needs_hearth
class TestSandbox(Surroundings):
    def setUp(self):
        super().setUp()
        if not can("unshare", "-n"):
            self.skipTest("this user may not make namespaces: unshare -n fails")

    def net(self, session):
        return json.loads(session.tool("facts", {}))["net"]

    def open_facts(self, *before):
        session = self.home.spawn([*before, *self.home.shim(self.server_command("facts"), "facts", "user")])
        session.initialize("2025-06-18")
        return session

    def test_a_server_lives_where_its_session_lives_whichever_came_first(self):
        here = os.readlink("/proc/self/ns/net")
        for order in ("outside first", "inside first"):
            with self.subTest(order):
                opened = {}
                for place in (("outside", "inside") if order == "outside first" else ("inside", "outside")):
                    opened[place] = self.open_facts(*(["unshare", "-n"] if place == "inside" else []))
                self.assertEqual(self.net(opened["outside"]), here)
                self.assertNotEqual(self.net(opened["inside"]), here)
                again = self.open_facts()
                self.assertEqual(self.net(again), here)
                self.assertEqual(len(self.home.daemons()), 2)
                self.home.hearth("shutdown")
                eventually("that both daemons end", lambda: not self.home.daemons())

    def test_sessions_of_one_sandbox_share(self):
        self.home.client().sync()
        outer = self.open_facts()
        with subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE) as holder:
            enter = ["nsenter", "--net=/proc/%d/ns/net" % holder.pid]
            eventually("the namespace", lambda: os.readlink("/proc/%d/ns/net" % holder.pid) != self.net(outer))
            one, other = self.open_facts(*enter), self.open_facts(*enter)
            self.assertEqual(self.net(one), self.net(other))
            self.assertIn("another daemon runs", self.home.hearth("status").stderr)
            self.assertNotEqual(self.net(one), self.net(outer))
            self.assertEqual(len(self.home.daemons()), 2)
            status = subprocess.run([*enter, HEARTH, "status", "--json"], env=self.home.environment(), capture_output=True)
            self.assertEqual(len(json.loads(status.stdout)["sessions"]), 2)
            holder.stdin.close()

    def test_the_daemon_of_a_sandbox_survives_its_death_there(self):
        self.home.client().sync()
        session = self.open_facts("unshare", "-n")
        before = self.net(session)
        outside = self.home.daemon_pid()
        inside, = [pid for pid in self.home.daemons() if pid != outside]
        os.kill(inside, signal.SIGKILL)
        self.assertTrue(wait_gone(inside))
        self.assertEqual(self.net(session), before)
        self.assertEqual(self.home.daemon_pid(), outside)

    def test_where_no_other_daemon_can_be_had_the_reason_is_said(self):
        self.home.client().sync()
        blocked = os.path.join(self.home.run_dir, "apart")
        with open(blocked, "w"):
            pass
        session = self.home.spawn(["unshare", "-n", *self.home.shim(self.home.fake(), "fake")])
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        for words in ("another network namespace", blocked, "HEARTH_HOME"):
            self.assertIn(words, str(caught.exception))


@needs_hearth
class TestLaunchers(Surroundings):
    def launched(self, *launcher, flags=()):
        session = self.home.spawn(self.home.shim([*launcher, *self.home.fake(*flags)], "launched"))
        session.initialize()
        self.assertEqual(session.echo("x"), "x")
        return session

    def test_setsid_and_shells_that_go(self):
        """setsid(1) forks if it leads a process group, and ends with 0: the server was killed as an orphan."""
        goes = 'exec 3<&0; "$0" "$@" <&3 3<&- & exit 0'
        for launcher in (["setsid"], ["setsid", "--wait"], ["sh", "-c", goes], ["sh", "-c", "sh -c '%s' \"$0\" \"$@\"" % goes],
                         ["setsid", "sh", "-c", goes], ["env", "-i", "setsid"], ["sh", "-c", 'sleep 0.3; exec "$0" "$@"']):
            with self.subTest(" ".join(launcher)):
                session = self.launched(*launcher)
                server = self.home.servers()[-1]
                if launcher == ["setsid"]:
                    eventually("that status names the server", lambda: server.pid in self.pids_in_status())
                self.home.hearth("stop", "launched")
                self.assert_gone(server.pid, "the server")
                self.assertEqual(session.echo("again"), "again")
                self.home.hearth("stop", "launched")
                session.close()

    def pids_in_status(self):
        return [server["pid"] for server in self.home.status()["servers"]]

    def test_its_crash_is_told_and_it_is_started_again(self):
        session = self.launched("setsid")
        with self.assertRaises(RpcError) as caught:
            session.do({"exit": 3}).result()
        self.assertIn("status 3", str(caught.exception))
        self.assertEqual(session.echo("next"), "next")

    def test_it_leaves_with_its_sessions_and_with_a_daemon_that_dies(self):
        self.launched("setsid", flags=("--ignore-eof", "--ignore-term"))
        pid = self.home.servers()[-1].pid
        os.kill(self.home.daemon_pid(), signal.SIGKILL)
        self.assert_gone(pid, "the server of a dead daemon")


@needs_hearth
class TestPrivacy(Surroundings):
    def core_of(self, pid):
        return limits_of(pid)["Max core file size"][0]

    def dumpable(self, pid):
        """The files of a process that cannot be dumped belong to root; the owner tells only where we are not root."""
        return os.stat("/proc/%d/fd" % pid).st_uid == os.getuid()

    def test_a_daemon_leaves_no_core_unless_asked_for(self):
        self.home.client(env={"HEARTH_CORE_DUMPS": None}).sync()
        pid = self.home.daemon_pid()
        self.assertEqual(self.core_of(pid), "0")
        if os.getuid() != 0:
            self.assertFalse(self.dumpable(pid))
        self.home.hearth("shutdown")
        eventually("its end", lambda: not self.home.daemons())
        self.home.client(env={"HEARTH_CORE_DUMPS": "yes"}).sync()
        pid = self.home.daemon_pid()
        self.assertEqual(self.core_of(pid), limits_of(pid)["Max core file size"][1])
        self.assertTrue(self.dumpable(pid))
        self.assertEqual(os.readlink("/proc/%d/cwd" % pid), os.path.join(self.home.hearth_home, "state"))

    def test_a_configuration_of_somebody_else_is_refused(self):
        path = self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:]}}})
        words = "can be written by others"
        for mode in (0o666, 0o602):
            os.chmod(path, mode)
            session = self.home.spawn([HEARTH, "attach", "fake"])
            with self.assertRaises(RpcError) as caught:
                session.initialize()
            self.assertIn(words, str(caught.exception))
            self.assertIn(path, str(caught.exception))
            # A command has no need of the file, and is told.
            session = self.home.client()
            eventually("that it is told", lambda: words in session.stderr())
        os.chmod(path, 0o644)
        session = self.home.spawn([HEARTH, "attach", "fake"])
        session.initialize()
        session.sync()

    @unittest.skipUnless(os.getuid() == 0, "only root can give a file to another user")
    def test_a_configuration_that_belongs_to_another_user_is_refused(self):
        path = self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:]}}})
        os.chown(path, 12345, 12345)
        session = self.home.spawn([HEARTH, "attach", "fake"])
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        self.assertIn("belongs to another user (uid 12345)", str(caught.exception))

    def test_a_home_that_others_may_write_is_refused(self):
        os.chmod(self.home.hearth_home, 0o777)
        done = self.home.hearth("status", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the directory %s can be written by others" % self.home.hearth_home, done.stderr)
        session = self.home.open(name="fake")
        self.assertNotEqual(session.wait_exit(), 0)
        self.assertIn("can be written by others", session.stderr())
        os.chmod(self.home.hearth_home, 0o700)


@needs_hearth
class TestLostDirectory(Surroundings):
    def lost(self, how, *options):
        """A session that was started in a directory that can no longer be named."""
        ways = {
            "gone": "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
            "longer than a path may be": "[(os.makedirs(name, exist_ok=True), os.chdir(name)) for name in ['d' * 200] * 30]",
        }
        command = [HEARTH, "run", "--name", "fake", *options, "--", *self.home.fake()]
        return self.home.spawn(["python3", "-c", "import os, sys; %s; os.execv(sys.argv[1], sys.argv[1:])" % ways[how], *command])

    def test_it_is_refused_only_where_the_server_needs_it(self):
        for how, words in (("gone", "is gone"), ("longer than a path may be", "is longer than the system allows")):
            with self.subTest(how):
                session = self.lost(how, "--scope", "user")
                session.initialize()
                session.sync()
                for scope in ("project", "session"):
                    session = self.lost(how, "--scope", scope)
                    with self.assertRaises(RpcError) as caught:
                        session.initialize()
                    self.assertIn(words, str(caught.exception))
                    self.assertIn("scope user", str(caught.exception))
