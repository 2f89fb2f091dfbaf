#!/usr/bin/env python3
"""Runs the server scenarios of the official conformance suite against a reference server, directly and through Hearth.

    run.py              directly, then through Hearth with the reference behind it over stdio, Streamable HTTP and SSE.
                        A check that passes directly and does not through Hearth is lost; nothing may be.
    run.py stdio http   only these behind Hearth
    run.py --prove      without Hearth: a proxy that changes nothing loses nothing, one that drops a notification is
                        found out. Says that this runner can fail.
    run.py --keep DIR   what the suite wrote stays in DIR

HEARTH_BIN names the directory of the programs (default: build/bin).
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import npm_packages
from world import HEARTH, HEARTHD, Home, free_port

AT_ONCE = 2  # The suite is node, so is the reference; more would measure the machine.
SUITE_SECONDS = 120

# What the suite is asked for, and in how many scenarios the reference passes every check. Less means that the reference
# or the way it is asked is broken, and that the comparison says nothing.
SUITES = {
    "2025-11-25": (["--requirements", "2025-11-25"], 33),
    "2025-06-18": (["--suite", "all", "--spec-version", "2025-06-18"], 27),
}
# The scenario that a proxy fails which does not look at Host and Origin itself.
GUARDED = "dns-rebinding-protection"

RANK = {"FAILURE": 0, "WARNING": 1, "SKIPPED": 2, "SUCCESS": 3}


class Reference:
    """Processes of ours: they say on which port they listen, and end with us."""

    def __init__(self, node, modules):
        self.node, self.modules, self.processes = node, modules, []

    def start(self, script, *arguments):
        process = subprocess.Popen([self.node, os.path.join(HERE, script), *arguments], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        said = process.stdout.readline()
        if not said.startswith("listening on "):
            raise AssertionError("%s %s did not start: %r" % (script, " ".join(arguments), said))
        return int(said.split()[-1])

    def http(self):
        return self.start("upstream.mjs", self.modules, "http", "0")

    def sse(self):
        return self.start("upstream.mjs", self.modules, "sse", "0")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()


class Run:
    """One run of the suite: the worst status of each check, by scenario and check."""

    def __init__(self, directory):
        self.checks = {}
        for folder, _, files in os.walk(directory):
            if "checks.json" in files:
                name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", os.path.relpath(folder, directory))
                with open(os.path.join(folder, "checks.json"), encoding="utf-8") as file:
                    for check in json.load(file):
                        self._file(name, check)

    def _file(self, scenario, check):
        # A dead server, too, sends nothing that breaks the schema.
        if check["status"] == "INFO" or (check["id"], check["status"]) == ("wire-schema-valid", "SUCCESS"):
            return
        key, seen = (scenario, check["id"]), (check["status"], check.get("errorMessage") or "")
        if key not in self.checks or RANK[seen[0]] < RANK[self.checks[key][0]]:
            self.checks[key] = seen

    def passed(self):
        return {key for key, (status, _) in self.checks.items() if status == "SUCCESS"}

    def scenarios(self):
        """Those in which everything passed."""
        names = {scenario for scenario, _ in self.checks}
        return names - {scenario for (scenario, _), (status, _) in self.checks.items() if status == "FAILURE"}

    def lost(self, than):
        """What passed in the other run and not in this one, with what was said about it."""
        return {key: self.checks.get(key, ("ABSENT", "")) for key in sorted(than.passed() - self.passed())}


class Suite:
    def __init__(self, keep):
        self.modules = npm_packages.node_modules(HERE)
        self.node = npm_packages.packaged_node(self.modules)
        self.program = os.path.join(self.modules, "@modelcontextprotocol", "conformance", "dist", "index.js")
        self.out = keep or tempfile.mkdtemp(prefix="hearth-conformance.")
        self.keep = keep

    def run(self, label, url, arguments):
        directory = os.path.join(self.out, label)
        os.makedirs(directory)
        environment = {"PATH": os.path.dirname(self.node) + ":/usr/bin:/bin", "HOME": self.out}
        with open(os.path.join(directory, "log"), "w") as log:
            subprocess.run([self.node, self.program, "server", "--url", url, *arguments, "-o", directory], cwd=directory,
                           env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=SUITE_SECONDS)
        return Run(directory)

    def log_of(self, label):
        with open(os.path.join(self.out, label, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def clean(self):
        if not self.keep:
            shutil.rmtree(self.out, ignore_errors=True)


class Hearth:
    """`hearth serve`, with the reference behind it in every way."""

    def __init__(self, suite, reference):
        self.home = Home("hearth-conformance.")
        upstream = [os.path.join(HERE, "upstream.mjs"), suite.modules, "stdio"]
        try:
            self.home.serve({
                # The suite runs its scenarios at the same time, and over stdio nothing says whom a question is for.
                "stdio": {"command": suite.node, "args": upstream, "scope": "user", "interactive": "serialise"},
                "http": {"type": "http", "url": "http://127.0.0.1:%d/mcp" % reference.http()},
                "sse": {"type": "sse", "url": "http://127.0.0.1:%d/sse" % reference.sse()},
            }, {"streamAfterMs": 0, "pollAfterMs": 200})  # Streams and their resumption are optional, and asked for.
        except AssertionError:
            self.stop()
            raise

    def url(self, name):
        return "http://127.0.0.1:%d/mcp/%s" % (self.home.port, name)

    def stop(self):
        self.home.finish()


def report(runs, suite, targets):
    """Prints the table and what is lost; the number of mistakes."""
    mistakes = 0
    print("%-12s %-10s %10s %8s %6s %7s" % ("revision", "server", "scenarios", "checks", "lost", "s"))
    for revision, (_, expected) in SUITES.items():
        direct = runs[revision, "direct"][0]
        for target in ["direct", *targets]:
            run, seconds = runs[revision, target]
            lost = run.lost(direct)
            print("%-12s %-10s %10d %8d %6s %7.1f" % (
                revision, target, len(run.scenarios()), len(run.passed()), "" if target == "direct" else len(lost), seconds))
            mistakes += len(lost)
        if len(direct.scenarios()) != expected:
            mistakes += 1
            print("the reference itself passes %d scenarios, not %d:\n%s" % (
                len(direct.scenarios()), expected, suite.log_of(revision + "." + "direct")[-3000:]))
    for (revision, target), (run, _) in sorted(runs.items()):
        for (scenario, check), (status, why) in run.lost(runs[revision, "direct"][0]).items():
            print("LOST %s %s: %s, %s: %s %s" % (revision, target, scenario, check, status, why[:200]))
        if revision == "2025-11-25" and GUARDED not in run.scenarios():
            mistakes += 1
            print("LOST %s %s: %s was not passed" % (revision, target, GUARDED))
    return mistakes


def compare(suite, urls):
    def one(job):
        revision, target = job
        began = time.monotonic()
        run = suite.run(revision + "." + target, urls[target], SUITES[revision][0])
        return run, time.monotonic() - began

    jobs = [(revision, target) for target in urls for revision in SUITES]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = dict(zip(jobs, pool.map(one, jobs)))
    return report(runs, suite, [target for target in urls if target != "direct"])


def prove(suite, reference):
    """Whether a loss would be found."""
    port = reference.http()
    arguments = ["--scenario", "tools-call-with-progress", "--spec-version", "2025-11-25"]
    direct = suite.run("direct", "http://127.0.0.1:%d/mcp" % port, arguments)
    faithful, faulty = (suite.run(label, "http://127.0.0.1:%d/mcp" % reference.start("faulty_proxy.mjs", str(port), *lost),
                                  arguments)
                        for label, lost in (("faithful", []), ("faulty", ["notifications/progress"])))
    dead = suite.run("dead", "http://127.0.0.1:%d/mcp" % free_port(), arguments)
    print("checks that pass: %d directly; lost: %d through a faithful proxy, %d through a faulty one, %d without a server" % (
        len(direct.passed()), len(faithful.lost(direct)), len(faulty.lost(direct)), len(dead.lost(direct))))
    right = direct.passed() and not faithful.lost(direct) and faulty.lost(direct) and len(dead.lost(direct)) == len(
        direct.passed())
    return 0 if right else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="stdio|http|sse")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--direct", action="store_true", help="only directly: whether the reference is right")
    parser.add_argument("--keep", metavar="DIR")
    options = parser.parse_args()
    if os.environ.get("HEARTH_NO_NODE") == "1":
        print("HEARTH_NO_NODE=1: the conformance suite is left out")
        return 77
    missing = [path for path in (HEARTH, HEARTHD) if not os.access(path, os.X_OK)]
    if missing and not (options.prove or options.direct):
        print("not built: %s. Build first (./dev build), or set HEARTH_BIN." % ", ".join(missing))
        return 1
    suite = Suite(options.keep)
    reference, hearth = Reference(suite.node, suite.modules), None
    try:
        if options.prove:
            return prove(suite, reference)
        urls = {"direct": "http://127.0.0.1:%d/mcp" % reference.http()}
        if not options.direct:
            hearth = Hearth(suite, reference)
            urls.update({name: hearth.url(name) for name in options.targets or ["stdio", "http", "sse"]})
        return 1 if compare(suite, urls) else 0
    finally:
        reference.stop()
        if hearth:
            hearth.stop()
        suite.clean()


if __name__ == "__main__":
    sys.exit(main())
