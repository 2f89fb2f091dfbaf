"""The official conformance suite as a program, and what it says as data."""
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import npm_packages

SUITE_SECONDS = 120
CLIENT_SECONDS = 120
SCENARIO_SECONDS = 60  # client_driver.mjs gives up a little earlier, and says so.
RANK = {"FAILURE": 0, "WARNING": 1, "SKIPPED": 2, "SUCCESS": 3}
SCHEMA = "wire-schema-valid"


class Run:
    """One run of the suite: the worst status of each check, by scenario and check."""

    def __init__(self, directory):
        self.directory, self.checks, self.seconds = directory, {}, 0.0
        self.failed_schema = set()  # Scenarios in which something was said that the schema of the revision does not know.
        for folder, _, files in os.walk(directory):
            if "checks.json" in files:
                name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", os.path.relpath(folder, directory))
                with open(os.path.join(folder, "checks.json"), encoding="utf-8") as file:
                    for check in json.load(file):
                        self._file(name, check)

    def _file(self, scenario, check):
        if check["status"] == "INFO":
            return
        # A dead server, too, sends nothing that breaks the schema: only its failure says something.
        if (check["id"], check["status"]) == (SCHEMA, "SUCCESS"):
            self.checks.setdefault((scenario, SCHEMA), ("SKIPPED", ""))
            return
        if check["id"] == SCHEMA:
            self.failed_schema.add(scenario)
        key, seen = (scenario, check["id"]), (check["status"], check.get("errorMessage") or "")
        if key not in self.checks or RANK[seen[0]] < RANK[self.checks[key][0]]:
            self.checks[key] = seen

    def passed(self):
        return {key for key, (status, _) in self.checks.items() if status == "SUCCESS"}

    def all_scenarios(self):
        return {scenario for scenario, _ in self.checks}

    def scenarios(self):
        """Scenarios in which nothing failed."""
        return self.all_scenarios() - {scenario for (scenario, _), (status, _) in self.checks.items() if status == "FAILURE"}

    def lost(self, than):
        """What passed in the other run and not in this one, with what was said about it."""
        keys = than.passed() - self.passed()
        keys |= {(scenario, SCHEMA) for scenario in self.failed_schema - than.failed_schema}
        return {key: self.checks.get(key, ("ABSENT", "")) for key in sorted(keys)}

    def only(self, scenarios):
        """The same run, as if it had been of these scenarios."""
        part = Run.__new__(Run)
        part.directory, part.seconds = self.directory, self.seconds
        part.checks = {key: seen for key, seen in self.checks.items() if key[0] in scenarios}
        part.failed_schema = self.failed_schema & set(scenarios)
        return part


class Suite:
    def __init__(self, keep):
        self.modules = npm_packages.node_modules(HERE)
        self.node = npm_packages.packaged_node(self.modules)
        self.program = os.path.join(self.modules, "@modelcontextprotocol", "conformance", "dist", "index.js")
        self.out = keep or tempfile.mkdtemp(prefix="hearth-conformance.")
        self.keep = keep
        # The suite and the driver are started dozens of times; half of what a start costs is the compiling.
        self.environment = {"PATH": os.path.dirname(self.node) + ":/usr/bin:/bin", "HOME": self.out,
                            "NODE_COMPILE_CACHE": os.path.join(os.path.dirname(self.modules), "compiled")}

    def directory(self, label):
        directory = os.path.join(self.out, label)
        os.makedirs(directory)
        return directory

    def _run(self, directory, seconds, *arguments):
        with open(os.path.join(directory, "log"), "a") as log:
            try:
                subprocess.run([self.node, self.program, *arguments, "-o", directory], cwd=directory, env=self.environment,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=seconds)
            except subprocess.TimeoutExpired:
                log.write("\nnot done within %d s\n" % seconds)

    def server(self, label, url, arguments):
        """The scenarios that judge a server."""
        directory = self.directory(label)
        self._run(directory, SUITE_SECONDS, "server", "--url", url, *arguments)
        return Run(directory)

    def client(self, label, command, scenarios, revision):
        """These of the scenarios that judge a client, all at once. The suite starts a client for each scenario that the
        revision requires; those for others end at once."""
        directory = self.directory(label)
        command = "case $MCP_CONFORMANCE_SCENARIO in %s) ;; *) exit 1 ;; esac; exec %s" % (
            "|".join(map(shlex.quote, scenarios)), shlex.join(command))
        self._run(directory, CLIENT_SECONDS, "client", "--command", command, "--requirements", revision,
                  "--timeout", str(SCENARIO_SECONDS * 1000))
        return Run(directory).only(scenarios)

    @functools.cache
    def client_scenarios(self, revision):
        """The names of those that the revision requires."""
        said = subprocess.run([self.node, self.program, "list", "--client", "--requirements", revision], env=self.environment,
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        required = said.split("Client scenarios", 1)[1].split("\n\n", 1)[0]
        return re.findall(r"^  - (\S+)", required, re.M)

    def log_of(self, run):
        with open(os.path.join(run.directory, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def clean(self):
        if not self.keep:
            shutil.rmtree(self.out, ignore_errors=True)
