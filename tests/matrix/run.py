#!/usr/bin/env python3
"""Every revision to every revision: clients and servers of all five, over every transport that a revision has, with
Hearth between them, and every feature of the protocol tried in every pair.

    run.py                   every pair; compares the outcome with the table in docs/protocol.md
    run.py --write           writes the table there
    run.py --direct          without Hearth, each with its own kind: whether the clients and servers are right
    run.py --client PREFIX --server PREFIX --feature NAME
                             only these, like 2025-11-25/http; the table is left alone, as it is by --all
    run.py --all             the pending ones too (see PENDING)

A cell passes, or features.py names why nobody can make it pass; there is nothing else. Whatever Hearth says, to clients and
to servers, is held against the schema of the revision it is said in.

HEARTH_BIN names the directory of the programs (default: build/bin).
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(os.path.dirname(HERE), "e2e")
sys.dont_write_bytecode = True
sys.path[:0] = [E2E]

import npm_packages
import table
from client import Client, id_key
from features import FEATURES, impossible
from http_client import Sse, Streamable
from peer_client import Legacy, ModernHttp, ModernStdio
from revisions import MODERN, PAIRS, REVISIONS
from world import HEARTH, HEARTHD, Home

AT_ONCE = 3
# Features of pairs that do not pass yet: they are tried with --all, or if --client or --server names them.
PENDING = []


def name_of(pair):
    return "%s/%s" % pair


def server_command(pair, record):
    return [sys.executable, os.path.join(HERE, "peer_server.py"), *pair, record]


class Bench:
    """The servers, and Hearth before them. `more` stands in the entry of each."""

    def __init__(self, servers, direct, **more):
        self.home, self.direct, self.processes, self.urls = Home("hearth-matrix."), direct, [], {}
        entries = {}
        for pair in servers:
            command = server_command(pair, self.record(pair))
            if not direct and pair[1] != "http" and pair[0] < MODERN:
                command.append("late")
            if pair[1] == "stdio":
                entries[self.entry(pair)] = {"command": command[0], "args": command[1:], "scope": "user", **more}
                continue
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            port = int(process.stdout.readline().split()[-1])
            self.urls[pair] = (port, "/sse" if pair[1] == "sse" else "/mcp")
            entries[self.entry(pair)] = {"type": pair[1], "url": "http://127.0.0.1:%d%s" % self.urls[pair], **more}
        if not direct:
            self.home.serve(entries)

    @staticmethod
    def entry(pair):
        return "-".join(pair)

    def record(self, pair):
        return self.home.path("record." + self.entry(pair))

    def client(self, client, server):
        """A client that has not said anything yet. Without Hearth it is the server's own kind."""
        revision, transport = client
        if transport == "stdio":
            command = server_command(server, self.record(server)) if self.direct else [HEARTH, "attach", self.entry(server)]
            talk = Client(command, self.home.environment(), self.home.project, name_of(client),
                          self.home.path("stderr.%s.%s" % (self.entry(client), self.entry(server))))
            return ModernStdio(talk) if revision == MODERN else Legacy(revision, talk)
        port, path = self.urls[server] if self.direct else (
            self.home.port, "/%s/%s" % ("sse" if transport == "sse" else "mcp", self.entry(server)))
        if revision == MODERN:
            return ModernHttp(port, path)
        return Legacy(revision, (Sse if transport == "sse" else Streamable)(port, path, name_of(client)))

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
        self.home.finish()


class Run:
    def __init__(self, bench, features, everything):
        self.bench, self.features, self.everything = bench, features, everything
        self.outcomes, self.tapes = {}, []  # By (client, server, feature): None, or what is wrong.

    def pair(self, client, server):
        peer, opened = None, False
        try:
            peer = self.bench.client(client, server)
            self.tapes.append((client, server, peer.tape))
            peer.open()
            opened = True
        except Exception as error:
            trouble = "could not connect: %s" % one_line(error)
        for feature in self.features:
            pending = not self.everything and any(applies(client, server, feature) for applies, _ in PENDING)
            if not pending and impossible(feature, client[0], server[0]) is None:
                self.outcomes[client, server, feature] = self.feature(feature, peer) if opened else trouble
        if peer is not None:
            try:
                peer.close()
            except Exception as error:
                self.outcomes[client, server, "call"] = "did not end well: %s" % one_line(error)

    @staticmethod
    def feature(feature, peer):
        try:
            FEATURES[feature](peer)
        except Exception as error:
            if not isinstance(error, (AssertionError, OSError)) and type(error).__name__ != "RpcError":
                return "%s %s" % (one_line(error), traceback.extract_tb(error.__traceback__)[-1])
            return one_line(error)
        return None

    def server(self, server, clients):
        """One client after the other, so that a server which has many over one pipe knows whom it means."""
        for client in clients:
            self.pair(client, server)


def one_line(error):
    return " ".join(("%s: %s" % (type(error).__name__, error)).split())[:400]


