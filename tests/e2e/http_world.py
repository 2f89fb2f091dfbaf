"""What tests of HTTP have in common: Hearth that listens, and clients of every transport."""
import urllib.parse

from http_client import Connection, Sse, Streamable
from world import FAKE, HEARTH, Case, needs_hearth


HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
         "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}


def call(number, name, arguments=None, **params):
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": {"name": name, "arguments": arguments or {}, **params}}


def do(number, *steps, token=None):
    return call(number, "do", {"steps": list(steps)}, **({"_meta": {"progressToken": token}} if token is not None else {}))


def notice(method):
    return {"jsonrpc": "2.0", "method": method}


@needs_hearth
class HttpCase(Case):
    def fake_entry(self, *flags, **more):
        """The entry of a fake server, shared by every session of the user."""
        return {"command": FAKE, "args": ["--dir", self.home.fake_dir, *flags], "scope": "user", **more}

    def serve(self, *flags, http=None, entry=None, **config):
        """Hearth with the fake server as "fake"."""
        return self.home.serve({"fake": self.fake_entry(*flags, **(entry or {}))}, http, **config)

    def connection(self, where=None):
        connection = Connection(self.home.port if where is None else where)
        self.addCleanup(connection.close)
        return connection

    def request(self, method, target, fields=None, body=None, where=None):
        """On a connection of its own."""
        return self.connection(where).request(method, target, fields, body)

    def _target(self, transport, name, project):
        query = "" if project is None else "?project=" + urllib.parse.quote(project)
        return "/%s/%s%s" % (transport, name, query)

    def _label(self, kind):
        self.opened = getattr(self, "opened", 0) + 1
        return "%s session %d" % (kind, self.opened)

    def streamable(self, name="fake", where=None, project=None, token=None, ready=True, cuts=lambda: None,
                   revision="2025-11-25", capabilities=None):
        fields = {} if token is None else {"Authorization": "Bearer " + token}
        session = Streamable(self.home.port if where is None else where, self._target("mcp", name, project),
                             self._label("HTTP"), fields, cuts)
        self.addCleanup(session.dispose)
        if ready:
            session.initialize(revision, capabilities)
        return session

    def sse(self, name="fake", where=None, project=None, token=None, ready=True, revision="2024-11-05", capabilities=None):
        fields = {} if token is None else {"Authorization": "Bearer " + token}
        session = Sse(self.home.port if where is None else where, self._target("sse", name, project),
                      self._label("SSE"), fields)
        self.addCleanup(session.dispose)
        if ready:
            session.initialize(revision, capabilities)
        return session

    def stdio(self, name="fake", revision="2025-11-25", capabilities=None, **rest):
        session = self.home.spawn([HEARTH, "attach", name], **rest)
        session.initialize(revision, capabilities)
        return session

    def each_transport(self, **rest):
        """A session over each."""
        return [self.stdio(**rest), self.streamable(**rest), self.sse(**rest)]
