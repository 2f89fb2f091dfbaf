"""What a server asks its clients, and what it tells them all: attribution, roots, levels, subscriptions, list changes."""
import json
import signal

from client import FULL, RpcError, id_key
from world import DIRECT, Case, eventually, needs_hearth

FORM = {"message": "who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}
ELICIT = {"ask": "elicitation/create", "params": FORM}
CAN = {"elicitation": {}}


def declined(answer):
    """What a server hears when nobody can be asked: an error, or what a person does who closes the window."""
    return "error" in answer or answer["result"] == {"action": "cancel"}


class TestAsks(Case):
    def test_a_question_during_a_call_reaches_the_caller(self):
        a = self.client(capabilities=CAN)
        call = a.do(ELICIT)
        ask = a.next_ask()
        self.assertEqual((ask["method"], ask["params"]), ("elicitation/create", FORM))
        a.respond(ask, {"action": "accept", "content": {"name": "x"}})
        self.assertEqual(call.collected()[0]["result"], {"action": "accept", "content": {"name": "x"}})

    def test_an_answer_arrives_byte_for_byte(self):
        """A client's answer that loses its result or error on the way: nested content, odd numbers, an error with data."""
        a = self.client(capabilities=CAN)
        answers = ['"result":{"action":"accept","content":{"z":1.50,"a":[{"ü":"\\u00e4"}],"n":null},"_meta":{"x/y":1e2}}',
                   '"error":{"code":-1,"message":"no","data":{"why":[1,2,{"deep":true}]}}']
        for answer in answers:
            call = a.do(ELICIT)
            ask = a.next_ask()
            a.write_line('{"jsonrpc":"2.0","id":%s,%s}' % (id_key(ask["id"]), answer))
            call.result()
            self.assertTrue(any(answer in raw for raw in self.server().raw_lines()), answer)

    def test_the_servers_ids_of_any_kind_come_back_as_they_were(self):
        a = self.client(capabilities=CAN)
        for spelling in (0, "0", "", -7, 9007199254740993, "ü"):
            call = a.do({**ELICIT, "id": spelling})
            a.respond(a.next_ask(), {"action": "decline"})
            got = call.collected()[0]
            self.assertEqual((got["id"], type(got["id"]) is str), (spelling, type(spelling) is str))

    def test_sampling_reaches_a_client_that_can(self):
        a = self.client(capabilities=FULL)
        call = a.do({"ask": "sampling/createMessage", "params": {"messages": [], "maxTokens": 5}})
        ask = a.next_ask()
        self.assertEqual(ask["method"], "sampling/createMessage")
        a.respond(ask, {"role": "assistant", "content": {"type": "text", "text": "hi"}, "model": "m"})
        self.assertEqual(call.collected()[0]["result"]["model"], "m")

    @needs_hearth
    def test_capabilities_are_each_sessions_own(self):
        """Capabilities frozen by the first client: the first cannot be asked, the second can. The first's calls never ask
        anybody, the second's do, also while the first has one open."""
        a, b = self.client(), self.client(capabilities=CAN)
        self.assertTrue(declined(a.do(ELICIT).collected()[0]))
        b.sync()
        self.assertEqual((list(a.asks), list(b.asks)), ([], []))
        call = b.do(ELICIT)
        b.respond(b.next_ask(), {"action": "accept", "content": {"name": "b"}})
        self.assertEqual(call.collected()[0]["result"]["content"], {"name": "b"})

        a.do({"hold": "a"}, {"text": "x"})
        server = self.server()
        server.wait("(hold a)")
        b.do(ELICIT, {"text": "asked"})
        server.release("a")
        a.sync()
        self.assertEqual(list(a.asks), [])

    @needs_hearth
    def test_hearth_does_not_guess_between_two_callers(self):
        """Given to the most recently active: two capable callers, so the question is refused, and from then on the
        server's calls run for one session at a time, which makes the next question certain."""
        a, b = self.client(capabilities=CAN), self.client(capabilities=CAN)
        other = b.do({"hold": "b"}, {"text": "b"})
        server = self.server()
        server.wait("(hold b)")
        self.assertTrue(declined(a.do(ELICIT).collected()[0]))
        self.assertEqual((list(a.asks), list(b.asks)), ([], []))
        server.release("b")
        other.result()

        first = a.do({"hold": "first"}, ELICIT)
        server.wait("(hold first)")
        second = b.do(ELICIT)
        eventually("that B's call waits", lambda: self.home.status_of()[0]["waiting"] >= 1)
        server.release("first")
        a.respond(a.next_ask(), {"action": "accept", "content": {"name": "a"}})
        b.respond(b.next_ask(), {"action": "accept", "content": {"name": "b"}})
        self.assertEqual(first.collected()[0]["result"]["content"], {"name": "a"})
        self.assertEqual(second.collected()[0]["result"]["content"], {"name": "b"})

    @needs_hearth
    def test_a_question_outside_any_call_is_refused(self):
        """Broadcast, or given to the last one connected: with two sessions and no call it is nobody's."""
        a, b = self.client(capabilities=FULL), self.client(capabilities=FULL)
        server = self.server()
        for method in ("elicitation/create", "sampling/createMessage"):
            answer = json.loads(server.do({"ask": method, "params": {}})["result"]["content"][0]["text"])[0]
            self.assertTrue(declined(answer))
        a.sync(), b.sync()
        self.assertEqual((list(a.asks), list(b.asks)), ([], []))

    @needs_hearth
    def test_pings_of_the_server_are_answered_by_hearth(self):
        a = self.client()
        a.handlers.clear()
        answer = json.loads(self.server().do({"ask": "ping"})["result"]["content"][0]["text"])[0]
        self.assertEqual(answer["result"], {})
        a.sync()
        self.assertEqual(list(a.asks), [])

    @needs_hearth
    def test_a_forged_answer_of_another_session_is_dropped(self):
        """B answers the id that A was asked with: the server hears A's answer, once."""
        a, b = self.client(capabilities=CAN), self.client(capabilities=CAN)
        call = a.do(ELICIT)
        ask = a.next_ask()
        b.respond(ask, {"action": "accept", "content": {"name": "forged"}})
        for spelling in ("0", "1", "2", '"0"'):
            b.write_line('{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{"name":"forged"}}}' % spelling)
        b.sync()
        a.respond(ask, {"action": "accept", "content": {"name": "true"}})
        self.assertEqual(call.collected()[0]["result"]["content"]["name"], "true")
        a.respond(ask, {"action": "accept", "content": {"name": "twice"}})
        a.sync()
        self.assertEqual(self.server().counts()["(response)"], 1)

    def test_a_question_that_the_server_withdraws_is_cancelled_for_its_client(self):
        a = self.client(capabilities=CAN)
        a.do({**ELICIT, "id": 41, "go_on": True},
             {"notify": "notifications/cancelled", "params": {"requestId": 41, "reason": "too slow"}}, {"text": "x"}).result()
        ask = a.next_ask()
        notice = a.hear("notifications/cancelled")[0]
        self.assertEqual(notice["params"]["requestId"], ask["id"])

    @needs_hearth
    def test_a_session_that_leaves_does_not_leave_the_server_waiting(self):
        a = self.client(capabilities=CAN)
        self.client()
        a.do({**ELICIT, "id": "q"})
        a.next_ask()
        a.close()
        self.server().wait('"id":"q"', '"result":{"action":"cancel"}')

    @needs_hearth
    def test_the_next_session_is_asked_after_one_has_left_with_its_question_open(self):
        """The cancelled call counted as one that might be asking, and everybody else's questions were declined for 30 s."""
        a, b = self.client(capabilities=CAN), self.client(capabilities=CAN)
        a.do({**ELICIT, "id": "q"}, {"hold": "a"})
        a.next_ask()
        a.signal(signal.SIGTERM)
        a.wait_exit()
        server = self.server()
        server.wait('"id":"q"', '"result":{"action":"cancel"}')
        call = b.do(ELICIT)
        b.respond(b.next_ask(), {"action": "accept", "content": {"name": "b"}})
        self.assertEqual(call.collected()[0]["result"]["content"], {"name": "b"})

    @needs_hearth
    def test_another_session_works_while_a_person_is_asked(self):
        """Calls of a server that asks take turns, but nobody waits behind somebody else's open dialog."""
        a, b = self.client(capabilities=CAN), self.client(capabilities=CAN)
        call = a.do(ELICIT)
        ask = a.next_ask()
        b.do({"text": "meanwhile"}).result()
        a.respond(ask, {"action": "accept", "content": {"name": "a"}})
        self.assertEqual(call.collected()[0]["result"]["content"], {"name": "a"})

    @needs_hearth
    def test_a_server_that_has_asked_is_known_to_the_next_daemon(self):
        a = self.client(capabilities=CAN)
        self.assertFalse(self.home.status_of()[0]["interactive"])
        call = a.do(ELICIT)
        a.respond(a.next_ask(), {"action": "decline"})
        call.result()
        a.close()
        self.home.hearth("shutdown")
        self.client(capabilities=CAN)
        self.assertTrue(self.home.status_of()[0]["interactive"])

    @needs_hearth
    def test_a_server_with_one_session_is_told_what_its_client_can_do(self):
        """Gemini CLI and OpenCode were shown tools that always answered "User cancelled"."""
        told = []
        for can in ({}, CAN, {"elicitation": {"url": {}}, "sampling": {}}):
            client = self.client(capabilities=can)
            server = self.home.wait_server(len(told) + 1)
            greeting = eventually("that it is greeted", lambda: server.of("initialize"))
            declared = greeting[-1]["params"]["capabilities"]
            told.append({key: declared[key] for key in declared if key != "roots"})
            client.result_of_nothing = client.request("tools/list")
            client.close()
            eventually("that it has left", lambda: not self.home.status()["sessions"])
        self.assertEqual(told, [{}, {"elicitation": {"form": {}}}, {"elicitation": {"url": {}}, "sampling": {}}])

    @needs_hearth
    def test_a_url_elicitation_needs_the_mode(self):
        a = self.client(capabilities={"elicitation": {}})
        params = {"mode": "url", "url": "https://example.org", "elicitationId": "e1", "message": "go"}
        self.assertTrue(declined(a.do({"ask": "elicitation/create", "params": params}).collected()[0]))
        b = self.client(capabilities={"elicitation": {"form": {}, "url": {}}})
        call = b.do({"ask": "elicitation/create", "params": params})
        b.respond(b.next_ask(), {"action": "accept"})
        call.result()
        self.server().do({"notify": "notifications/elicitation/complete", "params": {"elicitationId": "e1"}})
        b.hear("notifications/elicitation/complete")
        a.sync()
        self.assertEqual(a.heard("notifications/elicitation/complete"), [])


class TestRoots(Case):
    def roots_of(self, *uris):
        return lambda params: {"roots": [{"uri": uri} for uri in uris]}

    def asked(self, session):
        """What a server hears that asks during this session's call."""
        roots = session.do({"ask": "roots/list"}).collected()[0]["result"]["roots"]
        uris = [root["uri"] for root in roots]
        self.assertEqual(len(uris), len(set(uris)), "a root twice")
        return set(uris)

    def test_roots_of_the_one_session(self):
        a = self.home.open(name="fake")
        a.handlers["roots/list"] = self.roots_of("file:///a")
        a.initialize(capabilities={"roots": {"listChanged": True}})
        self.assertEqual(self.asked(a), {"file:///a"})

    @needs_hearth
    def test_the_union_of_all_sessions_follows_them(self):
        """Roots of the first project: the server has one list, so it holds everybody's; who leaves takes the own along."""
        self.home.config({"defaults": {"roots": "union"}})
        capabilities = {"roots": {"listChanged": True}}
        a, b = self.home.open(name="fake"), self.home.open(name="fake")
        a.handlers["roots/list"] = self.roots_of("file:///a", "file:///both")
        b.handlers["roots/list"] = self.roots_of("file:///both", "file:///b")
        a.initialize(capabilities=capabilities)
        self.assertEqual(self.asked(a), {"file:///a", "file:///both"})
        b.initialize(capabilities=capabilities)
        self.server().wait("notifications/roots/list_changed")
        self.assertEqual(self.asked(a), {"file:///a", "file:///both", "file:///b"})
        b.handlers["roots/list"] = self.roots_of("file:///both", "file:///new")
        b.notify("notifications/roots/list_changed")
        self.server().wait("notifications/roots/list_changed", count=2)
        self.assertEqual(self.asked(b), {"file:///a", "file:///both", "file:///new"})
        b.close()
        self.server().wait("notifications/roots/list_changed", count=3)
        self.assertEqual(self.asked(a), {"file:///a", "file:///both"})

    @needs_hearth
    def test_a_server_that_asks_at_once_hears_the_first_sessions_roots(self):
        """Servers ask as soon as they are initialised, when the session that started them is not quite ready: an empty list
        would make them work on nothing, or refuse to."""
        a = self.home.open("--after-initialized", json.dumps([{"ask": "roots/list"}]), name="fake")
        a.handlers["roots/list"] = self.roots_of("file:///a")
        a.initialize(capabilities={"roots": {}})
        a.sync()
        self.server().wait('"result":{"roots"')
        answers = [m for m in self.server().received() if "roots" in m.get("result", {})]
        self.assertEqual(answers[0]["result"]["roots"], [{"uri": "file:///a"}])

    @needs_hearth
    def test_a_session_without_roots_is_not_asked(self):
        a = self.client()
        heard = a.do({"ask": "roots/list"}).collected()[0]
        self.assertEqual(heard["error"]["code"], -32601)
        self.assertEqual(list(a.asks), [])

    @needs_hearth
    def test_sessions_with_other_roots_get_a_process_of_their_own(self):
        """Roots are access rights: what one session may see is not what another may, also after it has left."""
        a, b, c = (self.home.open("--after-initialized", json.dumps([{"ask": "roots/list"}]), name="fake") for _ in range(3))
        a.handlers["roots/list"] = self.roots_of("file:///a")
        b.handlers["roots/list"] = self.roots_of("file:///a/")
        a.initialize(capabilities={"roots": {"listChanged": True}})
        self.assertEqual(self.asked(a), {"file:///a"})
        b.initialize(capabilities={"roots": {}})
        c.initialize(capabilities={})
        counts = [session.tool("count", {"key": "k"}) for session in (a, b, c)]
        self.assertEqual(counts, ["1", "2", "1"], "the same place, however it is written, and none")
        a.close(), b.close()
        self.assertEqual(c.do({"ask": "roots/list"}).collected()[0]["error"]["code"], -32601)
        self.assertIn("only sessions with the same ones share it: none declared", self.home.hearth("why").stdout)


class TestLevels(Case):
    def upstream(self):
        return [message["params"]["level"] for message in self.server().of("logging/setLevel")]

    def heard(self, session):
        session.sync()
        return [notice["params"]["level"] for notice in session.heard("notifications/message")]

    def test_a_level_reaches_the_server(self):
        a = self.client()
        self.assertEqual(a.request("logging/setLevel", {"level": "warning"}), {})
        self.assertEqual(self.upstream(), ["warning"])

    @needs_hearth
    def test_the_union_upstream_and_a_filter_per_session(self):
        """The last setLevel wins, for everybody: A wants debug, B error; each hears its own, and when A leaves the
        server's level rises."""
        a, b = self.client(), self.client()
        b.request("logging/setLevel", {"level": "error"})
        a.request("logging/setLevel", {"level": "debug"})
        self.assertEqual(self.upstream(), ["error", "debug"])
        server = self.server()
        server.do({"log": "debug"}, {"log": "warning"}, {"log": "error"}, {"log": "emergency"})
        self.assertEqual(self.heard(a), ["debug", "warning", "error", "emergency"])
        self.assertEqual(self.heard(b), ["error", "emergency"])
        b.request("logging/setLevel", {"level": "critical"})
        self.assertEqual(self.upstream(), ["error", "debug"])
        a.close()
        server.wait("logging/setLevel", "critical")
        self.assertEqual(self.upstream(), ["error", "debug", "critical"])

    @needs_hearth
    def test_an_unknown_level_is_an_error_and_changes_nothing(self):
        a = self.client()
        with self.assertRaises(RpcError):
            a.request("logging/setLevel", {"level": "shouting"})
        a.sync()


class TestSubscriptions(Case):
    def upstream(self):
        return [(message["method"].rsplit("/", 1)[1], message["params"]["uri"]) for message in self.server().received()
                if message.get("method") in ("resources/subscribe", "resources/unsubscribe")]

    def heard(self, session):
        session.sync()
        return [notice["params"]["uri"] for notice in session.heard("notifications/resources/updated")]

    def test_one_session_subscribes_and_hears(self):
        a = self.client()
        self.assertEqual(a.request("resources/subscribe", {"uri": "fake://a"}), {})
        a.do({"updated": "fake://a"}).result()
        self.assertEqual(self.heard(a), ["fake://a"])
        self.assertEqual(a.request("resources/unsubscribe", {"uri": "fake://a"}), {})
        self.server().wait("resources/unsubscribe")
        self.assertEqual(self.upstream(), [("subscribe", "fake://a"), ("unsubscribe", "fake://a")])

    @needs_hearth
    def test_unsubscribing_takes_it_from_nobody_else(self):
        """A and B subscribe, A unsubscribes and dies: B still hears; the server saw one subscribe, and after B one
        unsubscribe. C, who never subscribed, hears nothing at all."""
        a, b, c = self.home.clients_of(3)
        for session in (a, b):
            session.request("resources/subscribe", {"uri": "fake://a"})
        server = self.server()
        server.do({"updated": "fake://a"})
        self.assertEqual([self.heard(session) for session in (a, b, c)], [["fake://a"], ["fake://a"], []])
        a.request("resources/unsubscribe", {"uri": "fake://a"})
        a.signal(9)
        a.wait_exit()
        server.do({"updated": "fake://a"}, {"updated": "fake://other"})
        self.assertEqual(self.heard(b), ["fake://a", "fake://a"])
        self.assertEqual(self.heard(c), [])
        self.assertEqual(self.upstream(), [("subscribe", "fake://a")])
        b.close()
        server.wait("resources/unsubscribe")
        self.assertEqual(self.upstream(), [("subscribe", "fake://a"), ("unsubscribe", "fake://a")])
        self.assertEqual(self.heard(c), [])

    @needs_hearth
    def test_an_unclean_end_unsubscribes_too(self):
        a, _ = self.client(), self.client()
        a.request("resources/subscribe", {"uri": "fake://a"})
        a.signal(9)
        self.server().wait("resources/unsubscribe", "fake://a")

    def test_a_refused_subscription_is_an_error_for_everybody_who_wants_it(self):
        sessions = [self.client()] if DIRECT else self.home.clients_of(3)
        wishes = [session.start("resources/subscribe", {"uri": "fake://refused"}) for session in sessions]
        for wish in wishes:
            with self.assertRaises(RpcError) as caught:
                wish.result()
            self.assertIn("no such resource", str(caught.exception))


class TestListChanges(Case):
    def test_each_kind_reaches_the_session(self):
        a = self.client()
        for kind in ("tools", "resources", "prompts"):
            a.do({"list_changed": kind}).result()
            a.hear("notifications/%s/list_changed" % kind)

    @needs_hearth
    def test_a_thousand_changes_reach_everybody_and_are_few(self):
        sessions = self.home.clients_of(3)
        self.server().do({"list_changed": "tools", "times": 1000})
        for session in sessions:
            session.hear("notifications/tools/list_changed")
            session.sync()
            self.assertLess(len(session.heard("notifications/tools/list_changed")), 100)

    @needs_hearth
    def test_a_change_after_the_last_telling_is_told_again(self):
        a = self.client()
        server = self.server()
        for round_ in range(1, 6):
            server.do({"list_changed": "tools"})
            a.hear("notifications/tools/list_changed", round_)

    @needs_hearth
    def test_a_change_survives_a_flood_to_a_stalled_reader(self):
        """A queue that drops list_changed among 10,000 progress notifications: it is coalesced, never lost."""
        a, b = self.client(), self.client()
        a.pause()
        call = a.do({"progress": 10000}, {"list_changed": "prompts"}, {"text": "end"}, token="t")
        server = self.server()
        server.wait('"tools/call"')
        b.hear("notifications/prompts/list_changed")
        a.resume()
        a.hear("notifications/prompts/list_changed")
        self.assertEqual(call.text(), "end")

    def test_unknown_notifications_of_the_server_arrive(self):
        a = self.client()
        a.do({"notify": "notifications/vendor/news", "params": {"x": [1]}}).result()
        self.assertEqual(a.hear("notifications/vendor/news")[0]["params"], {"x": [1]})
