"""What the tests of all clients share: a project, a configuration directory, and who shares what."""
import json
import os
import subprocess

from client import PATIENCE
from world import HEARTH, Case

# What a client's maker wants to know is not asked for in tests, and newer versions are not looked for.
QUIET = {"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_ERROR_REPORTING": "1", "DO_NOT_TRACK": "1",
         "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


class ClientCase(Case):
    def entry(self, *flags, **environment):
        """A server as clients have it in their files: the fake one, through Hearth."""
        command = self.home.shim(self.home.fake(*flags), "fake")
        return {"command": command[0], "args": command[1:],
                "env": {"HEARTH_HOME": self.home.hearth_home, **environment}}

    def write(self, path, content):
        path = os.path.join(self.home.user_home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_client(self, argv, check=True, **env):
        """Its whole life, in the project."""
        done = subprocess.run(argv, env=self.client_environment(**env), cwd=self.home.project, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError("%s: status %d\n%s%s" % (argv[0], done.returncode, done.stdout, done.stderr[-3000:]))
        return done

    def client_environment(self, **env):
        return self.home.environment(HEARTH_HOME=None, **QUIET, **env)

    def assert_shared_with(self, session):
        """The client came to the server that this session has."""
        session.sync()
        self.assertEqual(len(self.home.servers()), 1, self.home.hearth("why").stdout)


__all__ = ["ClientCase", "HEARTH"]
