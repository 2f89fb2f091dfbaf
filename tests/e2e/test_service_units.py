"""The units of `hearth service`: what is in them, who may replace them, and what systemd is told."""
import json
import os
import plistlib
import shutil
import stat
import subprocess
import unittest

from client import PATIENCE
from fake_systemd import FAKE_SYSTEMCTL, FakeManager
from world import HEARTH, Case, needs_hearth


@needs_hearth
class UnitCase(Case):
    def setUp(self):
        super().setUp()
        self.bin = self.home.directory("bin")
        self.units = os.path.join(self.home.user_home, ".config/systemd/user")
        with open(os.path.join(self.bin, "systemctl"), "w") as file:
            file.write(FAKE_SYSTEMCTL % {"dir": self.home.dir})
        os.chmod(os.path.join(self.bin, "systemctl"), 0o755)

    def service(self, *words, env=None, check=True, path=None):
        env = {"PATH": path or self.bin + ":/usr/bin:/bin", **(env or {})}
        return self.home.hearth("service", *words, env=env, check=check)

    def set(self, name, text=""):
        with open(self.home.path(name), "w") as file:
            file.write(text)

    def calls(self):
        """What systemctl was told, without the words that it is always told."""
        try:
            with open(self.home.path("calls")) as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        begin = "--user --no-pager --no-ask-password "
        for line in lines:
            self.assertTrue(line.startswith(begin), line)
        os.unlink(self.home.path("calls"))
        return [line[len(begin):] for line in lines if "show" not in line]

    def there(self):
        return sorted(os.listdir(self.units)) if os.path.isdir(self.units) else []

    def unit(self, name):
        with open(os.path.join(self.units, name)) as file:
            return file.read()


