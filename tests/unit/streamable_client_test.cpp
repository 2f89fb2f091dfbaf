#include "transport/outbound/streamable_client.h"

#include <doctest/doctest.h>

#include "http_server_fixture.h"

using namespace http_server;

namespace {

const std::string unknown = "; whether the request had an effect is unknown";
const std::string cut = "the connection to the server ended before its answer";

std::string cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

Fields with_session(Fields fields, const std::string& session) {
  fields.emplace_back("mcp-session-id", session);
  return fields;
}

}  // namespace

TEST_CASE("initialize gives the session and the version that every later request carries") {
  Client client;
  CHECK(client.send(initialize()) == Lines{"1: POST initialize 1"});
  const transport::Request& first = client.requests[1];
  CHECK(first.url == "http://h:8/a/mcp?k=1");
  CHECK(first.body.text() == initialize());
  CHECK_FALSE(first.stream);
  CHECK(first.fields.get("authorization") == "Bearer t");
  CHECK(first.fields.get("accept") == "application/json, text/event-stream");
  CHECK(first.fields.count("accept") == 1);
  CHECK(first.fields.get("content-type") == "application/json");

  CHECK(client.answered(1, 200, with_session(json, "S"), greeting()) == Lines{"receive 1 " + greeting()});
  CHECK(client.send(initialized()) == Lines{"2: POST notifications/initialized" + as_s});
  CHECK(client.answered(2, 202) == Lines{"3: GET" + as_s});
  client.answered(3, 405);
  CHECK(client.send(call(7)) == Lines{"4: POST tools/call 7" + as_s});
}

TEST_CASE("what follows initialized waits for the standing stream, on which questions may come") {
  Client client;
  client.send(initialize());
  client.answered(1, 200, with_session(json, "S"), greeting());
  CHECK(client.send(initialized()) == Lines{"2: POST notifications/initialized" + as_s});
  CHECK(client.send(call(7)).empty());
  CHECK(client.answered(2, 202) == Lines{"3: GET" + as_s});
  CHECK(client.send(call(8)).empty());
  SUBCASE("until it is open") {
    CHECK(client.head(3, 200, events) == Lines{"4: POST tools/call 7" + as_s, "5: POST tools/call 8" + as_s});
  }
  SUBCASE("until it is refused") {
    CHECK(client.answered(3, 405) == Lines{"4: POST tools/call 7" + as_s, "5: POST tools/call 8" + as_s});
  }
  SUBCASE("for a second") {
    CHECK(client.after(seconds(1)) == Lines{"4: POST tools/call 7" + as_s, "5: POST tools/call 8" + as_s});
  }
  CHECK(client.send(call(9)) == Lines{"6: POST tools/call 9" + as_s});
}

TEST_CASE("a version before the field existed is not sent, and no session where none was given") {
  for (const std::string version : {"2025-03-26", "1999-01-01"}) {
    Client client;
    client.send(initialize());
    client.answered(1, 200, json, greeting(version));
    CHECK(client.send(call(7)) == Lines{"2: POST tools/call 7"});
  }
}

TEST_CASE("an initialize that is answered on a stream gives session and version too") {
  Client client;
  client.send(initialize());
  client.head(1, 200, with_session(events, "S"));
  CHECK(client.body(1, event(greeting("2025-11-25"))) == Lines{"receive 1 " + greeting("2025-11-25")});
  CHECK(client.ended(1).empty());
  CHECK(client.send(call(7)) == Lines{"2: POST tools/call 7 session S version 2025-11-25"});
}

TEST_CASE("the stream for what concerns no call opens once initialized has been posted, however that ended") {
  for (const int status : {202, 200, 400, 500}) {
    Client client;
    client.send(initialize());
    client.answered(1, 200, with_session(json, "S"), greeting());
    client.send(initialized());
    CHECK(client.head(2, status).empty());
    CHECK(client.ended(2).back() == "3: GET" + as_s);
    CHECK(client.requests[3].stream);
    CHECK(client.requests[3].fields.get("accept") == "text/event-stream");
    CHECK_FALSE(client.requests[3].fields.has("content-type"));
  }
}

