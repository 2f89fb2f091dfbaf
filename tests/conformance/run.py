#!/usr/bin/env python3
"""Runs the scenarios of the official conformance suite against reference servers and clients, directly and through Hearth.

    run.py                  every cell. A check that passes directly and does not through Hearth is lost; nothing may be that
                            expected.py does not explain.
    run.py --cell CELL …    only these: legacy-stdio/2025-11-25, or what a name begins with: legacy-stdio, client
    run.py --list           what there is
    run.py --direct         without Hearth: whether the references are right. With the scenarios of logging in
    run.py --prove          without Hearth: a proxy that changes nothing loses nothing, one that drops a notification is
                            found out. Says that this runner can fail.
    run.py --keep DIR       what the suite wrote stays in DIR

A cell is UPSTREAM/SUITE: the scenarios for servers, with Hearth before that upstream; or client-ERA/SUITE: the scenarios
for clients, with Hearth before the suite's server and an application of that era before Hearth.

HEARTH_BIN names the directory of the programs (default: build/bin).
"""
import argparse
import concurrent.futures
import os
import sys
import time

sys.dont_write_bytecode = True

from expected import DIRECT, DIRECT_CLIENT, GUARDED, SUITES, WITHOUT_HEARTH, direct_of, why_impossible
from suite import HERE, Suite
from upstreams import UPSTREAMS, Hearth, References
from world import BIN, HEARTH, HEARTHD, free_port

# Runs of the suite. It is node, so are the references; more would measure the machine. A run that judges clients is itself
# as many at once as it has scenarios.
SERVERS_AT_ONCE, CLIENTS_AT_ONCE = 2, 1

SERVER_CELLS = [(upstream, suite) for upstream in UPSTREAMS for suite in SUITES
                if suite != "2025-06-18" or upstream.startswith("legacy")]
CLIENT_CELLS = [("client-" + era, suite) for era in ("legacy", "modern") for suite in DIRECT_CLIENT]
CELLS = SERVER_CELLS + CLIENT_CELLS


def chosen(names):
    cells = [cell for cell in CELLS if any("/".join(cell).startswith(name) for name in names or [""])]
    if not cells:
        sys.exit("no cell begins with %s; --list shows them" % " or ".join(names))
    return cells


class Runner:
    """Runs of the suite, a few at a time."""

    def __init__(self, suite, references):
        self.suite, self.references = suite, references
        self.servers = concurrent.futures.ThreadPoolExecutor(SERVERS_AT_ONCE)
        self.clients = concurrent.futures.ThreadPoolExecutor(CLIENTS_AT_ONCE)

    @staticmethod
    def timed(judge, *arguments):
        began = time.monotonic()
        run = judge(*arguments)
        run.seconds = time.monotonic() - began
        return run

    def server(self, label, url, suite):
        return self.servers.submit(self.timed, self.suite.server, label, url, SUITES[suite]).result

    def client(self, label, revision, scenarios, *driven):
        """A run of these scenarios. `driven`: what the driver is told before the URL."""
        command = [self.suite.node, os.path.join(HERE, "client_driver.mjs"), self.suite.modules, *driven]
        return self.clients.submit(self.timed, self.suite.client, label, command, scenarios, revision).result

    def direct_servers(self, which):
        return {(upstream, suite): self.server("direct.%s.%s" % (upstream, suite), self.references.url(upstream), suite)
                for upstream, suite in which}

    def direct_clients(self, which, logins):
        return {revision: self.client("direct.client.%s" % revision, revision, self.scenarios_of(revision, logins), "modern")
                for revision in which}

    def scenarios_of(self, revision, logins):
        return [scenario for scenario in self.suite.client_scenarios(revision)
                if logins or not any(scenario.startswith(prefix) for prefix in WITHOUT_HEARTH)]

    def left_out(self, revision):
        """What is not run through Hearth, by name, with the reason."""
        for prefix, reason in WITHOUT_HEARTH.items():
            names = [scenario for scenario in self.suite.client_scenarios(revision) if scenario.startswith(prefix)]
            yield "left out client/%s: %s: %s" % (revision, ", ".join(names), reason)


LINE = "%-28s %16s %16s %8s %5s %7s"


def fraction(run):
    return "%d/%d" % (len(run.scenarios()), len(run.all_scenarios()))