@needs_hearth
class TestUnits(UnitCase):
    def verify(self, *words, env=None):
        printed = self.service("install", "--print", *words, env=env).stdout
        self.assertEqual((self.there(), self.calls()), ([], []), "printing has no effects")
        directory = self.home.directory("verify")
        names, text = [], {}
        for line in printed.splitlines(keepends=True):
            if line.startswith("# hearthd") and line.strip()[2:] in ("hearthd.service", "hearthd.socket", "hearthd-http.socket"):
                names.append(line.strip()[2:])
                text[names[-1]] = ""
            else:
                text[names[-1]] += line
        for name in names:
            with open(os.path.join(directory, name), "w") as file:
                file.write(text[name])
        done = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", *(os.path.join(directory, n) for n in names)],
                              env={**self.home.environment(), "XDG_RUNTIME_DIR": self.home.directory("runtime")},
                              capture_output=True, text=True, timeout=PATIENCE)
        # What it says of the machine's own units is not about ours.
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "hearth" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)
        return text

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed (package systemd)")
    def test_systemd_understands_every_line(self):
        units = self.verify(env={"HEARTH_HOME": None})
        self.assertEqual(sorted(units), ["hearthd.service", "hearthd.socket"])
        self.assertIn("\nListenStream=%t/hearth/hearthd.sock\n", units["hearthd.socket"])
        units = self.verify("--port", "8765", env={"HEARTH_HOME": None, "PATH": self.bin + ':/usr/bin:/a "b\\%h'})
        self.assertEqual(sorted(units), ["hearthd-http.socket", "hearthd.service", "hearthd.socket"])
        self.assertIn("\nListenStream=127.0.0.1:8765\n", units["hearthd-http.socket"])
        odd = self.home.directory('h "%h $x')
        units = self.verify(env={"HEARTH_HOME": odd})
        self.assertIn("ListenStream=" + odd.replace("%", "%%") + "/run/hearthd.sock\n", units["hearthd.socket"])

    def test_what_would_break_servers_is_not_in_the_unit(self):
        text = self.service("install", "--print").stdout
        settings = [line.split("=")[0] for line in text.splitlines() if "=" in line and not line.startswith("#")]
        for name in settings:
            self.assertFalse(name.startswith(("Protect", "Private", "Restrict", "SystemCall", "NoNew", "Memory", "Lock")), name)
        self.assertIn("Restart", settings)
        for name in ("NoNewPrivileges", "PrivateTmp", "ProtectSystem", "RestrictNamespaces"):
            self.assertIn(name, text, "the unit says why not")

    def test_launchd(self):
        done = self.service("install", "--print", "--launchd", "--port", "8765", env={"PATH": self.bin + ":/a&b"})
        agent = plistlib.loads(done.stdout.encode())
        self.assertEqual(agent["ProgramArguments"],
                         [HEARTH, "--home", self.home.hearth_home, "serve", "--port", "8765"])
        self.assertEqual(agent["EnvironmentVariables"]["PATH"], self.bin + ":/a&b")

    def test_printing_needs_neither_systemd_nor_a_home(self):
        done = self.home.hearth("service", "install", "--print", env={"PATH": "/nonexistent", "HOME": None})
        self.assertIn("[Socket]", done.stdout)

    def test_mistakes(self):
        for words, why in ((["install", "--port", "0"], "from 1 to 65535"), (["install", "--port", "x"], "from 1 to 65535"),
                           (["install", "--launchd"], "--launchd goes with --print"), (["remove"], "not 'remove'"),
                           (["status", "--print"], "of use with install only"), (["install", "--json"], "with status only"),
                           (["uninstall", "--port", "1"], "of use with install only")):
            done = self.service(*words, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(why, done.stderr)
        self.assertEqual(self.calls(), [])


@needs_hearth
class TestInstall(UnitCase):
    def test_install_writes_and_enables(self):
        done = self.service("install")
        self.assertEqual(self.there(), ["hearthd.service", "hearthd.socket"])
        self.assertEqual(self.calls(), ["daemon-reload", "enable --now hearthd.socket"])
        for name in self.there():
            mode = os.stat(os.path.join(self.units, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o644)
            self.assertTrue(self.unit(name).startswith("# Written by 'hearth service install'"))
        self.assertIn('ExecStart="%s" --home "%s" serve' % (HEARTH, self.home.hearth_home), self.unit("hearthd.service"))
        for words in ("systemd listens on " + self.home.socket_path, "loginctl enable-linger"):
            self.assertIn(words, done.stdout)

    def test_a_port_is_a_unit_of_its_own_and_stays(self):
        self.service("install", "--port", "8765")
        self.assertEqual(self.there(), ["hearthd-http.socket", "hearthd.service", "hearthd.socket"])
        self.assertEqual(self.calls(), ["daemon-reload", "enable --now hearthd.socket", "enable --now hearthd-http.socket"])
        self.service("install")
        self.assertIn("127.0.0.1:8765", self.unit("hearthd-http.socket"))
        self.assertIn("Sockets=hearthd.socket hearthd-http.socket", self.unit("hearthd.service"))

    def test_xdg_config_home(self):
        where = self.home.directory("xdg")
        self.service("install", env={"XDG_CONFIG_HOME": where})
        self.assertEqual(self.there(), [])
        self.assertIn("hearthd.socket", os.listdir(os.path.join(where, "systemd/user")))
        self.service("install", env={"XDG_CONFIG_HOME": "relative"})
        self.assertEqual(len(self.there()), 2)

    def test_what_we_did_not_write_is_left_alone(self):
        os.makedirs(self.units)
        for name in ("hearthd.service", "hearthd-http.socket"):
            path = os.path.join(self.units, name)
            for make in (lambda: self.put(path, "[Service]\n"), lambda: os.symlink("/dev/null", path)):
                make()
                for action in ("install", "uninstall"):
                    done = self.service(action, check=False)
                    self.assertEqual(done.returncode, 1, done.stdout)
                    self.assertIn(path, done.stderr)
                self.assertEqual((self.there(), self.calls()), ([name], []))
                os.unlink(path)

    def put(self, path, text):
        with open(path, "w") as file:
            file.write(text)

    def test_no_user_manager(self):
        self.set("unreachable")
        done = self.service("install", "--port", "8765")
        self.assertEqual(len(self.there()), 3)
        self.assertEqual(self.calls(), [])
        for words in ("No medium found", "systemctl --user daemon-reload", "loginctl enable-linger", "hearth serve",
                      "systemctl --user enable --now hearthd.socket hearthd-http.socket"):
            self.assertIn(words, done.stdout)

    def test_no_systemd(self):
        done = self.service("install", path="/nonexistent", check=False)
        self.assertEqual((done.returncode, self.there()), (1, []))
        for words in ("no systemctl in PATH", "nothing was written", "Sessions start the daemon by themselves", "hearth serve"):
            self.assertIn(words, done.stderr)

    def test_a_home_of_another_user(self):
        if os.getuid() != 0:
            self.skipTest("only root can make a directory of another user")
        os.chown(self.home.user_home, 12345, 12345)
        done = self.service("install", check=False)
        self.assertEqual((done.returncode, self.there()), (1, []))
        self.assertIn("belongs to uid 12345", done.stderr)

    def test_a_socket_that_cannot_be_opened(self):
        self.set("fails")
        done = self.service("install", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Job for it failed.", done.stderr)
        self.assertIn("journalctl --user -u hearthd.socket", done.stderr)

    def test_a_daemon_that_runs_goes_on(self):
        client = self.client()
        pid = self.home.daemon_pid()
        done = self.service("install")
        self.assertEqual(self.calls(), ["daemon-reload", "enable --now hearthd.socket", "start hearthd.service"])
        self.assertIn("that a session has started (process %d). The service takes its place" % pid, done.stdout)
        client.sync()

    def test_a_daemon_in_the_foreground_goes_on(self):
        by_hand = self.home.by_hand()
        done = self.service("install")
        self.assertEqual(self.calls(), ["daemon-reload", "enable hearthd.socket"])
        self.assertIn("that 'hearth serve' has started (process %d); it goes on" % by_hand.pid, done.stdout)
        self.assertIn("hearth --home %s shutdown && systemctl --user start hearthd.socket" % self.home.hearth_home, done.stdout)
        self.assertIn("lets systemd take over", self.service("status").stdout)

    def test_another_port_is_listened_on_at_once(self):
        self.service("install", "--port", "8765")
        self.calls()
        self.service("install", "--port", "8766")
        self.assertEqual(self.calls(), ["daemon-reload", "enable --now hearthd.socket", "restart hearthd.socket",
                                        "enable --now hearthd-http.socket", "restart hearthd-http.socket"])

    def test_the_service_of_another_home_is_left_alone(self):
        self.service("install")
        self.calls()
        for action in ("install", "uninstall"):
            done = self.home.hearth("--home", self.home.path("other"), "service", action, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is for another home", done.stderr)
        self.assertEqual(self.calls(), [])
        self.assertIn("hearthd.service", self.there())

    def test_files_go_although_systemd_does_not_know_the_units(self):
        self.service("install")
        self.set("fails")
        done = self.service("uninstall", check=False)
        self.assertEqual((done.returncode, self.there()), (1, []))

    def test_uninstall(self):
        self.service("install", "--port", "8765")
        wants = os.path.join(self.units, "sockets.target.wants")
        os.mkdir(wants)
        os.symlink(os.path.join(self.units, "hearthd.socket"), os.path.join(wants, "hearthd.socket"))
        os.symlink("/elsewhere", os.path.join(wants, "hearthd-http.socket"))
        self.calls()
        self.service("uninstall")
        self.assertEqual(self.calls(), ["disable --now hearthd-http.socket hearthd.socket hearthd.service", "daemon-reload"])
        self.assertEqual((self.there(), os.listdir(wants)), (["sockets.target.wants"], ["hearthd-http.socket"]))
        self.assertIn("no service is installed", self.service("uninstall").stdout)

    def test_uninstall_without_a_manager(self):
        self.service("install")
        self.set("unreachable")
        done = self.service("uninstall")
        self.assertEqual(self.there(), [])
        self.assertIn("systemctl --user daemon-reload", done.stdout)


@needs_hearth
class TestStatus(UnitCase):
    def test_not_installed(self):
        done = self.service("status", check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("hearthd.socket: not installed", done.stdout)
        self.assertIn("no daemon runs; the first session starts it", done.stdout)

    def test_installed_and_listening(self):
        self.service("install", "--port", "8765")
        self.set("state", "UnitFileState=enabled\nActiveState=active\n")
        done = self.service("status", env={"PATH": self.bin + ":/bin"})
        self.assertIn("hearthd.socket: installed, enabled, active", done.stdout)
        self.assertIn("hearthd-http.socket: installed, enabled, active", done.stdout)
        self.assertIn("no daemon runs; systemd starts it when a session comes", done.stdout)
        units = json.loads(self.service("status", "--json").stdout)["units"]
        self.assertEqual([(unit["file"], unit["enabled"]) for unit in units], [("current", "enabled")] * 3)

    def test_a_file_that_is_not_what_this_version_writes(self):
        self.service("install")
        with open(os.path.join(self.units, "hearthd.service"), "a") as file:
            file.write("Nice=5\n")
        self.assertIn("hearthd.service: installed, but not what this version writes", self.service("status").stdout)
        with open(os.path.join(self.units, "hearthd.service"), "w") as file:
            file.write("[Service]\n")
        self.assertIn("hearthd.service was not written by Hearth", self.service("status").stdout)

    def test_no_manager(self):
        self.service("install")
        self.set("unreachable")
        done = self.service("status")
        self.assertIn("No medium found", done.stdout)
        self.assertIn("No medium found", json.loads(self.service("status", "--json").stdout)["unreachable"])

    def test_which_daemon_serves(self):
        self.service("install")
        client = self.client()
        pid = self.home.daemon_pid()
        said = self.service("status").stdout
        self.assertIn("process %d" % pid, said)
        self.assertIn("started by a session", said)
        self.assertIn("the service takes its place", said)
        client.dispose()
        self.home.hearth("shutdown")
        manager = FakeManager(self.home)
        self.addCleanup(manager.close)
        service = manager.start()
        manager.until("READY=1")
        said = self.service("status").stdout
        self.assertIn("process %d" % service.pid, said)
        self.assertIn("started by systemd", said)
        self.assertEqual(json.loads(self.service("status", "--json").stdout)["daemon"]["startedBy"], "service")