TEST_CASE("no such stream at the server is normal, and is not asked for again") {
  for (const int status : {405, 410, 400, 501}) {
    Begun client;
    client.ended(3);
    client.after(seconds(60));  // 4, the same again
    const Lines lines = client.answered(4, status);
    CHECK(lines.size() == (status == 405 ? 0 : 1));
    CHECK(client.wait() < milliseconds(0));
    CHECK(client.send(call(7)) == Lines{"5: POST tools/call 7" + as_s});
  }
}

TEST_CASE("what comes on that stream concerns no call, and it is opened again where it ended") {
  Begun client;
  CHECK(client.body(3, event(progress(1), "a")) == Lines{"receive " + progress(1)});
  CHECK(client.ended(3).empty());
  CHECK(client.wait() == milliseconds(500));
  CHECK(client.after(milliseconds(499)).empty());
  CHECK(client.after(milliseconds(1)) == Lines{"4: GET" + as_s + " last a"});
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("that stream's back-off doubles up to its bound, and begins anew with what comes") {
  Begun client;
  client.broke(3);
  RequestId id = 3;
  for (const int wait : {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    CHECK(client.wait() == milliseconds(wait));
    CHECK(client.after(milliseconds(wait)) == Lines{std::to_string(++id) + ": GET" + as_s});
    if (wait == 4000) {
      client.answered(id, 503);
    } else {
      client.unreachable(id);
    }
  }
  client.after(seconds(30));
  client.head(++id, 200, events);
  client.body(id, event(progress(1)));
  client.ended(id);
  CHECK(client.wait() == milliseconds(500));
}

TEST_CASE("a stream that was silent but lasted begins the back-off anew") {
  Begun client;
  client.broke(3);
  client.after(milliseconds(500));
  client.broke(4);
  client.after(seconds(1));
  client.head(5, 200, events);
  client.after(seconds(30));
  client.broke(5);
  CHECK(client.wait() == milliseconds(500));
}

TEST_CASE("the server says how long to wait before a stream is opened again") {
  Begun client;
  client.body(3, "retry: 7000\n\n");
  client.ended(3);
  CHECK(client.wait() == seconds(7));
  client.after(seconds(7));
  client.head(4, 200, events);
  client.body(4, "id: b\nretry: 9223372036854775807\ndata:\n\n");
  client.ended(4);
  CHECK(client.wait() == std::chrono::hours(24));
}

TEST_CASE("a short retry does not make a server that fails be asked without a pause") {
  Begun client;
  client.body(3, "retry: 1\n\n");
  client.ended(3);
  CHECK(client.wait() == milliseconds(1));
  client.after(milliseconds(1));
  client.broke(4);
  CHECK(client.wait() == seconds(1));
}

TEST_CASE("a conflict with the stream that broke is waited out") {
  Begun client;
  client.broke(3);
  client.after(milliseconds(500));
  CHECK(client.answered(4, 409).empty());
  CHECK(client.wait() == seconds(1));
}

TEST_CASE("a JSON answer is one message on one line, however it is cut and printed") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, json);
  CHECK(client.body(4, "\n{\"jsonrpc\": \"2.0\",\r\n \"id\"").empty());
  CHECK(client.body(4, ": 7, \"result\": {}}\n").empty());
  CHECK(client.ended(4) == Lines{R"(receive 7 {"jsonrpc": "2.0",   "id": 7, "result": {}})"});
}

TEST_CASE("a JSON answer that is an array is several messages") {
  Begun client;
  client.send(call(7));
  CHECK(client.answered(4, 200, json, "[" + progress(1) + ",\n" + result(7) + "]") ==
        Lines{"receive 7 " + progress(1), "receive 7 " + result(7)});
  CHECK(client.send(call(8)).size() == 1);
}

