#include "transport/inbound/streamable_server.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>

#include "streamable_fixture.h"

using namespace transcript;

namespace {

const std::string initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

std::string cancel(std::string_view id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + std::string(id) +
         "}}";
}

}  // namespace

TEST_CASE("initialize is answered with the session's id, and later requests carry it") {
  Session session;
  CHECK(session.post(1, initialize("2025-06-18"), {{"mcp-session-id", ""}}) ==
        Lines{"deliver " + initialize("2025-06-18")});
  CHECK_FALSE(session.server.revision());
  CHECK(session.server.connected());
  CHECK(session.say(greeting("2025-06-18")) == Lines{"1: 200 session S " + greeting("2025-06-18")});
  CHECK(session.server.revision() == proto::Revision::r2025_06_18);
  CHECK_FALSE(session.server.connected());
  CHECK_FALSE(session.server.failed());

  CHECK(session.post(2, initialized) == Lines{"deliver " + initialized, "2: 202"});
  CHECK(session.post(3, call("1")) == Lines{"deliver " + call("1")});
  CHECK(session.say(ok_of_1) == Lines{"3: 200 " + ok_of_1});
}

TEST_CASE("an initialize that fails gives no session id away, and nobody comes back") {
  Session session;
  session.post(1, initialize("2025-06-18"), {{"mcp-session-id", ""}});
  const std::string error = R"({"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"no"}})";
  CHECK(session.say(error) == Lines{"1: 200 " + error});
  CHECK(session.server.failed());
  CHECK(session.post(2, call("1")) == Lines{"2: 404 " + refused(-32001, "Session not found")});
}

TEST_CASE("a slow initialize becomes a stream that carries the session's id") {
  Session session;
  session.post(1, initialize("2025-11-25"), {{"mcp-session-id", ""}});
  CHECK(session.after(milliseconds(999)).empty());
  CHECK(session.after(milliseconds(1)) == Lines{"1: stream session S", "1: #0-a-0 retry 1000"});
  CHECK(session.say(greeting("2025-11-25")) == Lines{"1: #0-a-1 " + greeting("2025-11-25"), "1: end"});
}

TEST_CASE("the id goes back byte for byte, through whatever was spliced into the answer") {
  Session session("2025-06-18");
  session.post(3, call("\"a\\u0062\""));
  session.post(4, call("1.0"));
  proto::Message answer(R"({"jsonrpc":"2.0","id":77,"result":{}})");
  answer.splice({22, 2}, "\"a\\u0062\"");
  session.server.send(answer, {}, session.now);
  CHECK(session.out() == Lines{R"(3: 200 {"jsonrpc":"2.0","id":"a\u0062","result":{}})"});
  CHECK(session.say(R"({"jsonrpc":"2.0","id":1,"result":{}})").empty());
  CHECK(session.say(R"({"jsonrpc":"2.0","id":1.0,"result":{}})").size() == 1);
}

TEST_CASE("a pretty-printed body is delivered on one line") {
  Session session("2025-06-18");
  const std::string body = "{\r\n  \"jsonrpc\": \"2.0\",\n  \"id\": 1,\n  \"method\": \"a\\nb\"\n}\n";
  const Lines lines = session.post(1, body);
  CHECK(lines == Lines{R"(deliver {    "jsonrpc": "2.0",   "id": 1,   "method": "a\nb" } )"});
}

