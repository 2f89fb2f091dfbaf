"""Streams towards clients: what goes on which, how they are gone on with after a break, and after the end of a daemon."""
import json
import os
import random
import signal
import stat

from client import PATIENCE, RpcError
from http_world import HttpCase, call, do
from world import eventually


class TestStreams(HttpCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_a_call_with_something_to_say_first_is_a_stream(self):
        answer = self.streamable().raw(body=do(5, {"progress": 3}, {"text": "done"}, token=1))
        self.assertTrue(answer.is_stream)
        self.assertIn("no-cache", answer.get("cache-control"))
        events = list(answer.events())
        self.assertEqual((events[0].data, events[0].id is not None), ("", True), "no priming event")
        self.assertTrue(any(event.retry for event in events), "nothing said when to come back")
        said = [json.loads(event.data) for event in events if event.data]
        self.assertEqual([message["params"]["progress"] for message in said[:-1]], [1, 2, 3])
        self.assertEqual(said[-1]["id"], 5)
        ids = [event.id for event in events if event.data]
        self.assertEqual(len(set(ids)), 4)
        self.assertNotIn(None, ids)

    def test_older_revisions_get_no_empty_events(self):
        """Their SDKs take each event for a message."""
        for revision in ("2025-03-26", "2025-06-18"):
            answer = self.streamable(revision=revision).raw(body=do(5, {"progress": 1}, {"text": "x"}, token=1))
            self.assertNotIn("", [event.data for event in answer.events()])

    def test_a_call_that_takes_long_becomes_a_stream_by_itself(self):
        """So that it can be resumed, and nobody on the way thinks that it is dead."""
        session = self.streamable()
        answer = session.raw(body=do(5, {"hold": "k"}, {"text": "late"}))
        self.assertTrue(answer.is_stream)
        self.home.server().release("k")
        self.assertEqual(answer.messages()[-1]["id"], 5)

    def test_what_concerns_no_call_goes_to_the_get_stream(self):
        session, other = self.streamable(), self.streamable()
        self.assertTrue(session.listen().is_stream)
        other.do({"list_changed": "tools"}).result()
        session.hear("notifications/tools/list_changed")

    def test_what_came_before_the_get_stream_is_kept_for_it(self):
        session, other = self.streamable(), self.streamable()
        other.do({"list_changed": "prompts"}).result()
        session.sync()
        self.assertTrue(session.listen().is_stream)
        session.hear("notifications/prompts/list_changed")

    def test_each_message_comes_once(self):
        """With three streams open, a notification is on one of them."""
        session = self.streamable()
        session.listen()
        calls = [session.do({"hold": str(n)}) for n in range(2)]
        server = self.home.wait_server()
        for n in range(2):
            server.wait("(hold %d)" % n)
        self.streamable().do({"list_changed": "tools"}).result()
        session.hear("notifications/tools/list_changed")
        server.release("0", "1")
        for pending in calls:
            pending.result()
        session.sync()
        self.assertEqual(len(session.heard("notifications/tools/list_changed")), 1)

    def test_a_second_get_stream_takes_the_place_of_the_first(self):
        session = self.streamable()
        first, second = session.raw("GET"), session.raw("GET")
        self.assertTrue(second.is_stream)
        self.assertIsNone([event for event in first.events() if event.data] or None)
        self.streamable().do({"list_changed": "tools"}).result()
        while not (event := second.next_event()).data:
            pass
        self.assertIn("list_changed", event.data)

    def test_a_question_comes_on_the_stream_of_its_call(self):
        session = self.streamable(capabilities={"elicitation": {}, "sampling": {}})
        pending = session.do({"ask": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object"}}})
        ask = session.next_ask()
        session.respond(ask, {"action": "accept", "content": {"a": 1}})
        self.assertIn("accept", pending.text())

    def test_a_broken_connection_cancels_nothing(self):
        session = self.streamable()
        connection = self.connection()
        connection.start("POST", "/mcp/fake", session.headers(), do(5, {"progress": 1}, {"hold": "k"}, {"text": "late"}, token=1))
        answer = connection.answer()
        last = next(event.id for event in answer.events() if event.data)
        connection.cut()
        server = self.home.server()
        session.sync()
        server.release("k")
        resumed = session.raw("GET", Last_Event_ID=last)
        self.assertEqual([message["id"] for message in resumed.messages()], [5])
        self.assertEqual(server.counts()["notifications/cancelled"], 0)

    def test_cancelling_is_a_message(self):
        session = self.streamable()
        pending = session.do({"hold": "k", "drop": True})
        server = self.home.wait_server()
        server.wait("(hold k)")
        session.cancel(pending)
        server.wait("notifications/cancelled")
        session.sync()
        if pending.done():  # The stream has ended, and said nothing.
            self.assertIn("ended without the answer", pending.response()["error"]["message"])

    def test_progress_tokens_stay_what_they_were(self):
        session = self.streamable()
        for token in ("text", 7, "7"):
            session.do({"progress": 1}, token=token).result()
        self.assertEqual([one["params"]["progressToken"] for one in session.hear("notifications/progress", 3)],
                         ["text", 7, "7"])


class TestPolling(HttpCase):
    def test_a_stream_is_ended_when_it_gets_old_and_goes_on(self):
        self.serve(http={"pollAfterMs": 100})
        session = self.streamable()
        answer = session.raw(body=do(5, {"hold": "k"}, {"text": "late"}))
        events = list(answer.events())  # To the end of the stream, though the call is not answered.
        self.assertEqual([event.data for event in events], [""] * len(events))
        self.assertTrue(any(event.retry is not None for event in events))
        self.home.server().release("k")
        resumed = session.raw("GET", Last_Event_ID=events[-1].id)
        self.assertEqual([message["id"] for message in resumed.messages()], [5])

    def test_clients_of_older_revisions_are_spared(self):
        self.serve(http={"pollAfterMs": 100})
        session = self.streamable(revision="2025-06-18")
        answer = session.raw(body=do(5, {"hold": "k"}, {"text": "late"}))
        other = self.streamable()
        list(other.raw(body=do(1, {"hold": "k2"})).events())  # Somebody else's stream was old enough.
        self.home.server().release("k", "k2")
        self.assertEqual(answer.messages()[-1]["id"], 5)


class TestResumption(HttpCase):
    """Connections break at random places; nothing is lost and nothing comes twice."""

    CALLS = 12

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("HEARTH_E2E_SEED", "0")) or random.SystemRandom().randrange(1, 10 ** 6)
        print("HEARTH_E2E_SEED=%d" % self.seed)
        self.chance = random.Random(self.seed)

    def cuts(self):
        return self.chance.choice([None, self.chance.randrange(1, 80), self.chance.randrange(1, 700)])

    def check_once_each(self, session, pending):
        for number, one in enumerate(pending):
            self.assertEqual(one.text(), "answer %d" % number)
            self.assertEqual(len(session.responses[one.key]), 1)
            heard = [note for note in session.heard("notifications/progress")
                     if note["params"]["progressToken"] == "token %d" % number]
            self.assertEqual(len(heard), number % 5 + 2, "call %d of seed %d" % (number, self.seed))
        self.assertEqual(len(session.event_ids), len(set(session.event_ids)), "an event id came twice")

    def start_calls(self, session, *before_the_answer):
        return [session.do({"progress": n % 5 + 2}, *before_the_answer, {"text": "answer %d" % n}, token="token %d" % n)
                for n in range(self.CALLS)]

    def test_streams_of_calls(self):
        self.serve()
        session = self.streamable(cuts=self.cuts)
        pending = [session.do({"progress": n % 5 + 1}, {"hold": str(n)}, {"progress": 1}, {"text": "answer %d" % n},
                              token="token %d" % n) for n in range(self.CALLS)]
        server = self.home.wait_server()
        for n in self.chance.sample(range(self.CALLS), self.CALLS):
            server.release(str(n))
        self.check_once_each(session, pending)
        self.assertGreater(session.resumed, 0)

    def test_with_polling_as_well(self):
        self.serve(http={"pollAfterMs": 50})
        session = self.streamable(cuts=self.cuts)
        pending = self.start_calls(session, {"hold": "k"})
        server = self.home.wait_server()
        server.wait("(hold k)", count=self.CALLS)
        server.release("k")
        self.check_once_each(session, pending)

    def test_of_two_sessions_at_once(self):
        self.serve()
        sessions = [self.streamable(cuts=self.cuts) for _ in range(2)]
        pending = [self.start_calls(session) for session in sessions]
        for session, calls in zip(sessions, pending):
            self.check_once_each(session, calls)

    def test_of_the_get_stream(self):
        """Each update of a resource that is numbered comes once and in order."""
        self.serve()
        session, other = self.streamable(cuts=self.cuts), self.streamable()
        session.listen()
        uris = ["test://%d" % n for n in range(40)]
        for uri in uris:
            session.request("resources/subscribe", {"uri": uri})
        for uri in uris:
            other.do({"updated": uri}).result()
        heard = session.hear("notifications/resources/updated", len(uris), 4 * PATIENCE)
        session.sync()
        self.assertEqual([one["params"]["uri"] for one in heard], uris, "seed %d" % self.seed)

    def test_of_a_stream_that_has_ended_by_now(self):
        self.serve()
        session = self.streamable()
        connection = self.connection()
        connection.start("POST", "/mcp/fake", session.headers(), do(5, {"progress": 2}, {"hold": "k"}, {"text": "x"}, token=1))
        first = next(event.id for event in connection.answer().events())
        connection.cut()
        server = self.home.server()
        server.wait("(hold k)")
        server.release("k")
        session.sync()
        for _ in range(2):  # It may break again.
            messages = session.raw("GET", Last_Event_ID=first).messages()
            self.assertEqual([message.get("id") or message["params"]["progress"] for message in messages], [1, 2, 5])

    def test_only_of_what_is_its_own(self):
        """An event id of another session, or of nobody, brings nothing of anybody else."""
        self.serve()
        mine, theirs = self.streamable(), self.streamable()
        answer = theirs.raw(body=do(5, {"progress": 2}, {"text": "secret"}, token=1))
        first = list(answer.events())[0].id
        for name in (first, "", "nonsense", "9-9-9", "0-0-0", "18446744073709551616-1-1", "-1--1--1", "1" * 500):
            answer = mine.raw("GET", Last_Event_ID=name)
            if answer.is_stream:
                answer.connection.cut()
                self.assertNotIn("secret", repr(answer.connection.buffer))
            else:
                self.assertIn(answer.status, (204, 400, 404), name)
        mine.sync()


class TestDaemonDies(HttpCase):
    """A session outlives its connections and the daemon."""

    def kill_and_serve(self):
        pid = self.home.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        self.home.foreground[-1].wait(30)
        self.home.serve_again()

    def test_a_session_is_found_again(self):
        self.serve()
        session = self.streamable()
        session.sync()
        self.kill_and_serve()
        self.assertEqual(session.echo("again"), "again")
        self.assertEqual(session.refusals, [])
        self.assertEqual(len(self.home.servers()), 2)

    def test_what_it_had_set_up_is_set_up_again(self):
        self.serve()
        session = self.streamable()
        session.request("resources/subscribe", {"uri": "test://a"})
        self.kill_and_serve()
        session.listen()
        self.streamable().do({"updated": "test://a"}).result()
        session.hear("notifications/resources/updated")

    def test_a_call_in_flight_is_answered_once(self):
        self.serve()
        session = self.streamable()
        pending = session.do({"progress": 1}, {"hold": "for ever"}, token=1)
        session.hear("notifications/progress")
        self.kill_and_serve()
        with self.assertRaises(RpcError) as caught:
            pending.result()
        self.assertNotEqual(caught.exception.code, 0, caught.exception.message)  # Said by Hearth, on the resumed stream.
        self.assertEqual(session.echo("again"), "again")
        self.assertEqual(len(session.responses[pending.key]), 1)

    def test_sessions_of_every_transport(self):
        self.serve()
        stdio, http, sse = self.each_transport()
        self.kill_and_serve()
        self.assertEqual((stdio.echo("a"), http.echo("b")), ("a", "b"))
        sse.wait("the end", lambda: sse.ended)  # Its session was its connection.
        self.sse().sync()

    def test_an_old_event_id_is_not_taken_for_a_new_one(self):
        """A client that comes back after two daemons gets no event twice, and none of another stream."""
        self.serve()
        session = self.streamable()
        session.listen()
        for round_ in range(2):
            self.streamable().do({"list_changed": "tools"}).result()
            session.hear("notifications/tools/list_changed", round_ + 1)
            self.kill_and_serve()
            session.sync()
        ids = [name for name in session.event_ids if name]
        self.assertEqual(len(ids), len(set(ids)))

    def test_a_session_that_ended_stays_ended(self):
        self.serve()
        session = self.streamable()
        session.raw("DELETE")
        self.kill_and_serve()
        self.assertEqual(session.raw(body=call(1, "echo")).status, 404)

    def test_it_ends_some_time_after_its_last_connection(self):
        self.serve(http={"sessionTimeoutMs": 200})
        session = self.streamable()
        session.sync()
        eventually("that the session is over", lambda: not self.home.status()["sessions"])
        self.assertEqual(session.raw(body=call(1, "echo")).status, 404)

    def test_it_does_not_end_while_a_stream_is_open_or_a_call_in_flight(self):
        self.serve(http={"sessionTimeoutMs": 200})
        session, other = self.streamable(), self.streamable()
        session.listen()
        other.sync()
        eventually("that the other is over", lambda: len(self.home.status()["sessions"]) == 1)
        session.sync()
        self.assertEqual(session.refusals, [])

    def test_what_is_kept_of_it_is_private(self):
        self.serve()
        session = self.streamable()
        for folder, _, files in os.walk(self.home.hearth_home):
            for name in files:
                path = os.path.join(folder, name)
                if path.endswith("config.json"):
                    continue
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)
                self.assertNotIn(session.session, self.home.hearth("logs", check=False).stdout)
