"""Messages reach their owners: ids, progress, cancellation, batches, tasks."""
import json
import signal

from client import RpcError
from world import DIRECT, Case, eventually, needs_hearth


def text_of(message):
    return message["result"]["content"][0]["text"]


class TestIds(Case):
    def test_every_kind_of_id_comes_back_byte_for_byte(self):
        """Falsy and look-alike ids: 0, -1, "", "1" and 1, beyond 2^53, 1.0, escapes; all in flight at once."""
        spellings = ["0", "-1", '""', '"1"', "1000001", "1", "9007199254740993", "1.0", "1e3", '"\\u0041"', '"ü😀"',
                     '"' + "x" * 200 + '"', "123456789012345678901234567890", '"a\\"b\\\\"']
        a = self.home.open(name="fake")
        a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                               "clientInfo": {"name": "t", "version": "1"}}, raw_id='"init"').result()
        a.notify("notifications/initialized")
        calls = [a.do({"hold": "all"}, {"text": spelling}, raw_id=spelling) for spelling in spellings]
        self.server().wait("(hold all)", count=len(spellings))
        self.server().release("all")
        for pending, spelling in zip(calls, spellings):
            self.assertEqual(pending.text(), spelling)
        for spelling in spellings:
            part = b'"id":' + spelling.encode()
            found = [line for line in a.lines if part + b"," in line or part + b"}" in line]
            self.assertEqual(len(found), 1, "the id %s did not come back as it was: %s" % (spelling, a.lines))

    @needs_hearth
    def test_two_sessions_with_the_same_ids_in_reversed_order(self):
        """Id collision: two sessions use ids 1…100 interleaved, answers come in reversed order."""
        a, b = self.client(), self.client()
        calls = []
        for n in range(1000, 1100):
            for who, session in (("a", a), ("b", b)):
                key = "%s%d" % (who, n)
                calls.append((key, session.do({"hold": key}, {"text": key}, raw_id=str(n))))
        server = self.server()
        server.wait("(hold ", count=200)
        server.release(*(key for key, _ in reversed(calls)))
        for key, pending in calls:
            self.assertEqual(pending.text(), key)
        self.assertEqual((a.answers(), b.answers()), (101, 101))

    @needs_hearth
    def test_a_duplicate_id_is_refused_without_ending_the_first_call(self):
        """The same id twice in flight: the second gets an error that does not carry the id, the first its answer."""
        a = self.client()
        first = a.do({"hold": "k"}, {"text": "first"}, raw_id='"twice"')
        self.server().wait("(hold k)")
        a.do({"text": "second"}, raw_id='"twice"')
        a.wait("an error without the id", lambda: a.responses["null"])
        self.assertEqual(a.responses["null"][0]["error"]["code"], -32600)
        self.assertFalse(first.done())
        self.server().release("k")
        self.assertEqual(first.text(), "first")
        self.assertEqual(len(a.responses.pop('"twice"')), 1)
        self.assertEqual(a.start_tool("echo", {"text": "again"}, raw_id='"twice"').text(), "again")

    def test_unknown_methods_fields_and_meta_go_through_untouched(self):
        """A broker that drops what it does not know: every unknown key, _meta key, order and number spelling survives."""
        a = self.client()
        params = '{"zeta":1.50,"alpha":{"$ref":"#","n":1e400},"_meta":{"vendor/x":[1,2],"traceparent":"00-a"},"u":"\\u00e4"}'
        a.write_line('{"jsonrpc":"2.0","id":77,"method":"fake/unheard-of","params":%s,"extra":true}' % params)
        message = a.wait("the answer", lambda: a.responses["77"])[0]
        self.assertEqual(message["result"]["method"], "fake/unheard-of")
        raw = self.server().raw_lines()[-1]
        self.assertIn(params, raw)
        self.assertIn('"extra":true', raw)
        self.assertIn(params.encode(), a.lines[-1])

    def test_errors_of_the_server_come_through(self):
        a = self.client()
        with self.assertRaises(RpcError) as caught:
            a.do({"error": {"code": -32042, "message": "über", "data": {"deep": [1, {"x": None}]}}}).result()
        self.assertEqual((caught.exception.code, caught.exception.message), (-32042, "über"))
        self.assertEqual(caught.exception.data, {"deep": [1, {"x": None}]})
        with self.assertRaises(RpcError) as caught:
            a.request("no/such/method")
        self.assertEqual(caught.exception.code, -32601)

    @needs_hearth
    def test_an_answer_that_nobody_asked_for_reaches_nobody(self):
        """An answer with an invented id, and a second answer to the same call, are dropped and counted."""
        a, b = self.client(), self.client()
        lines = (len(a.lines), len(b.lines))
        call = a.do({"text": "once"}, {"raw": '{"jsonrpc":"2.0","id":$ID,"result":{"second":true}}\n'},
                    {"raw": '{"jsonrpc":"2.0","id":99999,"result":{}}\n{"jsonrpc":"2.0","id":"x","result":{}}\n'})
        self.assertEqual(call.text(), "once")
        a.sync(), b.sync()
        self.assertEqual((len(a.lines) - lines[0], len(b.lines) - lines[1]), (2, 1))

    def test_pings_of_the_client_are_answered(self):
        a = self.client()
        self.assertEqual(a.request("ping"), {})
        if not DIRECT:
            self.assertEqual(self.server().counts()["ping"], 0)

    def test_discover_is_answered_from_what_the_server_said(self):
        """Claude Code asks this on the pipe on which it then says initialize."""
        a = self.home.open(name="fake")
        found = a.request("server/discover", {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                                                        "io.modelcontextprotocol/clientCapabilities": {}}})
        self.assertEqual(found["supportedVersions"][:2], ["2026-07-28", "2025-11-25"])
        self.assertEqual(found["resultType"], "complete")
        self.assertIn("tools", found["capabilities"])
        self.assertEqual(a.initialize()["protocolVersion"], "2025-11-25")
        self.assertEqual(a.echo("x"), "x")

    @needs_hearth
    def test_whatever_a_legacy_server_makes_of_discover_it_serves(self):
        for kind in ("exit", "silence", "0", "-32602"):
            with self.subTest(kind):
                a = self.home.open("--discover", kind, name="fake")
                a.initialize()
                self.assertEqual(a.echo("x"), "x")
                self.assertEqual(self.home.servers()[-1].counts()["initialize"], 1)

    @needs_hearth
    def test_a_server_that_dies_of_discover_is_not_asked_again(self):
        """Servers of the Rust SDK end when anything but initialize comes first. It is remembered, with a date."""
        a = self.home.open("--discover", "exit", name="fake")
        a.initialize()
        self.assertEqual(len(self.home.servers()), 2)
        self.home.hearth("restart", "fake")
        eventually("it is back", lambda: len(self.home.servers()) == 3)
        self.assertEqual(a.echo("x"), "x")
        self.home.hearth("shutdown")
        b = self.home.open("--discover", "exit", name="fake")
        b.initialize()
        self.assertEqual(len(self.home.servers()), 4)
        self.assertEqual(self.home.servers()[-1].counts()["server/discover"], 0)