TEST_CASE("requests that are not as they must be are refused with the official statuses") {
  struct Case {
    std::string method, body;
    Fields instead;
    std::string answer;
  };
  const std::string both = "Not Acceptable: Client must accept both application/json and text/event-stream";
  const Case cases[] = {
      {"POST", call("1"), {{"accept", "application/json"}}, "406 " + refused(-32000, both)},
      {"POST", call("1"), {{"accept", "text/event-stream"}}, "406 " + refused(-32000, both)},
      {"GET",
       "",
       {{"accept", "application/json"}},
       "406 " + refused(-32000, "Not Acceptable: Client must accept text/event-stream")},
      {"POST",
       call("1"),
       {{"content-type", "text/plain"}},
       "415 " + refused(-32000, "Unsupported Media Type: Content-Type must be application/json")},
      {"POST",
       "{\"jsonrpc\":",
       {},
       "400 " + refused(-32700, "Parse error: the message is not well-formed JSON")},
      {"POST", "\"\xff\"", {}, "400 " + refused(-32700, "Parse error: the message is not valid UTF-8")},
      {"POST",
       "{}",
       {},
       "400 " + refused(-32600, "Invalid Request: the message is JSON, but not a JSON-RPC 2.0 message")},
      {"POST",
       call("1"),
       {{"mcp-session-id", ""}},
       "400 " + refused(-32000, "Bad Request: Mcp-Session-Id header is required")},
      {"GET",
       "",
       {{"mcp-session-id", ""}},
       "400 " + refused(-32000, "Bad Request: Mcp-Session-Id header is required")},
      {"DELETE", "", {{"mcp-session-id", "T"}}, "404 " + refused(-32001, "Session not found")},
      {"GET",
       "",
       {{"last-event-id", "nonsense"}},
       "400 " + refused(-32000, "Bad Request: Last-Event-ID is no event of this session")},
      {"GET",
       "",
       {{"last-event-id", "7-1-1"}},
       "400 " + refused(-32000, "Bad Request: Last-Event-ID is no event of this session")},
      {"PUT", "", {}, "405 " + refused(-32000, "Method not allowed")},
      {"OPTIONS", "", {}, "405 " + refused(-32000, "Method not allowed")},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method);
    CAPTURE(c.body);
    Session session("2025-06-18");
    const std::string accept = c.method == "GET" ? "text/event-stream" : accept_both;
    session.server.request(
        5,
        request(c.method, c.body,
                Session::usual({{"content-type", "application/json; charset=utf-8"}}, accept, c.instead)),
        session.now);
    CHECK(session.out() == Lines{"5: " + c.answer});
  }
}

TEST_CASE("a 405 names the methods that are allowed") {
  Session session("2025-06-18");
  session.server.request(5, request("PUT", "", {}), session.now);
  REQUIRE(session.server.outbox().size() == 1);
  CHECK(std::get<transport::Answer>(session.server.outbox()[0]).answer.fields.get("allow") ==
        "GET, POST, DELETE");
}

TEST_CASE("the version header may be absent, and must name a revision that is spoken here") {
  Session session("2025-06-18");
  for (const char* good : {"", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}) {
    CHECK(session.post(5, initialized, {{"mcp-protocol-version", good}}).back() == "5: 202");
  }
  for (const char* bad : {"2026-07-28", "1999-01-01", "x"}) {
    const Lines lines = session.post(5, initialized, {{"mcp-protocol-version", bad}});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("5: 400 "));
    CHECK(lines[0].find("-32000") != std::string::npos);
  }
}

TEST_CASE("a request that re-uses an id is refused, and the call in flight goes on") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  CHECK(
      session.post(2, call("1")) ==
      Lines{
          "2: 400 " +
          refused(
              -32600,
              "Invalid Request: the id of this request belongs to one that is still running; use another")});
  CHECK(session.say(ok_of_1) == Lines{"1: 200 " + ok_of_1});
  CHECK(session.post(3, call("1")) == Lines{"deliver " + call("1")});
}

TEST_CASE("batches belong to 2025-03-26") {
  const std::string batch = '[' + call("1") + ',' + initialized + ",\n" + call("2") + ']';
  for (const char* revision : {"2025-06-18", "2025-11-25"}) {
    Session session(revision);
    CHECK(session.post(1, batch) ==
          Lines{"1: 400 " + refused(-32600, "Invalid Request: batches belong to revision 2025-03-26 only")});
  }
  Session session("2025-03-26");
  const Lines delivered = {"deliver " + call("1"), "deliver " + initialized, "deliver " + call("2")};
  CHECK(session.post(1, batch) == delivered);
  CHECK(session.say(ok_of_2).empty());
  CHECK(session.say(ok_of_1) == Lines{"1: 200 [" + ok_of_2 + ',' + ok_of_1 + ']'});

  CHECK(session.post(2, '[' + initialized + ']') == Lines{"deliver " + initialized, "2: 202"});
  CHECK(session.post(3, '[' + call("1") + ']').size() == 1);
  CHECK(session.say(ok_of_1) == Lines{"3: 200 [" + ok_of_1 + ']'});
}