def messages_of_hearth(run, servers):
    """Everything that it said, with the revision it was said in, and the method that an answer is to."""
    for client, server, tape in run.tapes:
        for message, method in tape.heard:
            yield {"revision": client[0], "method": method, "message": message,
                   "where": "to %s, from %s" % (name_of(client), name_of(server))}
    for server in servers:
        asked = {}
        if not os.path.exists(run.bench.record(server)):
            continue
        with open(run.bench.record(server), encoding="utf-8") as file:
            for line in file:
                (direction, message), = json.loads(line).items()
                if direction == "sent" and "method" in message and "id" in message:
                    asked[id_key(message["id"])] = message["method"]
                elif direction == "got" and not probes(message, server):
                    yield {"revision": server[0], "message": message, "where": "to the server %s" % name_of(server),
                           "method": None if "method" in message else asked.get(id_key(message.get("id")))}


def probes(message, server):
    """Whether it asks which era the server is of: it is said in the other one's words."""
    return message.get("method") == ("initialize" if server[0] == MODERN else "server/discover")


# Right in no revision: they show that the schemas are in force.
CONTROLS = [{"revision": revision, "method": "tools/list", "message": {"jsonrpc": "2.0", "id": 1, "result": {"tools": 7}}}
            for revision in REVISIONS]


def against_schemas(messages):
    """What is wrong with which message."""
    messages = CONTROLS + messages
    modules = npm_packages.node_modules(os.path.join(os.path.dirname(HERE), "conformance"))
    done = subprocess.run([npm_packages.node(), os.path.join(HERE, "schema_check.mjs"), modules],
                          input=json.dumps({"messages": messages}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise AssertionError("the schemas could not be used: " + done.stderr[-2000:])
    said = json.loads(done.stdout)
    assert said["checked"] == len(messages)
    wrong = {one["index"]: one["errors"] for one in said["wrong"]}
    assert set(range(len(CONTROLS))) <= set(wrong), "the schemas let everything through"
    return [(messages[index], errors) for index, errors in wrong.items() if index >= len(CONTROLS)]


def report_schemas(run, servers):
    messages = list(messages_of_hearth(run, servers))
    if os.environ.get("HEARTH_NO_NODE") == "1":
        print("HEARTH_NO_NODE=1: %d messages were not held against the schemas" % len(messages))
        return 0
    wrong, seen = against_schemas(messages), {}
    for message, errors in wrong:
        seen.setdefault((message["where"].split(",")[0], message["revision"], tuple(errors)), []).append(message)
    print("%d messages of Hearth's held against the schemas, %d do not fit" % (len(messages), len(wrong)))
    for (where, revision, errors), which in list(seen.items())[:40]:
        print("SCHEMA %s: %d x %s\n    %s" % (where, len(which), "; ".join(errors)[:300], json.dumps(which[0]["message"])[:400]))
    return len(wrong)


def pairs(options):
    prefixed = lambda prefix: [pair for pair in PAIRS if name_of(pair).startswith(prefix or "")]
    clients, servers = prefixed(options.client), prefixed(options.server)
    if options.direct:
        return [(pair, pair) for pair in clients if pair in servers]
    return [(client, server) for server in servers for client in clients]


def everything(options):
    return bool(options.client or options.server or options.all)


def carry_out(bench, wanted, features, also_pending):
    run = Run(bench, features, also_pending)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        servers = list(dict.fromkeys(server for _, server in wanted))
        jobs = [pool.submit(run.server, server, [client for client, to in wanted if to == server]) for server in servers]
        for job in jobs:
            job.result()
    return run, servers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--client", "--server", "--feature"):
        parser.add_argument(option, metavar="X")
    for option in ("--write", "--direct", "--all"):
        parser.add_argument(option, action="store_true")
    options = parser.parse_args()
    missing = [path for path in (HEARTH, HEARTHD) if not os.access(path, os.X_OK)]
    if missing and not options.direct:
        print("not built: %s. Build first (./dev build), or set HEARTH_BIN." % ", ".join(missing))
        return 1
    wanted, features = pairs(options), [options.feature] if options.feature else list(FEATURES)
    began = time.monotonic()
    bench = Bench(list(dict.fromkeys(server for _, server in wanted)), options.direct)
    try:
        run, servers = carry_out(bench, wanted, features, everything(options))
        wrong = 0 if options.direct else report_schemas(run, servers)
    finally:
        bench.stop()
    failed = {cell: why for cell, why in run.outcomes.items() if why is not None}
    lines = table.lines(wanted, features, run.outcomes)
    print("\n".join(lines))
    for (client, server, feature), why in failed.items():
        print("FAILED %s -> %s, %s: %s" % (name_of(client), name_of(server), feature, why))
    print("%d cells run, %d failed, %.0f s" % (len(run.outcomes), len(failed), time.monotonic() - began))
    if failed or wrong or options.direct or everything(options) or options.feature:
        return 1 if failed or wrong else 0
    return table.keep(lines, options.write)


if __name__ == "__main__":
    sys.exit(main())