TEST_CASE("an answer that is none becomes an error that says what came") {
  struct Case {
    int status;
    Fields fields;
    std::string body, sentence;
  };
  const std::string neither =
      ", which is neither JSON nor an event stream: is the entry's url that of an MCP server?";
  const Case cases[] = {
      {202, {}, "", "the server accepted the request and never answered"},
      {204, {}, "", "the server accepted the request and never answered"},
      {200, json, " \n", "the server answered HTTP 200 with an empty body (application/json)"},
      {200, json, "{}",
       "the server answered HTTP 200 with JSON that holds no answer to the request (application/json)"},
      {200,
       {{"content-type", "Text/HTML"}},
       "<p>",
       "the server answered HTTP 200 with a body of the type text/html" + neither},
      {201, {}, "x", "the server answered HTTP 201 with a body of no type" + neither},
      {401, json, R"({"error":{"code":-1,"message":"no"}})", "the server wants a login (HTTP 401)"},
      {403, json, "{}", "the server wants a login (HTTP 403)"},
      {500, {}, "", "the server refused the request (HTTP 500 Internal Server Error)"},
      {599, {}, "", "the server refused the request (HTTP 599 Error)"},
      {307,
       {},
       "",
       "the server redirects (HTTP 307), which is not followed: the entry's url must be the final one"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.status);
    Begun client;
    client.send(call(7));
    const Lines lines = client.answered(4, one.status, one.fields, one.body);
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.back() == "receive 7 " + error(7, one.sentence));
  }
}

TEST_CASE("only a refusal for being too many is safe to repeat") {
  Begun client;
  client.send(call(7));
  CHECK(client.answered(4, 429) ==
        Lines{"receive 7 " + error(7, "the server refused the request (HTTP 429 Too Many Requests)", true)});
}

TEST_CASE("a refusal that holds a JSON-RPC error is that error, with the call's id") {
  const std::string inner = R"({"code":-32602,"message":"no such tool","data":[1]})";
  const std::string answer = R"({"jsonrpc":"2.0","id":7,"error":)" + inner + "}";
  for (const std::string id : {"", R"("id":null,)", R"("id":"server-error",)"}) {
    for (const int status : {400, 500, 200}) {
      Begun client;
      client.send(call(7));
      const Lines lines =
          client.answered(4, status, json, "{\"jsonrpc\":\"2.0\"," + id + "\"error\":" + inner + "}");
      REQUIRE_FALSE(lines.empty());
      CHECK(lines.back() == "receive 7 " + answer);
    }
  }
  Begun client;
  client.send(call(7));
  const Lines lines = client.answered(4, 400, json, R"({"error":"in words"})");
  CHECK(lines == Lines{"receive 7 " + error(7, "the server refused the request (HTTP 400 Bad Request)")});
}

TEST_CASE("a stream brings messages that belong to its call, and the answer") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  CHECK(client.body(4, ": hello\n\nid: a\ndata:\n\n").empty());
  CHECK(client.body(4, "event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"x\"}\n\n") ==
        Lines{R"(receive 7 {"jsonrpc":"2.0", "method":"x"})"});
  CHECK(client.body(4, "event: ping\ndata: {}\n\n").empty());
  CHECK(client.body(4, event(result(7), "b")) == Lines{"receive 7 " + result(7)});
  CHECK(client.ended(4).empty());
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a stream that breaks without an id ends its call at once") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, event(progress(1)));
  CHECK(client.ended(4) == Lines{"receive 7 " + error(7, cut + unknown)});
  client.send(call(8));
  client.head(5, 200, events);
  CHECK(client.broke(5) == Lines{"receive 8 " + error(8, cut + " (connection reset)" + unknown)});
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a stream that breaks behind an id is resumed, under the call it belongs to") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\nretry: 2000\ndata:\n\n");
  CHECK(client.ended(4).empty());
  CHECK(client.wait() == seconds(2));
  CHECK(client.after(seconds(2)) == Lines{"5: GET" + as_s + " last a"});
  CHECK_FALSE(client.requests[5].stream);
  client.head(5, 200, events);
  CHECK(client.body(5, event(progress(1), "b")) == Lines{"receive 7 " + progress(1)});
  CHECK(client.broke(5).empty());
  CHECK(client.after(seconds(2)) == Lines{"6: GET" + as_s + " last b"});
  client.head(6, 200, events);
  CHECK(client.body(6, event(result(7), "c")) == Lines{"receive 7 " + result(7)});
  CHECK(client.ended(6).empty());
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("an empty id takes back the one before") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\nid:\ndata:\n\n");
  CHECK(client.ended(4) == Lines{"receive 7 " + error(7, cut + unknown)});
}