TEST_CASE("a batch that something is said about becomes a stream, with the answers so far first") {
  Session session("2025-03-26");
  session.post(1, '[' + call("1") + ',' + call("2") + ']');
  CHECK(session.say(ok_of_1).empty());
  CHECK(session.say(progress, "2") == Lines{"1: stream", "1: #0-a-1 " + ok_of_1, "1: #0-a-2 " + progress});
  CHECK(session.say(ok_of_2) == Lines{"1: #0-a-3 " + ok_of_2, "1: end"});
}

TEST_CASE("a batch with a part that may not be is refused whole") {
  Session session("2025-03-26");
  const std::string many = [] {
    std::string text = "[" + initialized;
    for (std::size_t i = 0; i < proto::batch_max; ++i) text += ',' + initialized;
    return text + ']';
  }();
  const Lines all = {"[]",
                     "[1]",
                     "[[]]",
                     '[' + initialize("2025-03-26") + ']',
                     '[' + call("1") + ',' + call("1") + ']',
                     '[' + call("1") + ",{}]",
                     many};
  for (const std::string& bad : all) {
    const Lines lines = session.post(1, bad);
    CAPTURE(bad);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("1: 400 "));
    CHECK(lines[0].find("-32600") != std::string::npos);
  }
  CHECK(session.post(2, call("1")).size() == 1);  // None of them is in flight.
}

TEST_CASE("what concerns a call makes a stream of its POST and goes there") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.post(2, call("2"));
  CHECK(session.say(progress, "1") == Lines{"1: stream", "1: #0-a-1 " + progress});
  CHECK(session.say(question, "1") == Lines{"1: #0-a-2 " + question});
  CHECK(session.say(ok_of_2) == Lines{"2: 200 " + ok_of_2});
  CHECK(session.say(ok_of_1) == Lines{"1: #0-a-3 " + ok_of_1, "1: end"});
}

TEST_CASE("2025-11-25: a stream begins with an id and the time to wait") {
  Session session("2025-11-25");
  session.post(1, call("1"));
  CHECK(session.say(progress, "1") == Lines{"1: stream", "1: #0-a-0 retry 1000", "1: #0-a-1 " + progress});
  CHECK(session.get(2) == Lines{"2: stream", "2: #0-0-0 retry 1000"});
}

TEST_CASE("an event is written around the message's own bytes") {
  Session session("2025-06-18");
  session.get(1);
  const auto bytes = base::Bytes::copy(changed);
  session.server.send(proto::Message(bytes), {}, session.now);
  REQUIRE(session.server.outbox().size() == 1);
  const auto& text = std::get<transport::StreamText>(session.server.outbox()[0]).text;
  CHECK(text.text() == "id: 0-0-1\nevent: message\ndata: " + changed + "\n\n");
  CHECK(text.bytes().text.data() == bytes.text.data());
}

TEST_CASE("what concerns no call goes to the GET stream") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  CHECK(session.get(2) == Lines{"2: stream"});
  CHECK(session.say(changed) == Lines{"2: #0-0-1 " + changed});
  CHECK(session.say(changed, "99") == Lines{"2: #0-0-2 " + changed});
  CHECK(session.say(question) == Lines{"2: #0-0-3 " + question});
  CHECK(session.say(ok_of_1) == Lines{"1: 200 " + ok_of_1});
}

TEST_CASE("without a GET stream notices wait for one") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  CHECK(session.say(changed).empty());
  session.say(ok_of_1);
  CHECK(session.get(2) == Lines{"2: stream", "2: #0-0-1 " + changed});
}

TEST_CASE("without a GET stream asks go to the newest open POST, or to the next") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.post(2, call("2"));
  CHECK(session.say(question) == Lines{"2: stream", "2: #0-a-1 " + question});
  session.say(ok_of_2);
  session.say(ok_of_1);

  CHECK(session.say(question).empty());
  CHECK(session.post(3, call("3")) == Lines{"deliver " + call("3"), "3: stream", "3: #0-b-1 " + question});
  CHECK(session.get(4) == Lines{"4: stream"});  // It is there once only.
}

