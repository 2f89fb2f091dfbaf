"""Which sessions share a server, and how that is explained."""
import concurrent.futures
import json
import os
import subprocess

from world import Case, needs_hearth


class TestOneServer(Case):
    def test_one_session_works(self):
        a = self.client()
        self.assertEqual(a.echo("grüß 😀"), "grüß 😀")
        self.assertEqual(self.server().counts()["initialize"], 1)

    @needs_hearth
    def test_two_sessions_share(self):
        """Two sessions with the same prefix and project end with one process, and one initialize in its life."""
        a, b = self.client(), self.client()
        self.assertEqual((a.echo("a"), b.echo("b")), ("a", "b"))
        counts = self.server().counts()
        self.assertEqual((counts["initialize"], counts["notifications/initialized"]), (1, 1))
        self.assertEqual(a.tool("count", {"key": "k"}) + b.tool("count", {"key": "k"}), "12")

    @needs_hearth
    def test_twenty_sessions_at_once(self):
        """Id collisions: every session counts from 1, the server answers as it likes; everyone gets the own payload."""
        sessions = self.home.clients_of(20)
        calls = [[(session.start_tool("echo", {"text": "%d/%d" % (who, n)}), "%d/%d" % (who, n)) for n in range(50)]
                 for who, session in enumerate(sessions)]
        for mine in calls:
            for pending, text in mine:
                self.assertEqual(pending.text(), text)
        for who, session in enumerate(sessions):
            self.assertEqual(session.answers(), 51, "session %d got more or less than its own answers" % who)
        ids = [message["id"] for message in self.server().of("tools/call")]
        self.assertEqual(len(ids), len(set(ids)), "an id reached the server twice")

    @needs_hearth
    def test_fifty_shims_at_once_cold(self):
        """A spawn storm against nothing at all ends with one daemon, one server and fifty successes."""
        sessions = [self.home.open(name="fake") for _ in range(50)]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            results = list(pool.map(lambda session: session.initialize(seconds=60), sessions))
        self.assertEqual({result["serverInfo"]["name"] for result in results}, {"fake"})
        texts = [session.start_tool("echo", {"text": str(n)}) for n, session in enumerate(sessions)]
        self.assertEqual([pending.text() for pending in texts], [str(n) for n in range(50)])
        self.assertEqual(self.server().counts()["initialize"], 1)
        daemons = self.home.daemons()
        self.assertEqual(len(daemons), 1, self.home.processes())
        self.assertEqual(self.home.status_of()[0]["sessions"], 50)


@needs_hearth
class TestScopes(Case):
    def pids(self):
        return [server.pid for server in self.home.servers()]

    def test_two_projects_do_not_share_by_default(self):
        """Working directory of the first project: two directories, two servers, each started in its own."""
        one, two = self.home.directory("one"), self.home.directory("two")
        self.client(cwd=one)
        self.client(cwd=two)
        self.assertEqual([server.facts["cwd"] for server in self.home.servers()], [one, two])

    def test_two_worktrees_of_one_repository_are_two_projects(self):
        main, tree = self.home.directory("main"), self.home.path("tree")
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["worktree", "add", "-q", tree]):
            subprocess.run(git + command, cwd=main, check=True, capture_output=True)
        self.client(cwd=main)
        self.client(cwd=tree)
        self.assertEqual(len(self.pids()), 2)

    def test_a_directory_inside_a_worktree_belongs_to_it(self):
        main = self.home.directory("main")
        subprocess.run(["git", "init", "-q"], cwd=main, check=True)
        self.client(cwd=main)
        self.client(cwd=self.home.directory("main/src/deep"))
        self.assertEqual(len(self.pids()), 1)

    def test_claude_project_dir_decides_before_the_working_directory(self):
        project = self.home.directory("chosen")
        for name in ("one", "two"):
            self.client(cwd=self.home.directory(name), env={"CLAUDE_PROJECT_DIR": project})
        self.assertEqual(len(self.pids()), 1)

    def test_user_scope_shares_across_projects(self):
        for name in ("one", "two"):
            self.client(cwd=self.home.directory(name), scope="user")
        self.assertEqual(len(self.pids()), 1)

    def test_session_scope_never_shares(self):
        self.client(scope="session")
        self.client(scope="session")
        self.assertEqual(len(self.pids()), 2)

    def test_different_arguments_are_different_servers(self):
        self.client("--tag", "1")
        self.client("--tag", "2")
        self.assertEqual(len(self.pids()), 2)

    def test_the_name_does_not_split(self):
        self.client(name="one")
        self.client(name="two")
        self.assertEqual(len(self.pids()), 1)

    def test_the_command_is_found_through_the_sessions_own_path(self):
        """Two sessions whose PATH leads to two programs of one name do not share."""
        for number in ("1", "2"):
            folder = self.home.directory("bin" + number)
            os.symlink(self.home.fake()[0], os.path.join(folder, "server"))
            argv = self.home.shim(["server", *self.home.fake()[1:]], "fake")
            self.home.spawn(argv, {"PATH": folder + ":/usr/bin:/bin"}).initialize()
        self.assertEqual(len(self.pids()), 2)