TEST_CASE("resuming is given up after some attempts that brought nothing") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  CHECK(client.broke(4).empty());
  RequestId id = 4;
  for (const int wait : {500, 1000, 2000, 4000, 8000}) {
    CHECK(client.wait() == milliseconds(wait));
    CHECK(client.after(milliseconds(wait)) == Lines{std::to_string(++id) + ": GET" + as_s + " last a"});
    client.head(id, wait == 2000 ? 503 : 200, events);
    if (wait == 1000) client.body(id, "id: a\ndata:\n\n");
    if (wait != 8000) CHECK(client.broke(id).empty());
  }
  CHECK(client.broke(id) ==
        Lines{"receive 7 " +
              error(7, cut + " (connection reset), and could not be resumed in 5 attempts" + unknown)});
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("what an attempt brings makes the next ones count anew") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: 0\ndata:\n\n");
  client.broke(4);
  RequestId id = 4;
  for (int i = 1; i < 20; ++i) {
    REQUIRE(client.wait() == milliseconds(500));
    client.after(milliseconds(500));
    client.head(++id, 200, events);
    client.body(id, "id: " + std::to_string(i) + "\ndata:\n\n");
    REQUIRE(client.ended(id).empty());
  }
}

TEST_CASE("a server that refuses to resume is not asked again") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  client.ended(4);
  client.after(milliseconds(500));
  const Lines lines = client.answered(5, 404);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("HTTP 404 to the attempt to resume") != std::string::npos);
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("an answer on another stream ends its call: nothing is resumed, and no second answer passes") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  client.ended(4);
  CHECK(client.body(3, event(result(7))) == Lines{"receive " + result(7)});
  CHECK(client.wait() < milliseconds(0));
  CHECK(client.body(3, event(result(7))) == Lines{"note an answer that nobody waits for: id 7"});
}

TEST_CASE("an answer whose id comes back as text ends its call") {
  for (const std::string spelt : {R"("7")", "7.0"}) {
    Begun client;
    client.send(call(7));
    const std::string text = R"({"jsonrpc":"2.0","id":)" + spelt + R"(,"result":{}})";
    CHECK(client.answered(4, 200, json, text) == Lines{"receive 7 " + text});
  }
}

TEST_CASE("a stream that brought its answer and stays open is abandoned after a while") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, event(result(7)));
  CHECK(client.after(client.wait()) == Lines{"abandon 4"});
  CHECK(client.wait() < milliseconds(0));
  CHECK(client.ended(4).empty());
}

TEST_CASE("a cancelled call is not resumed") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  CHECK(client.send(cancel(7)) == Lines{"5: POST notifications/cancelled" + as_s});
  CHECK(client.ended(4) == Lines{"receive 7 " + error(7, cut + unknown)});
}

TEST_CASE("a call that is cancelled while its stream waits to be resumed ends there") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  client.ended(4);
  client.send(cancel(7));
  CHECK(client.after(milliseconds(500)) ==
        Lines{"receive 7 " + error(7, "the request was cancelled, and its connection had ended")});
}

TEST_CASE("no connection at all for a message ends the conversation") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  CHECK(client.unreachable(4) == Lines{"abandon 3", "abandon 5", "down connection refused"});
  CHECK(client.send(call(9)).empty());
  CHECK(client.unreachable(5).empty());
  CHECK(client.close().empty());
}

TEST_CASE("a connection that breaks before or within a JSON answer ends that call alone") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  CHECK(client.broke(4) ==
        Lines{"receive 7 " +
              error(7, "the request got no answer (connection reset); whether it had an effect is unknown")});
  client.head(5, 200, json);
  client.body(5, result(8));
  CHECK(client.broke(5) ==
        Lines{"receive 8 " +
              error(8, "the connection to the server ended within its answer (connection reset)" + unknown)});
  CHECK(client.send(initialized()).size() == 1);
  CHECK(client.broke(6) ==
        Lines{"note the request got no answer (connection reset); whether it had an effect is unknown"});
}

