"""config.json: attaching by name, expansion, defaults, and mistakes said with line and column."""
import json
import os

from client import RpcError
from world import HEARTH, Case, eventually, needs_hearth


@needs_hearth
class ConfigCase(Case):
    def attach(self, name, **rest):
        return self.home.spawn([HEARTH, "attach", name], **rest)

    def entry(self, *flags, **more):
        return {"command": self.home.fake()[0], "args": [*self.home.fake()[1:], *flags], **more}

    def refused(self, name="fake", **rest):
        """The sentence with which a session of that entry is refused, to the client and on stderr alike."""
        session = self.attach(name, **rest)
        with self.assertRaises(RpcError) as caught:
            session.initialize()
        self.assertIn("hearth", session.stderr())
        return str(caught.exception)


class TestStricterSettings(ConfigCase):
    """An entry and a run of the same command share a process, and the entry says that it takes one call at a time."""

    def check(self, entry_first):
        self.home.config({"mcpServers": {"fake": self.entry(calls="one")}})
        by_entry, by_run = lambda: self.attach("fake"), lambda: self.home.open(name="fake")
        first, second = (by_entry(), by_run()) if entry_first else (by_run(), by_entry())
        first.initialize(), second.initialize()
        self.assertEqual(len(self.home.servers()), 1)
        calls = [session.do({"hold": "key %d" % number}, {"text": str(number)})
                 for number in range(25) for session in (first, second)]
        for number in range(25):
            self.home.server().release("key %d" % number)
        self.assertEqual([call.text() for call in calls], [str(number) for number in range(25) for _ in range(2)])
        first.echo()
        held = second.do({"hold": "last"}, {"text": "done"})
        self.home.server().wait('"last"')
        behind = [session.start_tool("echo", {"text": "behind"}) for session in (first, second)]
        eventually("that two calls wait", lambda: self.home.status_of()[0]["waiting"] == 2)
        self.assertIn("calls: one", self.home.status_of()[0]["oneAtATime"])
        self.home.server().release("last")
        self.assertEqual([call.text() for call in (held, *behind)], ["done", "behind", "behind"])

    def test_the_entry_comes_first(self):
        self.check(entry_first=True)

    def test_the_run_comes_first(self):
        self.check(entry_first=False)


class TestEntries(ConfigCase):
    def test_an_entry_is_shared_by_its_sessions(self):
        self.home.config({"mcpServers": {"fake": self.entry()}})
        a, b = self.attach("fake"), self.attach("fake")
        a.initialize(), b.initialize()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        self.assertEqual(self.home.status_of()[0]["sessions"], 2)
        self.assertEqual(len(self.home.servers()), 1)

    def test_comments_and_trailing_commas(self):
        self.home.config('// ours\n{"mcpServers": { /* one */ "fake": {"command": %s, "args": %s,},},}' % (
            json.dumps(self.home.fake()[0]), json.dumps(self.home.fake()[1:])))
        a = self.attach("fake")
        a.initialize()
        a.sync()

    def test_environment_directory_and_expansion(self):
        """Variables are those of the session that asks, not of whoever started the daemon."""
        self.home.config({"mcpServers": {"fake": self.entry(
            "--tag", "${TAG:-none}", env={"WHO": "${USER}", "WHERE": "${project}", "MORE": "${UNSET_VARIABLE:-less}"},
            cwd="${project}/sub")}})
        os.mkdir(os.path.join(self.home.project, "sub"))
        self.client("--tag", "first", env={"USER": "nobody"}).sync()
        a = self.attach("fake", env={"USER": "grace", "TAG": "t"})
        a.initialize()
        a.sync()
        server = self.home.servers()[-1]
        environment = server.environment()
        self.assertEqual((environment["WHO"], environment["WHERE"], environment["MORE"]), ("grace", self.home.project, "less"))
        self.assertEqual(server.facts["cwd"], os.path.join(self.home.project, "sub"))
        with open("/proc/%d/cmdline" % server.pid) as file:
            self.assertIn("--tag\0t\0", file.read())

    def test_an_unset_variable_without_default_is_said(self):
        self.home.config({"mcpServers": {"fake": self.entry("--tag", "${NOT_SET_ANYWHERE}")}})
        session = self.attach("fake")
        try:
            session.initialize()
        except RpcError as error:
            self.assertIn("NOT_SET_ANYWHERE", str(error))
        else:
            self.fail("an unset variable was passed on as something")

    def test_scope_of_an_entry(self):
        self.home.config({"mcpServers": {"mine": self.entry("--tag", "mine", scope="session"),
                                         "ours": self.entry("--tag", "ours", scope="user")}})
        for name in ("mine", "ours"):
            for folder in ("one", "two"):
                session = self.attach(name, cwd=self.home.directory(folder))
                session.initialize()
        self.assertEqual(len(self.home.servers()), 3)

    def test_defaults_apply_to_all(self):
        self.home.config({"defaults": {"idleTimeoutMs": 100}, "mcpServers": {"fake": self.entry()}})
        a = self.attach("fake")
        a.initialize()
        a.close()
        self.assert_gone(self.server().pid, "the idle server")

    def test_a_change_of_the_file_is_seen_by_the_next_session(self):
        self.home.config({"mcpServers": {"one": self.entry("--tag", "1")}})
        self.attach("one").initialize()
        self.home.config({"mcpServers": {"two": self.entry("--tag", "2")}})
        session = self.attach("two")
        session.initialize()
        session.sync()
        self.assertIn("one", self.refused("one"))

    def test_the_file_is_never_written(self):
        """Config file clobbered: whatever is in it, and however it is linked, it is the same afterwards."""
        text = '{ // keep me\n  "mcpServers": {"fake": %s,}, "unknownThing": 1 }\n' % json.dumps(self.entry())
        path = self.home.config(text)
        real = self.home.path("real.json")
        os.rename(path, real)
        os.symlink(real, path)
        before = os.stat(real)
        a = self.attach("fake")
        a.initialize()
        a.sync()
        self.home.hearth("shutdown")
        after = os.stat(real)
        with open(real) as file:
            self.assertEqual(file.read(), text)
        self.assertEqual((before.st_mtime_ns, before.st_ino, before.st_mode), (after.st_mtime_ns, after.st_ino, after.st_mode))
        self.assertTrue(os.path.islink(path))


