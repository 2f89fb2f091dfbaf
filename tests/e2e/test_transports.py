"""Every transport in, every transport out: the official clients (both generations) over stdio, HTTP+SSE and Streamable
HTTP, against the same real server in each of its three modes. Prints the table.

Run directly, the three transports are tried without Hearth, each against its own mode.
"""
import json
import os
import subprocess
import sys

from test_real_servers import RealCase
from world import DIRECT, HEARTH, HERE, eventually, free_port, listens

CLIENTS = ("stdio", "sse", "http")
SERVERS = {"stdio": "stdio", "sse": "sse", "http": "streamableHttp"}
PATHS = {"sse": "/sse", "http": "/mcp"}


class TestMatrix(RealCase):
    def configure(self):
        """Hearth with the three servers; it starts those that speak HTTP too."""
        servers = {}
        for name, mode in SERVERS.items():
            servers[name] = {"command": self.node, "args": [self.program("everything"), mode], "scope": "user"}
            if name in PATHS:
                servers[name].update(env={"PORT": "${port}"}, transport=name, port="auto", path=PATHS[name])
        self.port = self.home.serve(servers)

    def cells(self):
        self.configure()
        for client in CLIENTS:
            for server in SERVERS:
                if client == "stdio":
                    yield {"client": client, "server": server, "command": HEARTH, "args": ["attach", server]}
                else:
                    path = "mcp" if client == "http" else "sse"
                    yield {"client": client, "server": server,
                           "url": "http://127.0.0.1:%d/%s/%s" % (self.port, path, server)}

    def direct_cells(self):
        yield {"client": "stdio", "server": "stdio", "command": self.node,
               "args": [self.program("everything"), "stdio"]}
        for name, path in PATHS.items():
            port = free_port()
            process = subprocess.Popen([self.node, self.program("everything"), SERVERS[name]],
                                       env=self.home.environment(PORT=str(port)), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            eventually("that the server listens", lambda at=port: listens(at))
            yield {"client": name, "server": name, "url": "http://127.0.0.1:%d%s" % (port, path)}

    def trouble_with(self, cell):
        """What is wrong with what the cell saw; empty if nothing is."""
        seen = cell["seen"]
        right = {
            "initialize": lambda name: "everything" in name,
            "list": lambda names: "echo" in names,
            "call": lambda text: text == "Echo: %s to %s" % (cell["client"], cell["server"]),
            # The SDK drops a progress notification that it reads together with the answer.
            "progress": lambda got: got["heard"] in ([1, 2], [1, 2, 3]) and "completed" in got["text"],
            "prompt": lambda text: "Grünau" in text,
            "resource": lambda uri: uri == "demo://resource/dynamic/text/1",
            "ping": lambda keys: keys == [],
        }
        wrong = ["%s: %s" % (step, json.dumps(seen[step])[:200]) for step in right
                 if step in seen and not right[step](seen[step])]
        missing = [step for step in right if step not in seen]
        return "; ".join(wrong + ([cell["error"]] if "error" in cell else missing))

    def run_matrix(self, sdk):
        cells = list(self.direct_cells() if DIRECT else self.cells())
        request = {"sdk": sdk, "cells": cells, "nodeModules": self.modules, "cwd": self.home.project,
                   "env": self.home.environment()}
        done = subprocess.run([self.node, os.path.join(HERE, "transport_matrix.mjs"), json.dumps(request)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.home.environment(), timeout=240)
        try:
            results = json.loads(done.stdout)["cells"]
        except ValueError:
            self.fail("the client said: %s%s" % (done.stdout, done.stderr))
        troubles = {(cell["client"], cell["server"]): self.trouble_with(cell) for cell in results}
        self.print_table(sdk, troubles)
        self.assertEqual(len(troubles), len(cells))
        self.assertEqual({cell: trouble for cell, trouble in troubles.items() if trouble}, {}, done.stderr[-2000:])

    @staticmethod
    def print_table(sdk, troubles):
        lines = ["", "SDK %d       %s" % (sdk, "".join("%-12s" % ("to " + server) for server in SERVERS))]
        for client in CLIENTS:
            words = [{None: "-", "": "ok"}.get(troubles.get((client, server)), "FAILED") for server in SERVERS]
            lines.append("%-12s%s" % ("over " + client, "".join("%-12s" % word for word in words)))
        print("\n".join(lines), file=sys.__stderr__, flush=True)  # Past the runner, which keeps what tests print.

    def one_process_each(self):
        """Whatever way sessions came, they shared."""
        for name in SERVERS:
            instances = self.home.status_of(name)
            self.assertEqual(len(instances), 1, instances)

    def test_the_official_client(self):
        self.run_matrix(1)
        if not DIRECT:
            self.one_process_each()

    def test_the_official_client_of_the_next_generation(self):
        self.run_matrix(2)
        if not DIRECT:
            self.one_process_each()