class Report:
    """The table, and what is wrong."""

    def __init__(self, suite):
        self.suite, self.mistakes, self.notes = suite, 0, []
        print(LINE % ("cell", "direct", "through Hearth", "checks", "lost", "s"), flush=True)

    def wrong(self, words):
        self.mistakes += 1
        self.notes.append(words)

    def direct(self, label, run, right):
        print(LINE % (label, fraction(run), "", len(run.passed()), "", "%.1f" % run.seconds), flush=True)
        if (len(run.scenarios()), len(run.all_scenarios())) != right:
            self.wrong("without Hearth %s passes %s scenarios, not %d/%d:\n%s" % (
                label, fraction(run), *right, self.suite.log_of(run)[-3000:]))

    def cell(self, cell, run, direct):
        name, lost, known = "/".join(cell), run.lost(direct), {}
        for (scenario, check), (status, said) in lost.items():
            reason = why_impossible(cell, scenario, check)
            if reason is None:
                self.wrong("LOST %s: %s, %s: %s %s" % (name, scenario, check, status, said[:300]))
            else:
                known.setdefault((scenario, reason), []).append(check)
        for (scenario, reason), checks in known.items():
            self.notes.append("named %s: %s (%s): %s" % (name, scenario, ", ".join(checks), reason))
        if cell in SERVER_CELLS and cell[1] != "2025-06-18" and GUARDED not in run.scenarios():
            self.wrong("LOST %s: %s was not passed" % (name, GUARDED))
        kept = "%d/%d" % (len(direct.passed() & run.passed()), len(direct.passed()))
        unexplained = len(lost) - sum(map(len, known.values()))
        print(LINE % (name, fraction(direct), fraction(run), kept, unexplained, "%.1f" % run.seconds), flush=True)

    def end(self):
        for note in self.notes:
            print(note)
        print("nothing is lost" if self.mistakes == 0 else "%d mistakes" % self.mistakes)
        return 1 if self.mistakes else 0


def direct_only(runner):
    report = Report(runner.suite)
    servers, clients = runner.direct_servers(DIRECT), runner.direct_clients(DIRECT_CLIENT, logins=True)
    for which, run in servers.items():
        report.direct("%s/%s" % which, run(), DIRECT[which])
    for revision, run in clients.items():
        report.direct("client/%s" % revision, run(), DIRECT_CLIENT[revision])
    return report.end()


def compare(runner, cells):
    report = Report(runner.suite)
    servers = [cell for cell in cells if cell in SERVER_CELLS]
    clients = [cell for cell in cells if cell in CLIENT_CELLS]
    direct = runner.direct_servers(dict.fromkeys(direct_of(*cell) for cell in servers))
    direct_client = runner.direct_clients(dict.fromkeys(suite for _, suite in clients), logins=False)
    hearth = Hearth(runner.references, dict.fromkeys(upstream for upstream, _ in servers)) if servers else None
    try:
        through = {(upstream, suite): runner.server("%s.%s" % (upstream, suite), hearth.url(upstream), suite)
                   for upstream, suite in servers}
        through |= {(app, suite): runner.client("%s.%s" % (app, suite), suite, runner.scenarios_of(suite, logins=False),
                                                app.removeprefix("client-"), BIN) for app, suite in clients}
        for which, run in direct.items():
            report.direct("%s/%s" % which, run(), DIRECT[which])
        for revision, run in direct_client.items():
            count = len(runner.scenarios_of(revision, logins=False))
            report.direct("client/%s" % revision, run(), (count, count))
        for suite in direct_client:
            report.notes += runner.left_out(suite)
        for cell in cells:
            run = direct[direct_of(*cell)] if cell in SERVER_CELLS else direct_client[cell[1]]
            report.cell(cell, through[cell](), run())
    finally:
        if hearth:
            hearth.stop()
    return report.end()


def prove(suite, references):
    """Whether a loss would be found."""
    url = references.url("legacy-http")
    port = url.split(":")[-1].split("/")[0]
    arguments = ["--scenario", "tools-call-with-progress", "--spec-version", "2025-11-25"]
    direct = suite.server("direct", url, arguments)
    faithful, faulty = (suite.server(label, "http://127.0.0.1:%d/mcp" % references.start("faulty_proxy.mjs", port, *lost),
                                     arguments)
                        for label, lost in (("faithful", []), ("faulty", ["notifications/progress"])))
    dead = suite.server("dead", "http://127.0.0.1:%d/mcp" % free_port(), arguments)
    print("checks that pass: %d directly; lost: %d through a faithful proxy, %d through a faulty one, %d without a server" % (
        len(direct.passed()), len(faithful.lost(direct)), len(faulty.lost(direct)), len(dead.lost(direct))))
    right = direct.passed() and not faithful.lost(direct) and faulty.lost(direct) and len(dead.lost(direct)) == len(
        direct.passed())
    return 0 if right else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", nargs="+", default=[], metavar="CELL")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--keep", metavar="DIR")
    options = parser.parse_args()
    if options.list:
        for cell in CELLS:
            print("/".join(cell))
        return 0
    if os.environ.get("HEARTH_NO_NODE") == "1":
        print("HEARTH_NO_NODE=1: the conformance suite is left out")
        return 77
    missing = [path for path in (HEARTH, HEARTHD) if not os.access(path, os.X_OK)]
    if missing and not (options.prove or options.direct):
        print("not built: %s. Build first (./dev build), or set HEARTH_BIN." % ", ".join(missing))
        return 1
    suite = Suite(options.keep)
    references = References(suite)
    try:
        if options.prove:
            return prove(suite, references)
        runner = Runner(suite, references)
        return direct_only(runner) if options.direct else compare(runner, chosen(options.cell))
    finally:
        references.stop()
        suite.clean()


if __name__ == "__main__":
    sys.exit(main())