class TestRevisions(Case):
    @needs_hearth
    def test_each_session_gets_the_revision_it_asked_for(self):
        """An initialize cache with too small a key: three clients with three revisions on one server."""
        for revision in ("2024-11-05", "2025-06-18", "2025-11-25", "2025-03-26"):
            session = self.home.open(name="fake")
            self.assertEqual(session.initialize(revision)["protocolVersion"], revision)
            self.assertEqual(session.echo("x"), "x")
        self.assertEqual(self.server().counts()["initialize"], 1)

    @needs_hearth
    def test_an_unknown_revision_is_answered_with_one_that_is_known(self):
        for revision in ("2099-01-01", "2026-07-28"):
            session = self.home.open(name="fake")
            self.assertEqual(session.initialize(revision)["protocolVersion"], "2025-11-25")

    @needs_hearth
    def test_initialized_reaches_the_server_once(self):
        """notifications/initialized forwarded for every session confuses servers."""
        for session in self.home.clients_of(3):
            session.sync()
        counts = self.server().counts()
        self.assertEqual((counts["initialize"], counts["notifications/initialized"]), (1, 1))
        methods = [message.get("method") for message in self.server().received()]
        self.assertEqual(methods[:3], ["server/discover", "initialize", "notifications/initialized"])

    def test_what_is_sent_right_behind_initialize_is_not_lost(self):
        """Clients pipeline: requests behind initialize, before its answer."""
        a = self.home.open(name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        a.notify("notifications/initialized")
        tools, echo = a.start("tools/list"), a.start_tool("echo", {"text": "early"})
        self.assertEqual(hello.result()["serverInfo"]["name"], "fake")
        self.assertEqual(tools.result()["tools"][0]["name"], "echo")
        self.assertEqual(echo.text(), "early")

    @needs_hearth
    def test_a_failing_initialize_fails_the_session_with_the_servers_words(self):
        a = self.home.open("--initialize", "error", name="fake")
        with self.assertRaises(RpcError) as caught:
            a.initialize()
        self.assertIn("not today", str(caught.exception))


class TestProgress(Case):
    @needs_hearth
    def test_equal_tokens_in_two_sessions(self):
        """Both use token 1, one as a number, one as a string: each hears its own, with its own token's type."""
        a, b = self.client(), self.client()
        one = a.do({"hold": "a"}, {"progress": 5, "from": 10}, token=1)
        two = b.do({"hold": "b"}, {"progress": 5, "from": 20}, token="1")
        server = self.server()
        server.wait("(hold ", count=2)
        server.release("b", "a")
        one.result(), two.result()
        for session, token, first in ((a, 1, 10), (b, "1", 20)):
            heard = [notice["params"] for notice in session.hear("notifications/progress", 5)]
            self.assertEqual([params["progress"] for params in heard], list(range(first, first + 5)))
            for params in heard:
                self.assertEqual(params["progressToken"], token)
                self.assertEqual(type(params["progressToken"]) is str, type(token) is str)
        tokens = [message["params"]["_meta"]["progressToken"] for message in server.of("tools/call")]
        self.assertEqual(len(set(map(str, tokens))), 2, "both calls reached the server with the same token")

    @needs_hearth
    def test_progress_that_belongs_to_no_call_is_dropped(self):
        """Progress after the answer or for an invented token makes Claude Code close the transport of bystanders."""
        a, b = self.client(), self.client()
        call = a.do({"progress": 1}, {"text": "done"}, {"progress": 3, "from": 50}, {"progress": 2, "token": 424242},
                    {"progress": 2, "token": "made-up"}, {"progress": 1, "token": 1}, {"progress": 1, "token": 0}, token="t")
        call.result()
        a.sync(), b.sync()
        self.assertEqual([n["params"]["progress"] for n in a.heard("notifications/progress")], [1])
        self.assertEqual(b.heard("notifications/progress"), [])

    def test_no_token_no_progress(self):
        a = self.client()
        a.do({"progress": 3}, {"text": "x"}).result()
        a.sync()
        self.assertEqual(a.heard("notifications/progress"), [])

    def test_meta_around_the_token_survives(self):
        """The token is rewritten in place: everything else in _meta stays, and a nested one is not mistaken for it."""
        a = self.client()
        pending = a.start("tools/call", {"_meta": {"a/b": {"progressToken": "inner"}, "progressToken": "mine", "z": [1]},
                                         "name": "reflect", "arguments": {"_meta": {"progressToken": "deep"}}})
        seen = json.loads(pending.text())["params"]
        self.assertEqual(seen["_meta"]["a/b"], {"progressToken": "inner"})
        self.assertEqual(seen["_meta"]["z"], [1])
        self.assertEqual(seen["arguments"], {"_meta": {"progressToken": "deep"}})
        self.assertEqual(list(seen["_meta"]), ["a/b", "progressToken", "z"])

    def test_progress_comes_before_its_answer(self):
        a = self.client()
        a.do({"progress": 100}, {"text": "end"}, token=0).result()
        self.assertEqual(len(a.heard("notifications/progress")), 100)


class TestCancel(Case):
    @needs_hearth
    def test_cancelling_maps_the_id_and_hits_only_ones_own_call(self):
        """A cancels its 5 while B has 5 in flight: the server hears A's minted id, B completes."""
        a, b = self.client(), self.client()
        mine = a.do({"hold": "a", "drop": True}, raw_id="5005")
        yours = b.do({"hold": "b"}, {"text": "fine"}, raw_id="5005")
        server = self.server()
        server.wait("(hold ", count=2)
        wire_id = [m["id"] for m in server.of("tools/call") if m["params"]["arguments"]["steps"][0]["hold"] == "a"][0]
        a.cancel(mine, "enough")
        server.wait("notifications/cancelled")
        cancelled = server.of("notifications/cancelled")[0]["params"]
        self.assertEqual(cancelled["requestId"], wire_id)
        self.assertEqual(cancelled["reason"], "enough")
        server.release("b")
        self.assertEqual(yours.text(), "fine")
        a.sync()
        self.assertFalse(mine.done())

    @needs_hearth
    def test_a_late_answer_to_a_cancelled_call_is_swallowed(self):
        a = self.client()
        call = a.do({"hold": "k"}, {"text": "too late"})
        server = self.server()
        server.wait("(hold k)")
        a.cancel(call)
        server.wait("notifications/cancelled")
        server.release("k")
        a.sync()
        self.assertFalse(call.done())

    @needs_hearth
    def test_unknown_late_and_odd_cancellations_are_swallowed(self):
        """Cancel of an unknown id, of a finished call, of initialize, without an id: nothing reaches the server."""
        a, b = self.client(), self.client()
        b.do({"hold": "b"}, {"text": "fine"}, raw_id="31")
        done = a.start_tool("echo", {"text": "x"})
        done.text()
        a.cancel(done)
        for line in ('{"requestId":31}', '{"requestId":"31"}', '{"requestId":1}', "{}", '{"requestId":null}'):
            a.write_line('{"jsonrpc":"2.0","method":"notifications/cancelled","params":%s}' % line)
        a.sync()
        self.assertEqual(self.server().counts()["notifications/cancelled"], 0)

    @needs_hearth
    def test_initialize_is_never_cancelled(self):
        a = self.home.open("--initialize", "hold", name="fake")
        hello = a.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        server = self.home.wait_server()
        server.wait('"initialize"')
        a.cancel(hello)
        b = self.home.open("--initialize", "hold", name="fake")
        again = b.start("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})
        server.release("initialize")
        again.result()
        b.notify("notifications/initialized")
        b.sync()
        self.assertEqual(server.counts()["notifications/cancelled"], 0)
        self.assertEqual(self.server().counts()["initialize"], 1)

    @needs_hearth
    def test_a_session_that_leaves_cancels_its_calls_and_late_answers_reach_nobody(self):
        """Late response after disconnect, broadcast to others: A leaves, the server answers, B hears nothing."""
        a, b = self.client(), self.client()
        a.do({"hold": "k"}, {"progress": 2}, {"text": "for nobody"}, token="t")
        server = self.server()
        server.wait("(hold k)")
        before = len(b.lines)
        a.signal(signal.SIGTERM)
        a.wait_exit()
        server.wait("notifications/cancelled")
        wire_id = server.of("tools/call")[-1]["id"]
        self.assertEqual(server.of("notifications/cancelled")[0]["params"]["requestId"], wire_id)
        server.release("k")
        b.sync()
        self.assertEqual(len(b.lines), before + 1)
        self.assertEqual(self.home.status_of()[0]["calls"], 0)


class TestBatches(Case):
    def test_a_batch_is_answered(self):
        """Batches of 2025-03-26: every request in it is answered, with its own id, notifications are not."""
        a = self.client(revision="2025-03-26")
        a.write_line('[{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"echo","arguments":{"text":"1"}}},'
                     '{"jsonrpc":"2.0","method":"notifications/unknown"},'
                     ' {"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"echo","arguments":{"text":"2"}}}]')
        for key, text in (('"x"', "1"), ("0", "2")):
            self.assertEqual(text_of(a.wait(key, lambda key=key: a.responses[key])[0]), text)
        a.sync()
        self.assertEqual(len(a.responses['"x"']) + len(a.responses["0"]), 2)

    @needs_hearth
    def test_an_empty_batch_and_an_unfit_one_are_refused_and_the_session_goes_on(self):
        a = self.client(revision="2025-03-26")
        a.write_line("[]")
        a.wait("an error", lambda: a.responses["null"])
        a.write_line("[1,2]")
        a.sync()
        self.assertTrue(self.server().all_well_formed())

    @needs_hearth
    def test_a_batch_of_the_server_is_taken_apart(self):
        """A legacy server that answers with an array."""
        a, b = self.client(), self.client()
        call = a.do({"raw": '[{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"in a batch"}]}},'
                            '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}]\n'}, {"silence": True})
        self.assertEqual(call.text(), "in a batch")
        for session in (a, b):
            session.hear("notifications/tools/list_changed")


class TestTasks(Case):
    def test_a_task_runs_and_its_result_is_fetched(self):
        a = self.client()
        created = a.start_tool("do", {"steps": [{"hold": "k"}, {"text": "done"}]}, task={"ttl": 60000}).result()["task"]
        self.assertEqual(created["status"], "working")
        self.assertEqual(a.request("tasks/get", {"taskId": created["taskId"]})["status"], "working")
        result = a.start("tasks/result", {"taskId": created["taskId"]})
        self.server().wait("tasks/result")
        self.server().release("k")
        self.assertEqual(result.text(), "done")

    @needs_hearth
    def test_a_task_belongs_to_its_session(self):
        """For everybody else it does not exist: not to get, not to cancel, not in the list."""
        a, b = self.client(), self.client()
        task = a.start_tool("do", {"steps": [{"hold": "k"}]}, task={}).result()["task"]["taskId"]
        other = b.start_tool("do", {"steps": [{"hold": "k"}]}, task={}).result()["task"]["taskId"]
        for method in ("tasks/get", "tasks/result", "tasks/cancel"):
            with self.assertRaises(RpcError) as caught:
                b.request(method, {"taskId": task})
            self.assertEqual(caught.exception.code, -32602)
        self.assertEqual([one["taskId"] for one in a.request("tasks/list")["tasks"]], [task])
        self.assertEqual([one["taskId"] for one in b.request("tasks/list")["tasks"]], [other])
        self.assertEqual(a.request("tasks/cancel", {"taskId": task})["status"], "cancelled")

    @needs_hearth
    def test_a_tasks_status_and_progress_reach_its_owner_alone(self):
        a, b = self.client(), self.client()
        a.start_tool("do", {"steps": [
            {"hold": "k"}, {"progress": 2},
            {"notify": "notifications/tasks/status", "params": {"taskId": "$TASK", "status": "working", "ttl": None,
                                                                "createdAt": "x", "lastUpdatedAt": "x"}}]},
            token="mine", task={}).result()
        self.server().release("k")
        a.hear("notifications/tasks/status")
        self.assertEqual([n["params"]["progressToken"] for n in a.hear("notifications/progress", 2)], ["mine", "mine"])
        b.sync()
        self.assertEqual(b.notices, [])

    @needs_hearth
    def test_a_question_for_a_task_goes_to_the_tasks_owner(self):
        """The related task decides, even while another session has a call open and the capability."""
        capabilities = {"elicitation": {}}
        a, b = self.client(capabilities=capabilities), self.client(capabilities=capabilities)
        a.start_tool("do", {"steps": [{"hold": "k"}, {
            "ask": "elicitation/create", "params": {
                "message": "sure?", "requestedSchema": {"type": "object", "properties": {}},
                "_meta": {"io.modelcontextprotocol/related-task": {"taskId": "$TASK"}}}}]}, task={}).result()
        b.do({"hold": "other"})
        self.server().wait("(hold ", count=2)
        self.server().release("k")
        ask = a.next_ask()
        self.assertEqual(ask["params"]["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], "task-1")
        a.respond(ask, {"action": "decline"})
        self.server().wait('"decline"')
        self.server().release("other")
        b.sync()
        self.assertEqual(list(b.asks), [])


class TestPages(Case):
    def test_two_sessions_on_different_pages(self):
        """Cursors shared or ignored: each session's pages are complete and its own."""
        flags = ("--tools", "4", "--page", "3")
        sessions = [self.client(*flags)] if DIRECT else self.home.clients_of(2, *flags)
        cursors = [{} for _ in sessions]
        names = [[] for _ in sessions]
        for _ in range(3):
            for at, session in enumerate(sessions):
                page = session.request("tools/list", cursors[at])
                names[at] += [tool["name"] for tool in page["tools"]]
                cursors[at] = {"cursor": page.get("nextCursor")}
        for mine in names:
            self.assertEqual(mine, ["echo", "do", "reflect", "count", "length", "tool_0", "tool_1", "tool_2", "tool_3"])

    @needs_hearth
    def test_a_cursor_from_before_a_restart_is_refused(self):
        """Mixed pages: after a restart an old cursor gets an error that says so."""
        a = self.client("--tools", "4", "--page", "3")
        cursor = a.request("tools/list")["nextCursor"]
        self.home.hearth("restart", "fake")
        self.home.wait_server(2)
        with self.assertRaises(RpcError) as caught:
            a.request("tools/list", {"cursor": cursor})
        self.assertEqual(caught.exception.code, -32602)
        self.assertEqual(len(a.request("tools/list")["tools"]), 3)

    def test_a_list_is_fresh_after_it_changed(self):
        """A cached list stale after list_changed: the schema changes, the name does not."""
        a = self.client()
        tool = {"name": "t", "inputSchema": {"type": "object", "properties": {"old": {"type": "string"}}}}
        a.do({"set_tools": [tool]}, {"list_changed": "tools"}).result()
        a.hear("notifications/tools/list_changed")
        self.assertEqual(a.request("tools/list")["tools"], [tool])
        tool["inputSchema"]["properties"] = {"new": {"type": "string"}}
        a.do({"set_tools": [tool]}, {"list_changed": "tools"}).result()
        a.hear("notifications/tools/list_changed", 2)
        self.assertEqual(a.request("tools/list")["tools"], [tool])