@needs_hearth
class TestEnvironment(Case):
    def test_a_different_credential_splits_and_reaches_only_its_own(self):
        """The environment of the first session must not serve the others: another API key, another process."""
        for key in ("first-secret", "second-secret", "first-secret"):
            self.client(env={"SERVICE_API_KEY": key})
        keys = [server.environment()["SERVICE_API_KEY"] for server in self.home.servers()]
        self.assertEqual(keys, ["first-secret", "second-secret"])

    def test_endpoints_locations_and_runtimes_split(self):
        for name in ("GITHUB_TOKEN", "DATABASE_URL", "SENTRY_DSN", "AWS_PROFILE", "NODE_OPTIONS", "VIRTUAL_ENV",
                     "HTTPS_PROXY", "DATA_DIR"):
            with self.subTest(name):
                before = len(self.home.servers())
                self.client("--tag", name, env={name: "a"})
                self.client("--tag", name, env={name: "b"})
                self.assertEqual(len(self.home.servers()) - before, 2)

    def test_what_terminals_and_clients_put_there_does_not_split(self):
        """A session id, a messaging token, a terminal's size: fresh every time, or nothing would ever be shared."""
        for number in ("1", "2"):
            self.client(env={"CLAUDE_CODE_SESSION_ID": number, "TERM_SESSION_ID": number, "SHLVL": number,
                             "COLUMNS": number, "WINDOWID": number, "SSH_TTY": "/dev/pts/" + number,
                             "XDG_SESSION_ID": number, "CLAUDECODE": "1", "SSH_AUTH_SOCK": "/tmp/" + number})
        self.assertEqual(len(self.home.servers()), 1)

    def test_a_named_variable_splits_whatever_it_is_called(self):
        for mood in ("calm", "wild"):
            self.client(variables=["MOOD"], env={"MOOD": mood})
        self.assertEqual([server.environment()["MOOD"] for server in self.home.servers()], ["calm", "wild"])

    def test_a_filtered_environment_joins(self):
        """Codex passes a dozen variables, a terminal sixty: what a filtered environment lacks keeps nobody apart."""
        self.client(env={"EDITOR": "vi", "LESS": "-R", "GITHUB_TOKEN": "t"})
        self.client(env={"LANG": None})
        self.assertEqual(len(self.home.servers()), 1)

    def test_a_filtered_environment_that_came_first_joins_too(self):
        """Codex before Claude: whoever has made no call yet goes to the server that was started with more."""
        a = self.client(env={"LANG": None})
        b = self.client(env={"EDITOR": "vi", "LESS": "-R", "GITHUB_TOKEN": "t"})
        self.assertEqual([session.tool("count", {"key": "k"}) for session in (a, b)], ["1", "2"])
        self.assertEqual(self.home.servers()[-1].environment()["GITHUB_TOKEN"], "t")

    def test_a_credential_that_is_not_set_splits(self):
        """A shell without the credential is not the same as one with it, whichever comes first."""
        for tag, keys in (("1", ("t", None)), ("2", (None, "t"))):
            before = len(self.home.servers())
            for key in keys:
                self.client("--tag", tag, env={"EDITOR": "vi", "GITHUB_TOKEN": key})
            self.assertEqual(len(self.home.servers()) - before, 2)

    def test_keys_of_models_split_only_where_both_have_one(self):
        for number, (keys, servers) in enumerate(((("a", None), 1), ((None, "a"), 1), (("a", "b"), 2))):
            before = len(self.home.servers())
            for key in keys:
                self.client("--tag", str(number), env={"EDITOR": "vi", "OPENAI_API_KEY": key})
            self.assertEqual(len(self.home.servers()) - before, servers, keys)

    def test_what_clients_set_for_themselves_does_not_split_and_is_handed_on(self):
        for own in ({"GIT_CONFIG_KEY_0": "a", "PYTHONUNBUFFERED": "1"}, {"AWS_VAULT_PROMPT": "ykman"}, {"CLINE_DATA_DIR": "/c"}):
            self.client(env={"EDITOR": "vi", **own})
        self.assertEqual(self.server().environment()["GIT_CONFIG_KEY_0"], "a")

    def test_what_an_entry_ignores_does_not_split(self):
        for url in ("a", "b", None):
            self.client(ignored=["client_*"], env={"EDITOR": "vi", "CLIENT_URL": url})
        self.assertEqual(len(self.home.servers()), 1)
        self.assertEqual(self.server().environment()["CLIENT_URL"], "a")


