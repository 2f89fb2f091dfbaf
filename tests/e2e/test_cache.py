"""What several ask for: fetched once, and given to nobody who must not have it."""
import os
import signal

from world import Case, eventually, needs_hearth

LIST = "tools/list"


@needs_hearth
class TestCache(Case):
    def heard(self, method=LIST):
        return self.server().counts()[method]

    def names(self, session):
        return [tool["name"] for tool in session.request(LIST)["tools"]]

    def test_a_list_is_fetched_once_for_all(self):
        a, b = self.home.clients_of(2)
        self.assertEqual(self.names(a), self.names(b))
        self.assertEqual(self.names(a), self.names(b))
        self.assertEqual(self.heard(), 1)
        self.assertEqual(self.home.status_of()[0]["fromCache"], 3)

    def test_until_the_server_tells_of_a_change(self):
        a, b = self.home.clients_of(2)
        self.names(a)
        self.server().do({"set_tools": [{"name": "new", "inputSchema": {"type": "object"}}]}, {"list_changed": "tools"})
        b.hear("notifications/tools/list_changed")
        self.assertEqual((self.names(b), self.names(a)), (["new"], ["new"]))
        self.assertEqual(self.heard(), 2)

    def test_until_it_is_another_process(self):
        a, b = self.home.clients_of(2)
        self.names(a)
        self.home.hearth("restart", "fake")
        server = self.home.wait_server(2)
        self.assertEqual(self.names(b), self.names(a))
        self.assertEqual(server.counts()[LIST], 1)

    def test_calls_at_the_same_time_get_one_answer(self):
        sessions = self.home.clients_of(5)
        os.kill(self.server().pid, signal.SIGSTOP)
        reads = [session.start("resources/read", {"uri": "fake://a"}) for session in sessions]
        lists = [session.start("resources/list") for session in sessions]
        eventually("that all have asked", lambda: sum(s["calls"] for s in self.home.status()["sessions"]) == 10)
        sessions[0].cancel(lists[0])
        eventually("that one has left", lambda: sum(s["calls"] for s in self.home.status()["sessions"]) == 9)
        os.kill(self.server().pid, signal.SIGCONT)
        for pending in reads + lists[1:]:
            self.assertTrue(pending.result())
        self.assertEqual((self.heard("resources/read"), self.heard("resources/list")), (1, 1))
        self.assertEqual(self.heard("notifications/cancelled"), 0)
        self.assertEqual(self.home.status_of()[0]["merged"], 8)

    def test_one_that_dies_leaves_the_others_their_answer(self):
        a, b = self.home.clients_of(2)
        os.kill(self.server().pid, signal.SIGSTOP)
        a.start(LIST)
        eventually("that it has asked", lambda: sum(s["calls"] for s in self.home.status()["sessions"]) == 1)
        pending = b.start(LIST)
        eventually("that both have", lambda: sum(s["calls"] for s in self.home.status()["sessions"]) == 2)
        a.signal(signal.SIGKILL)
        eventually("that it has gone", lambda: len(self.home.status()["sessions"]) == 1)
        os.kill(self.server().pid, signal.SIGCONT)
        self.assertTrue(pending.result()["tools"])
        self.assertEqual(self.heard(), 1)

    def test_off(self):
        self.home.config({"mcpServers": {"fake": {"command": self.home.fake()[0], "args": self.home.fake()[1:],
                                                  "cache": False}}})
        a, b = (self.home.spawn([self.home.shim([])[0], "attach", "fake"]) for _ in range(2))
        for session in (a, b):
            session.initialize()
            self.names(session)
            self.names(session)
        self.assertEqual(self.heard(), 4)