TEST_CASE("a second GET stream takes over from the first") {
  Session session("2025-06-18");
  session.get(1);
  session.say(changed);
  CHECK(session.get(2) == Lines{"1: end", "2: stream"});
  CHECK(session.say(changed) == Lines{"2: #0-0-2 " + changed});
}

TEST_CASE("a call that takes long becomes a stream and is kept alive") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  REQUIRE(session.server.deadline());
  CHECK(*session.server.deadline() <= session.now + seconds(1));
  CHECK(session.after(seconds(1)) == Lines{"1: stream"});
  CHECK(session.after(milliseconds(14'999)).empty());
  CHECK(session.after(milliseconds(1)) == Lines{"1: : keep-alive"});
  CHECK(session.after(seconds(10)).empty());
  session.say(progress, "1");
  CHECK(session.after(seconds(14)).empty());  // It has just said something.
  REQUIRE(session.server.deadline());
  CHECK(*session.server.deadline() <= session.now + seconds(1));
  CHECK(session.after(seconds(1)) == Lines{"1: : keep-alive"});
  CHECK(session.say(ok_of_1).back() == "1: end");
}

TEST_CASE("each call becomes a stream in its own time") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.after(milliseconds(500));
  session.post(2, call("2"));
  CHECK(session.after(milliseconds(500)) == Lines{"1: stream"});
  REQUIRE(session.server.deadline());
  CHECK(*session.server.deadline() <= session.now + milliseconds(500));
  CHECK(session.after(milliseconds(500)) == Lines{"2: stream"});
}

TEST_CASE("the deadline is never later than what is due") {
  Session session("2025-11-25", {.poll_after = seconds(4)});
  session.get(1);
  session.post(2, call("1"));
  Lines seen;
  for (int i = 0; i < 40 && session.server.deadline(); ++i) {
    const base::Instant due = *session.server.deadline();
    CHECK(session.after(due - session.now - base::Duration(1)).empty());
    for (const std::string& line : session.after(base::Duration(1))) seen.push_back(line);
    if (session.now > base::Instant(seconds(130))) break;
  }
  CHECK(seen == Lines{"2: stream", "2: #0-a-0 retry 1000", "1: end", "2: end"});
}

TEST_CASE("2025-11-25: an old stream is ended, and polled") {
  Session session("2025-11-25", {.poll_after = seconds(5)});
  session.post(1, call("1"));
  session.after(seconds(1));
  CHECK(session.after(seconds(5)) == Lines{"1: end"});
  CHECK(session.get(2, "0-a-0") == Lines{"2: stream", "2: #0-a-0 retry 1000"});
  CHECK(session.after(seconds(5)).empty());  // A client that has come back once is kept.
  CHECK(session.say(ok_of_1) == Lines{"2: #0-a-1 " + ok_of_1, "2: end"});

  Session older("2025-06-18", {.poll_after = seconds(5)});
  older.post(1, call("1"));
  older.after(seconds(1));
  CHECK(older.after(seconds(5)).empty());
}

TEST_CASE("a connection that breaks cancels nothing, and its stream can be resumed") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.say(progress, "1");
  session.say(progress, "1");
  session.gone(1);
  CHECK_FALSE(session.server.connected());
  CHECK(session.say(progress, "1").empty());
  CHECK(session.get(2, "0-a-1") == Lines{"2: stream", "2: #0-a-2 " + progress, "2: #0-a-3 " + progress});
  CHECK(session.get(3, "0-a-3") == Lines{"2: end", "3: stream"});
  CHECK(session.say(ok_of_1) == Lines{"3: #0-a-4 " + ok_of_1, "3: end"});
  CHECK(session.get(4, "0-a-2") ==
        Lines{"4: stream", "4: #0-a-3 " + progress, "4: #0-a-4 " + ok_of_1, "4: end"});
}