@needs_hearth
class TestWhy(Case):
    def test_it_names_the_variable_and_hides_its_value(self):
        self.client(env={"SERVICE_API_KEY": "first-secret"})
        self.client(env={"SERVICE_API_KEY": "second-secret"})
        text = self.home.hearth("why").stdout
        self.assertIn("SERVICE_API_KEY", text)
        everything = text + self.home.hearth("why", "fake", "--json").stdout + self.home.hearth("status", "--json").stdout
        everything += "".join(log for _, log in self.home.logs())
        self.assertNotIn("secret", everything)

    def test_it_says_who_shares_and_what_was_ignored(self):
        self.client(env={"EDITOR": "vi"}, client_name="left")
        self.client(env={"EDITOR": "ed"}, client_name="right")
        report = json.loads(self.home.hearth("why", "--json").stdout)
        groups = report["groups"] if "groups" in report else report["sharing"]["groups"]
        self.assertEqual(len(groups), 1)
        self.assertEqual(len(groups[0]["sessions"]), 2)
        self.assertIn("EDITOR", json.dumps(groups[0]["ignored"]))


@needs_hearth
class TestTwoServersAtOnce(Case):
    def test_two_servers_may_use_the_same_ask_id(self):
        """Ask ids are each server's own: two instances both ask with id 0, and each hears its own answer."""
        a = self.client("--tag", "x", capabilities={"elicitation": {}})
        b = self.client("--tag", "y", capabilities={"elicitation": {}})
        calls = [session.do({"ask": "elicitation/create", "params": {"message": who}, "id": 0})
                 for session, who in ((a, "x"), (b, "y"))]
        for session, who in ((b, "y"), (a, "x")):
            ask = session.next_ask()
            self.assertEqual(ask["params"]["message"], who)
            session.respond(ask, {"action": "accept", "content": {"who": who}})
        answers = [call.collected()[0]["result"]["content"]["who"] for call in calls]
        self.assertEqual(answers, ["x", "y"])
