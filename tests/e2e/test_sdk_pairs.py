"""Clients and servers of both generations of the official SDK, in all pairs, over stdio and Streamable HTTP. Prints the
table.

A server of the second generation speaks both eras, or only 2026-07-28. Run directly, each client is tried without Hearth
on the servers that it can speak to itself.
"""
import json
import os
import subprocess
import sys
import unittest

import npm_packages
from test_real_servers import NO_NODE
from world import DIRECT, HEARTH, HERE, Case

REFERENCES = os.path.join(os.path.dirname(HERE), "conformance")
SCRIPTS = {"SDK 1": ("legacy_upstream.mjs",), "SDK 2": ("modern_upstream.mjs",),
           "SDK 2 only": ("modern_upstream.mjs", "only-modern")}
TRANSPORTS = ("stdio", "http")
USER = '"username":"Ada"'

RIGHT = {
    "connect": lambda name: name == "reference",
    "list": lambda names: "test_simple_text" in names,
    "call": lambda text: text == "This is a simple text response for testing.",
    "failing": lambda failed: failed is True,
    # The SDK drops a progress notification that it reads together with the answer.
    "progress": lambda heard: heard in ([0, 50], [0, 50, 100]),
    "elicitation": lambda text: "action=accept" in text and USER in text,
    "sampling": lambda text: "something" in text,
    "roots": lambda text: "file:///pairs" in text,
    "rounds": lambda text: text == "multi-round done",
    "prompt": lambda text: "arg1='eins', arg2='zwei'" in text,
    "asking_prompt": lambda text: text.startswith("context: {"),
    "resource": lambda text: text == "This is the content of the static text resource.",
    "completion": lambda values: values == ["paris", "park"],
    "changed": lambda method: method == "notifications/tools/list_changed",
    "close": lambda _: True,
}


def trouble_with(cell):
    """What is wrong with what the cell saw; empty if nothing is."""
    wrong = ["%s: %s" % (step, json.dumps(cell["seen"][step])[:200]) for step, right in RIGHT.items()
             if step in cell["seen"] and not right(cell["seen"][step])]
    wrong += ["%s: %s" % one for one in cell["errors"].items()]
    # What gives no answer at all is left out of the JSON.
    return wrong or ["%s is missing" % step for step in RIGHT if step not in cell["seen"] and step != "close"]


class Pairs(Case):
    servers = ()

    def setUp(self):
        super().setUp()
        self.modules = npm_packages.node_modules(REFERENCES)
        self.node = npm_packages.packaged_node(self.modules)

    def command(self, server, *mode):
        script, *more = SCRIPTS[server]
        return [self.node, os.path.join(REFERENCES, script), self.modules, *mode, *more]

    def listening(self, server):
        process = subprocess.Popen(self.command(server, "http", "0"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return "http://127.0.0.1:%d/mcp" % int(process.stdout.readline().split()[-1])

    def cells(self):
        entries, cells = {}, []
        for server in self.servers:
            for transport in TRANSPORTS:
                name = "%s-%s" % (server.lower().replace(" ", "-"), transport)
                command = self.command(server, "stdio")
                entries[name] = {"command": command[0], "args": command[1:], "scope": "user"} if transport == "stdio" else \
                    {"type": "http", "url": self.listening(server)}
                cells += [{"client": client, "server": server + " " + transport, "name": name} for client in TRANSPORTS]
        port = self.home.serve(entries)
        for cell in cells:
            if cell["client"] == "stdio":
                cell.update(command=HEARTH, args=["attach", cell["name"]])
            else:
                cell["url"] = "http://127.0.0.1:%d/mcp/%s" % (port, cell["name"])
        return cells

    def direct_cells(self):
        for server in self.servers:
            command = self.command(server, "stdio")
            yield {"client": "stdio", "server": server + " stdio", "command": command[0], "args": command[1:]}
            yield {"client": "http", "server": server + " http", "url": self.listening(server)}

    def run_pairs(self, sdk):
        cells = list(self.direct_cells() if DIRECT else self.cells())
        request = {"sdk": sdk, "cells": cells, "nodeModules": self.modules, "cwd": self.home.project,
                   "env": self.home.environment()}
        done = subprocess.run([self.node, os.path.join(HERE, "sdk_pairs.mjs"), json.dumps(request)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.home.environment(), timeout=280)
        try:
            results = json.loads(done.stdout)["cells"]
        except ValueError:
            self.fail("the client said: %s%s" % (done.stdout, done.stderr))
        troubles = {(cell["client"], cell["server"]): trouble_with(cell) for cell in results}
        self.print_table(sdk, troubles)
        self.assertEqual(len(troubles), len(cells))
        self.assertEqual({cell: trouble for cell, trouble in troubles.items() if trouble}, {}, done.stderr[-2000:])

    @staticmethod
    def print_table(sdk, troubles):
        lines = [""]
        for (client, server), trouble in troubles.items():
            lines.append("client SDK %d over %-6s server %-18s %s" % (sdk, client, server, "FAILED" if trouble else "ok"))
        print("\n".join(lines), file=sys.__stderr__, flush=True)  # Past the runner, which keeps what tests print.


@unittest.skipIf(NO_NODE, "HEARTH_NO_NODE=1: the official SDK is left out")
class TestPairs(Pairs):
    servers = ("SDK 1", "SDK 2")

    def test_the_first_generation(self):
        self.run_pairs(1)

    def test_the_second_generation(self):
        self.run_pairs(2)


@unittest.skipIf(NO_NODE, "HEARTH_NO_NODE=1: the official SDK is left out")
class TestOnlyModern(Pairs):
    """Servers that turn away who says initialize."""

    servers = ("SDK 2 only",)

    @unittest.skipIf(DIRECT, "only Hearth makes them speak to each other")
    def test_the_first_generation(self):
        self.run_pairs(1)

    def test_the_second_generation(self):
        self.run_pairs(2)
