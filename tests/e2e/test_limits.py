"""What servers may take: a server over its limit is ended with the reason and harms no other, what this machine cannot keep is
said, and of the servers that together hold too much an idle one makes room."""
import os
import sys

from client import RpcError
from test_doctor import DoctorCase
from world import HEARTH, eventually, needs_hearth

HERE = os.path.dirname(os.path.abspath(__file__))
ODD, HTTP_SERVER = (os.path.join(HERE, name) for name in ("odd_server.py", "http_server.py"))


@needs_hearth
class LimitsCase(DoctorCase):
    def odd(self, habit, **entry):
        return {"command": sys.executable, "args": [ODD, habit], **entry}

    def configure(self, servers, **rest):
        fake = {"command": self.home.fake()[0], "args": self.home.fake()[1:]}
        self.home.config({"mcpServers": {"fake": fake, **servers}, **rest})

    def attach(self, name):
        session = self.home.spawn([HEARTH, "attach", name])
        session.initialize()
        return session

    def log(self):
        return "".join(text for path, text in self.home.logs() if os.path.basename(path) == "hearthd.log")


class TestLimits(LimitsCase):
    def ends(self, habit, limits, why):
        """The call of such a server ends with that, while a call of another server goes on."""
        self.configure({"odd": self.odd(habit, limits=limits)})
        bystander = self.attach("fake")
        held = bystander.do({"hold": "k"}, {"text": "undisturbed"})
        server = self.home.wait_server()
        session = self.attach("odd")
        with self.assertRaises(RpcError) as caught:
            session.start_tool("t").result()
        self.assertIn("server odd: was ended because it used more than its limit of " + why, str(caught.exception))
        self.assertIn("in its limits in config.json", str(caught.exception))
        self.assertIn(why, self.log())
        server.release("k")
        self.assertEqual(held.text(), "undisturbed")
        self.assertEqual([found.pid for found in self.home.servers()], [server.pid])
        return session

    def test_a_server_that_leaks_is_ended_and_its_call_is_told_why(self):
        session = self.ends("leaks", {"memory": "128M"}, "128 MiB of memory")
        self.assertEqual(len(session.request("tools/list")["tools"]), 1)  # By the next process.

    def test_a_server_that_forks_without_end_is_ended_with_all_that_it_started(self):
        self.ends("forks", {"processes": 20}, "20 processes and threads")
        eventually("that its processes are gone", lambda: len([
            command for command in self.home.processes().values() if "odd_server.py forks" in command]) <= 1)

    def test_a_server_that_is_given_a_port_has_limits_too(self):
        self.configure({"web": {"command": sys.executable, "args": [HTTP_SERVER, "--port", "${port}"], "transport": "http"}},
                       defaults={"limits": {"memory": "1M", "processes": 500}})
        session = self.home.spawn([HEARTH, "attach", "web"])
        session.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                     "clientInfo": {"name": "t", "version": "1"}})
        eventually("that it is ended", lambda: "more than its limit of 1 MiB of memory" in self.log())
        self.assertEqual(self.home.status_of("web")[0]["limits"], {"memoryBytes": 1 << 20, "processes": 500})

    def test_limits_are_kept_by_the_next_program_too(self):
        self.configure({"odd": self.odd("leaks", limits={"memory": "128M"})})
        session = self.attach("odd")
        self.home.hearth("upgrade", seconds=60)
        with self.assertRaises(RpcError) as caught:
            session.start_tool("t").result()
        self.assertIn("more than its limit of 128 MiB of memory", str(caught.exception))

    def test_what_this_machine_cannot_keep_is_said(self):
        self.configure({"odd": self.odd("mute", limits={"cpu": 0.5, "memory": "1G"})})
        self.attach("odd")
        status = self.home.status_of("odd")[0]
        self.assertEqual(status["limits"], {"memoryBytes": 1 << 30, "cpu": 0.5})
        if not status["limitsNotKept"]:
            self.skipTest("the kernel keeps all limits here")
        sentence = status["limitsNotKept"][0]
        self.assertIn("its limit of 0.5 processors is not kept", sentence)
        self.assertIn("odd: " + sentence, self.home.hearth("status").stdout)
        self.assertIn("server odd: " + sentence, self.log())
        self.one(self.doctor(), "limits", "server odd: its limit of 0.5 processors is not kept", "hearth service install")

    def test_sessions_with_other_limits_have_other_servers(self):
        self.configure({"one": self.odd("mute", limits={"memory": "1G"}), "other": self.odd("mute")})
        self.attach("one").request("tools/list")
        self.attach("other").request("tools/list")
        self.assertEqual(len(self.home.status_of("one")), 1)
        self.assertEqual(len(self.home.status_of("other")), 1)


class TestBudget(LimitsCase):
    def test_an_idle_server_makes_room_and_comes_back_when_it_is_called(self):
        self.configure({"idle": self.odd("mute", idleTimeoutMs=0)}, budget={"memory": "1M"})
        busy = self.attach("fake")
        held = busy.do({"hold": "k"}, {"text": "undisturbed"})
        server = self.home.wait_server()
        session = self.attach("idle")
        eventually("that the idle server is stopped",
                   lambda: [one for one in self.home.status_of("idle") if one["state"] == "stopped"], 60)
        why = "was stopped because memory was short (all servers together held"
        self.assertIn("idle: " + why, self.home.hearth("status").stdout)
        self.assertIn("and their budget is 1 MiB", self.home.status_of("idle")[0]["trouble"])
        self.assertEqual(self.home.status()["daemon"]["budget"]["memoryBytes"], 1 << 20)
        self.assertIn("idle: is stopped because memory is short", self.log())
        self.assertEqual(len(session.request("tools/list")["tools"]), 1)
        self.assertEqual(self.home.status_of("idle")[0]["trouble"], "")
        server.release("k")
        self.assertEqual(held.text(), "undisturbed")