TEST_CASE("a client that has all of an ended stream, or names an unknown one, need not ask again") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.say(progress, "1");
  session.say(ok_of_1);
  CHECK(session.get(2, "0-a-2") == Lines{"2: 204"});
  CHECK(session.get(3, "0-12345-0") == Lines{"3: 204"});
}

TEST_CASE("an event that has not been yet is taken for the last that has") {
  Session session("2025-11-25");
  session.post(1, call("1"));
  session.say(progress, "1");
  CHECK(session.get(2, "0-a-99") == Lines{"1: end", "2: stream", "2: #0-a-1 retry 1000"});
}

TEST_CASE("the GET stream is resumed too, and replays nothing when it is merely opened anew") {
  Session session("2025-06-18");
  session.get(1);
  session.say(changed);
  session.say(progress);
  session.gone(1);
  session.say(question);
  CHECK(session.get(2, "0-0-1") == Lines{"2: stream", "2: #0-0-2 " + progress, "2: #0-0-3 " + question});
  session.gone(2);
  CHECK(session.get(3) == Lines{"3: stream"});
}

TEST_CASE("the answer that nobody came back for in time is replaced by a word") {
  Session session("2025-06-18");
  const std::string answer =
      R"({"jsonrpc":"2.0","id":1,"result":{"text":")" + std::string(1000, 'x') + R"("}})";
  session.post(1, call("1"));
  session.say(progress, "1");
  session.gone(1);
  session.say(answer);
  session.after(minutes(4));
  CHECK(session.get(2, "0-a-1") == Lines{"2: stream", "2: #0-a-2 " + answer, "2: end"});
  session.after(minutes(1));
  const Lines late = session.get(3, "0-a-1");
  REQUIRE(late.size() == 3);
  CHECK(late[1].starts_with(R"(3: #0-a-2 {"jsonrpc":"2.0","id":1,"error":)"));
  CHECK(late[1].find("nobody came back") != std::string::npos);
}

TEST_CASE("a POST that broke before it was a stream is lost, and so is what concerns it") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.gone(1);
  CHECK(session.after(seconds(2)).empty());
  CHECK(session.say(progress, "1").empty());
  session.post(2, call("2"));
  CHECK(session.say(question, "1") == Lines{"2: stream", "2: #0-a-1 " + question});
  CHECK(session.say(ok_of_1).empty());
  CHECK(session.get(3) == Lines{"3: stream"});
  CHECK(session.post(4, call("1")).size() == 1);  // Its id is free again.
}

TEST_CASE("a call that the client cancels is not answered; its POST ends") {
  Session session("2025-11-25");
  session.post(1, call("1"));
  CHECK(session.post(2, cancel("1")) == Lines{"deliver " + cancel("1"), "2: 202", "1: stream", "1: end"});
  CHECK(session.say(ok_of_1).empty());

  session.post(3, call("2"));
  session.say(progress, "2");
  CHECK(session.post(4, cancel("2")).back() == "3: end");
  CHECK(session.get(5, "0-a-1") == Lines{"5: 204"});

  Session young;
  young.post(1, initialize("2025-11-25"), {{"mcp-session-id", ""}});
  CHECK(young.post(2, cancel("0")) == Lines{"deliver " + cancel("0"), "2: 202"});
  CHECK(young.say(greeting("2025-11-25")).size() == 1);
}

TEST_CASE("DELETE ends the session and whatever is open") {
  Session session("2025-06-18");
  session.post(1, call("1"));
  session.get(2);
  session.post(3, call("2"));
  session.say(progress, "2");
  const std::string none = " 404 " + refused(-32001, "Session not found");
  CHECK(session.other(4, "DELETE") == Lines{"1:" + none, "2: end", "3: end", "4: 200", "over"});
  CHECK(session.say(ok_of_1).empty());
  CHECK(session.post(5, call("3")) == Lines{"5:" + none});
  CHECK_FALSE(session.server.connected());
  CHECK_FALSE(session.server.deadline());
}

