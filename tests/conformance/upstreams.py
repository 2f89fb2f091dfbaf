"""The reference servers, and Hearth in front of them."""
import os
import subprocess

from suite import HERE
from world import Home

# What is behind Hearth: the script, how it is spoken to, and what else it is told.
UPSTREAMS = {
    "legacy-stdio": ("legacy_upstream.mjs", "stdio"),
    "legacy-http": ("legacy_upstream.mjs", "http"),
    "legacy-sse": ("legacy_upstream.mjs", "sse"),
    "dual-stdio": ("modern_upstream.mjs", "stdio"),
    "dual-http": ("modern_upstream.mjs", "http"),
    "modern-stdio": ("modern_upstream.mjs", "stdio", "only-modern"),
    "modern-http": ("modern_upstream.mjs", "http", "only-modern"),
}


class References:
    """Processes of ours: they say on which port they listen, and end with us."""

    def __init__(self, suite):
        self.suite, self.processes, self.ports = suite, [], {}

    def start(self, script, *arguments):
        process = subprocess.Popen([self.suite.node, os.path.join(HERE, script), *arguments], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        said = process.stdout.readline()
        if not said.startswith("listening on "):
            raise AssertionError("%s %s did not start: %r" % (script, " ".join(arguments), said))
        return int(said.split()[-1])

    def url(self, name):
        """Of the upstream that listens; started when it is first asked for."""
        script, mode, *more = UPSTREAMS[name]
        if name not in self.ports:
            self.ports[name] = self.start(script, self.suite.modules, mode, "0", *more)
        return "http://127.0.0.1:%d/%s" % (self.ports[name], "sse" if mode == "sse" else "mcp")

    def entry(self, name):
        """What stands in the configuration for it."""
        script, mode, *more = UPSTREAMS[name]
        if mode != "stdio":
            return {"type": mode, "url": self.url(name)}
        # The suite runs its scenarios at the same time, and over stdio nothing says whom a question is for.
        return {"command": self.suite.node, "args": [os.path.join(HERE, script), self.suite.modules, mode, *more],
                "scope": "user", "interactive": "serialise"}

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()


class Hearth:
    """`hearth serve`, with these upstreams behind it."""

    def __init__(self, references, names):
        self.home = Home("hearth-conformance.")
        try:
            # Streams and their resumption are optional, and asked for.
            self.home.serve({name: references.entry(name) for name in names}, {"streamAfterMs": 0, "pollAfterMs": 200})
        except AssertionError:
            self.stop()
            raise

    def url(self, name):
        return "http://127.0.0.1:%d/mcp/%s" % (self.home.port, name)

    def stop(self):
        self.home.finish()