class TestMistakes(ConfigCase):
    def test_an_unknown_name_names_the_known(self):
        self.home.config({"mcpServers": {"files": self.entry()}})
        said = self.refused("flies")
        self.assertIn("flies", said)
        self.assertIn("files", said)

    def test_no_file_at_all(self):
        self.assertIn("config.json", self.refused())

    def test_a_wrong_type_has_line_and_column_and_the_others_work(self):
        self.home.config('{\n  "mcpServers": {\n    "bad": {"command": 17},\n    "fake": %s\n  }\n}\n' % json.dumps(self.entry()))
        self.assertIn("config.json:3:24", self.refused("bad"))
        good = self.attach("fake")
        good.initialize()
        good.sync()

    def test_a_missing_command(self):
        self.home.config('{"mcpServers": {\n "bad": {"args": []}}}')
        said = self.refused("bad")
        self.assertIn("config.json:2:", said)
        self.assertIn("command", said)

    def test_a_syntax_error_has_line_and_column_and_the_others_work(self):
        self.home.config('{"mcpServers": {\n  "fake": %s,\n  "bad": {"command" "x"}\n}}' % json.dumps(self.entry()))
        self.assertIn("config.json:3:", self.refused("bad"))
        good = self.attach("fake")
        good.initialize()
        good.sync()

    def test_an_unknown_key_is_a_warning_that_names_the_nearest(self):
        self.home.config({"mcpServers": {"fake": self.entry(idleTimoutMs=1000)}})
        a = self.attach("fake")
        a.initialize()
        a.sync()
        everything = a.stderr() + "".join(text for _, text in self.home.logs())
        self.assertIn("idleTimoutMs", everything)
        self.assertIn("idleTimeoutMs", everything)

    def test_a_session_is_warned_of_its_own_entry_only(self):
        """Two sessions of one entry hear nothing of another; the log has it once, and the status shows it."""
        self.home.config({"mcpServers": {"fake": self.entry(), "other": self.entry(idleTimoutMs=1000)}})
        for _ in range(2):
            a = self.attach("fake")
            a.initialize()
            a.sync()
            self.assertNotIn("idleTimoutMs", a.stderr())
        other = self.attach("other")
        other.initialize()
        other.sync()
        eventually("that it is told", lambda: "idleTimoutMs" in other.stderr())
        self.assertEqual("".join(text for _, text in self.home.logs()).count("idleTimoutMs"), 1)
        self.assertEqual(self.home.hearth("status").stdout.count("idleTimoutMs"), 1)

    def test_what_the_file_lacks_at_its_end_or_has_behind_it_is_said(self):
        """With line and column, to every session; an entry that is whole works."""
        whole = '{"mcpServers": {\n  "fake": %s\n}\n' % json.dumps(self.entry())
        for text, where in ((whole, "config.json:4:1: "), (whole + "}\n}", "config.json:5:1: ")):
            self.home.config(text)
            a = self.attach("fake")
            a.initialize()
            a.sync()
            eventually("that it is told", lambda: where + "expected " in a.stderr())
            self.assertIn(where + "expected ", self.home.hearth("status").stdout)

    def test_an_unreadable_file(self):
        path = self.home.config({"mcpServers": {"fake": self.entry()}})
        os.unlink(path)
        os.mkdir(path)
        self.assertIn("config.json", self.refused())
        os.rmdir(path)

    def test_the_right_entry_after_the_mistake_was_mended(self):
        self.home.config('{"mcpServers": {"fake": {"command": 1}}}')
        self.refused()
        self.home.config({"mcpServers": {"fake": self.entry()}})
        a = self.attach("fake")
        a.initialize()
        a.sync()