TEST_CASE("while the broker takes nothing, posts wait in order, and not too many") {
  Session session("2025-06-18");
  session.server.hold();
  CHECK(session.post(1, call("1")).empty());
  CHECK(session.post(2, initialized).empty());
  CHECK(session.get(3) == Lines{"3: stream"});
  CHECK(session.server.connected());
  session.gone(1);
  CHECK(session.release() == Lines{"deliver " + call("1"), "deliver " + initialized, "2: 202"});
  CHECK(session.say(ok_of_1).empty());

  session.gone(3);
  session.say(question);
  session.server.hold();
  session.post(4, call("2"));
  session.gone(4);
  CHECK(session.release() == Lines{"deliver " + call("2")});  // No client is there to be asked.
  CHECK(session.get(5) == Lines{"5: stream", "5: #0-0-1 " + question});

  session.server.hold();
  for (transport::ExchangeId i = 0; i < 64; ++i) CHECK(session.post(100 + i, initialized).empty());
  session.server.request(200, request("POST", initialized, {}), session.now);
  REQUIRE(session.server.outbox().size() == 1);
  const auto busy = std::get<transport::Answer>(session.server.outbox()[0]).answer;
  CHECK(busy.status == 503);
  CHECK(busy.fields.has("retry-after"));
  session.out();
  CHECK(session.release().size() == 128);
}

TEST_CASE("of large posts fewer wait, but always one") {
  Session session("2025-06-18");
  session.server.hold();
  const std::string large = R"({"jsonrpc":"2.0","method":")" + std::string(5 << 20, 'x') + R"("})";
  CHECK(session.post(1, large).empty());
  CHECK(session.post(2, initialized).front().starts_with("2: 503"));
}

TEST_CASE("a request without a session id begins a session or is refused") {
  const auto of = [](std::string method, std::string body, Fields fields) {
    if (method == "POST") fields.emplace_back("content-type", "application/json");
    return transport::admit(request(std::move(method), std::move(body), fields));
  };
  const auto status = [](const transport::Admission& admission) {
    const auto* no = std::get_if<proto::HttpAnswer>(&admission);
    return no == nullptr ? 0 : no->status;
  };
  const Fields good{{"accept", accept_both}};
  CHECK(status(of("POST", initialize("2025-06-18"), good)) == 0);
  CHECK(status(of("POST", initialize("2025-06-18"), {})) == 0);  // No Accept: whatever there is.
  CHECK(status(of("POST", initialize("2025-06-18"), {{"accept", "text/html"}})) == 406);
  CHECK(status(of("POST", '[' + initialize("2025-03-26") + ']', good)) == 400);
  CHECK(status(of("POST", call("1"), good)) == 400);
  CHECK(status(of("POST", "nonsense", good)) == 400);
  CHECK(status(of("GET", "", good)) == 400);
  CHECK(status(of("DELETE", "", good)) == 400);
  CHECK(status(of("PATCH", "", good)) == 405);
  CHECK(status(transport::admit(request("POST", initialize("2025-06-18"), good))) == 415);
}

TEST_CASE("a session takes nothing that claims the revision without sessions") {
  Session session("2025-03-26");
  const std::string claimed = R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":)"
                              R"({"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
  const Lines refused = session.post(1, claimed);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().starts_with(R"(1: 400 {"jsonrpc":"2.0","id":7,"error":{"code":-32020,)"));
  const Lines batch = session.post(2, '[' + call("1") + ',' + claimed + ']');
  REQUIRE(batch.size() == 1);
  CHECK(batch.front().starts_with(R"(2: 400 {"jsonrpc":"2.0","error":{"code":-32600,)"));
}

TEST_CASE("a server that was read keeps what its client knows, and follows the bounds of the next program") {
  Session session("2025-11-25");
  session.server = test::read_again(session.server);
  session.options.session_id = "T";
  session.options.life = 7;
  session.options.stream_after = seconds(5);
  session.server.follow(session.options);
  CHECK(session.server.revision() == proto::Revision::r2025_11_25);
  CHECK(session.post(1, call("1")) == Lines{"deliver " + call("1")});
  CHECK(session.after(seconds(4)).empty());
  CHECK(session.after(seconds(1)) == Lines{"1: stream", "1: #0-a-0 retry 1000"});
}