TEST_CASE("404 to a session means that the server forgot it") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  client.send(call(9));
  client.head(6, 200, events);
  CHECK(client.head(4, 404) == Lines{"abandon 3", "forgot " + call(7)});
  CHECK(client.ended(4).empty());
  CHECK(client.send(initialize()) == Lines{"7: POST initialize 1"});
  client.answered(7, 200, with_session(json, "T"), greeting());
  // One of the old session's, late: the new one stays.
  CHECK(client.answered(5, 404) == Lines{"forgot " + call(8)});
  CHECK(client.send(call(10)) == Lines{"8: POST tools/call 10 session T version 2025-06-18"});
  CHECK(client.body(6, event(result(9))) == Lines{"receive 9 " + result(9)});
}

TEST_CASE("what is sent before the next session is there comes back, too") {
  Begun client;
  client.send(call(7));
  CHECK(client.head(4, 404) == Lines{"abandon 3", "forgot " + call(7)});
  CHECK(client.send(call(8)) == Lines{"forgot " + call(8)});
  client.ended(4);
  CHECK(client.send(initialize()) == Lines{"5: POST initialize 1"});
  CHECK(client.send(call(9)) == Lines{"forgot " + call(9)});
  client.answered(5, 200, with_session(json, "T"), greeting());
  CHECK(client.send(call(7)) == Lines{"6: POST tools/call 7 session T version 2025-06-18"});
}

TEST_CASE("what was begun under a session that is forgotten is resumed under it") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  client.head(5, 404);
  client.ended(4);
  CHECK(client.after(milliseconds(500)) == Lines{"6: GET" + as_s + " last a"});
}

TEST_CASE("another initialize begins anew, without the session before") {
  Begun client;
  CHECK(client.send(initialize()) == Lines{"abandon 3", "4: POST initialize 1"});
}

TEST_CASE("404 to initialized opens no stream; 404 without a session is a refusal like others") {
  Client client;
  client.send(initialize());
  client.answered(1, 200, with_session(json, "S"), greeting());
  client.send(initialized());
  CHECK(client.answered(2, 404) == Lines{"forgot " + initialized()});

  Client stateless;
  stateless.send(initialize());
  stateless.answered(1, 200, json, greeting());
  stateless.send(call(7));
  CHECK(stateless.answered(2, 404) ==
        Lines{"receive 7 " + error(7, "the server refused the request (HTTP 404 Not Found)")});
}

TEST_CASE("a notification or an answer that is refused is noted only") {
  Begun client;
  client.send(progress(1));
  CHECK(client.answered(4, 400) == Lines{"note the server refused the request (HTTP 400 Bad Request) that "
                                         "carried a notification or an answer"});
  client.send(result(3));
  CHECK(client.answered(5, 202).empty());
  client.send(progress(2));
  CHECK(client.answered(6, 200, json, "\"ok\"").empty());
}

TEST_CASE("a body that is too large is abandoned, and its call gets an error") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, json);
  CHECK(client.body(4, std::string(4096, ' ')).empty());
  const Lines lines = client.body(4, " ");
  CHECK(lines ==
        Lines{"abandon 4", "receive 7 " + error(7,
                                                "the server sent a message of more than 4096 bytes, which "
                                                "was dropped; the request may have had its effect")});
  CHECK(client.ended(4).empty());
}

TEST_CASE("an event that is too large is dropped, and its call ends with an error if that was the answer") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  CHECK(client.body(4, event(std::string(5000, 'x'), "a")).size() == 1);
  CHECK(client.body(4, event(progress(1), "b")) == Lines{"receive 7 " + progress(1)});
  CHECK(client.ended(4).back().find("more than 4096 bytes") != std::string::npos);
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("closing ends the session at the server and leaves nothing else") {
  Begun client;
  client.send(call(7));
  client.say(call(8));
  CHECK(client.close() == Lines{"abandon 3", "abandon 4", "6: DELETE" + as_s});
  CHECK(client.requests[6].fields.get("authorization") == "Bearer t");
  CHECK(client.answered(6, 405).empty());
  CHECK(client.send(call(9)).empty());
  CHECK(client.close().empty());

  Client stateless;
  stateless.send(initialize());
  CHECK(stateless.close() == Lines{"abandon 1"});
}
