// Sessions that servers forget, and how they say so.
#include <doctest/doctest.h>

#include "http_server_fixture.h"
#include "transport/outbound/session_words.h"

using namespace http_server;
using transport::says_unknown_session;

namespace {

const std::string no_valid =
    R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},)"
    R"("id":null})";

std::string refusal_of(int id, const std::string& message) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"error":{"code":-32000,"message":")" +
         message + "\"}}";
}

Lines greet(Client& client, RequestId first, const std::string& session) {
  client.send(initialize());
  Fields head = json;
  head.emplace_back("Mcp-Session-Id", session);
  return client.answered(first, 200, head, greeting());
}

// One that speaks HTTP+SSE, whose stream (request 1) is open, with its endpoint known, and that has answered
// initialize.
struct Heard : Client {
  Heard() : Client(options(transport::Kind::sse)) {
    send(initialize());
    head(1, 200, events);
    body(1, "event: endpoint\ndata: /messages?s=1\n\n");
    answered(2, 202);
    body(1, event(greeting()));
    send(initialized());
    answered(3, 202);
  }
};

}  // namespace

TEST_CASE("a refusal that says the session is unknown means the same as 404") {
  for (const int status : {400, 410}) {
    Begun client;
    client.send(call(7));
    CHECK(client.answered(4, status, json, no_valid) == Lines{"abandon 3", "forgot " + call(7)});
    CHECK(greet(client, 5, "T") == Lines{"receive 1 " + greeting()});
    CHECK(client.send(call(7)) == Lines{"6: POST tools/call 7 session T version 2025-06-18"});
  }
  Begun client;
  client.send(call(7));
  CHECK(client.answered(4, 410) == Lines{"abandon 3", "forgot " + call(7)});
}

TEST_CASE("a session that is refused anew before anything worked in it is given up no second time") {
  Begun client;
  client.send(call(7));
  client.answered(4, 400, json, no_valid);
  greet(client, 5, "T");
  client.send(call(7));
  CHECK(client.answered(6, 400, json, no_valid) ==
        Lines{"receive 7 " + refusal_of(7, "Bad Request: No valid session ID provided")});
  // It is once something has worked, or after a while.
  client.send(call(8));
  client.answered(7, 200, json, result(8));
  client.send(call(9));
  CHECK(client.answered(8, 400, json, no_valid).back() == "forgot " + call(9));
  greet(client, 9, "U");
  client.after(std::chrono::minutes(1));
  client.send(call(10));
  CHECK(client.answered(10, 400, json, no_valid).back() == "forgot " + call(10));
}

TEST_CASE("other refusals, and those without a session, are told as they are") {
  for (const char* message : {"Bad Request: no API key", "the document has gone", "out of disk"}) {
    for (const int status : {400, 410}) {
      Begun client;
      client.send(call(7));
      CHECK(client.answered(4, status, json, refusal_of(3, message)) ==
            Lines{"receive 7 " + refusal_of(7, message)});
    }
  }
  Begun busy;
  busy.send(call(7));
  CHECK(busy.answered(4, 403, json, no_valid).back().contains("wants a login"));
  Client stateless;
  stateless.send(initialize());
  stateless.answered(1, 200, json, greeting());
  stateless.send(call(7));
  CHECK(stateless.answered(2, 400, json, no_valid).back().starts_with("receive 7 "));
}

TEST_CASE("a notification or a stream that is refused for its session loses the session, too") {
  Begun client;
  client.send(progress(1));
  CHECK(client.answered(4, 400, {}, "Invalid or missing session ID") ==
        Lines{"abandon 3", "forgot " + progress(1)});

  Begun broken;
  CHECK(broken.broke(3).empty());
  CHECK(broken.after(broken.wait()) == Lines{"4: GET" + as_s});
  CHECK(broken.answered(4, 400, {}, "Invalid or missing session ID") == Lines{"forgot"});

  Client early;
  greet(early, 1, "S");
  early.send(initialized());
  CHECK(early.answered(2, 400, json, no_valid) == Lines{"forgot " + initialized()});
  CHECK(early.wait() < milliseconds(0));
}

TEST_CASE("a late refusal of the session before does not cost the new one") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  client.answered(4, 400, json, no_valid);
  greet(client, 6, "T");
  CHECK(client.answered(5, 400, json, no_valid) == Lines{"forgot " + call(8)});
  CHECK(client.send(call(9)) == Lines{"7: POST tools/call 9 session T version 2025-06-18"});
}

TEST_CASE("how servers say that they do not know a session") {
  for (const char* words :
       {"Bad Request: No valid session ID provided", "Invalid or missing session ID", "Session not found",
        "Session abc not found", "session 'abc' does not exist", "Not Found: Invalid or expired session ID",
        "Could not find session", "No transport found for sessionId", "Session has expired",
        "The session has been terminated", "Bad Request: Server not initialized", "unknown session",
        "Invalid mcp-session-id header", "Session with id abc doesn't exist",
        R"({"error":"Invalid session"})", R"({"message":"session abc is not valid"})",
        R"({"detail":"No active session"})",
        R"({"jsonrpc":"2.0","id":7,"error":{"code":-32001,"message":"Session not found"}})"}) {
    CAPTURE(words);
    CHECK(says_unknown_session(words, "abc"));
  }
  for (const char* words :
       {"", "Bad Request", "Missing API key", R"({"error":{"code":-32602,"message":"no such tool"}})",
        R"({"error":{"code":-32602,"message":"bad name"},"session":"not found"})", "your session is fine",
        R"({"error":{"code":-1,"message":7}})", "[]"}) {
    CAPTURE(words);
    CHECK_FALSE(says_unknown_session(words, "abc"));
  }
  CHECK_FALSE(says_unknown_session("Session not found" + std::string(1000, ' '), "abc"));
}

TEST_CASE("a byte order mark before JSON is passed over") {
  const std::string mark = "\xEF\xBB\xBF";
  Begun client;
  client.send(call(7));
  CHECK(client.answered(4, 200, json, mark + result(7)) == Lines{"receive 7 " + result(7)});
  client.send(call(8));
  client.head(5, 200, events);
  CHECK(client.body(5, event(mark + result(8))) == Lines{"receive 8 " + result(8)});
  client.send(call(9));
  CHECK(client.answered(6, 400, json, mark + refusal_of(1, "no")) ==
        Lines{"receive 9 " + refusal_of(9, "no")});
}

TEST_CASE("a stream of HTTP+SSE that is cut while nothing is asked is opened with the next request") {
  for (int round = 0; round < 3; ++round) {
    Heard client;
    CHECK((round == 0 ? client.ended(1) : client.broke(1)).empty());
    CHECK(client.wait() < milliseconds(0));
    CHECK(client.send(progress(1)).empty());
    CHECK(client.send(call(7)) == Lines{"4: GET", "forgot " + call(7)});
    CHECK(client.send(call(8)) == Lines{"forgot " + call(8)});
    CHECK(client.send(initialize()).empty());
    client.head(4, 200, events);
    CHECK(client.body(4, "event: endpoint\ndata: /messages?s=2\n\n") == Lines{"5: POST initialize 1"});
    CHECK(client.requests[5].url == "http://h:8/messages?s=2");
    client.answered(5, 202);
    CHECK(client.body(4, event(greeting())) == Lines{"receive " + greeting()});
    CHECK(client.send(call(7)) == Lines{"6: POST tools/call 7"});
    CHECK(client.body(4, event(result(7))) == Lines{"receive " + result(7)});
  }
}

TEST_CASE("a cancelled call does not keep a cut stream of HTTP+SSE from waiting") {
  Heard client;
  client.send(call(7));
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  CHECK(client.ended(1) ==
        Lines{"receive 7 " + error(7, "the request was cancelled, and its connection had ended"), "abandon 4",
              "abandon 5"});
  CHECK(client.send(call(8)) == Lines{"6: GET", "forgot " + call(8)});
}

TEST_CASE("a server that is gone when a cut stream is wanted again is down") {
  Heard client;
  client.ended(1);
  client.send(call(7));
  CHECK(client.unreachable(4) == Lines{"down connection refused"});

  Heard closed;
  closed.ended(1);
  CHECK(closed.close().empty());
  CHECK(closed.send(call(7)).empty());
}

TEST_CASE("a post that is refused for its session begins a new HTTP+SSE session") {
  for (const int status : {400, 404, 410}) {
    Heard client;
    client.send(call(7));
    client.answered(4, 202);
    client.send(call(8));
    const Lines lines = client.answered(5, status, {}, "Could not find session");
    CHECK(lines ==
          Lines{"receive 7 " + error(7,
                                     "the server has forgotten the session of the request; whether it "
                                     "had an effect is unknown"),
                "abandon 1", "6: GET", "forgot " + call(8)});
  }
  Heard client;
  CHECK(client.send(progress(1)).size() == 1);
  CHECK(client.answered(4, 404, {}, "Could not find session") == Lines{"abandon 1"});
  CHECK(client.send(call(8)) == Lines{"5: GET", "forgot " + call(8)});
}

TEST_CASE("an attempt to resume that is refused is said to be one attempt") {
  Begun client;
  client.send(call(7));
  client.head(4, 200, events);
  client.body(4, "id: a\ndata:\n\n");
  client.ended(4);
  client.after(client.wait());
  CHECK(client.answered(5, 404).back().contains("could not be resumed in 1 attempt;"));
}

TEST_CASE("an endpoint is not waited for long after initialize was refused") {
  Client client;
  client.send(initialize());
  client.answered(1, 405);
  client.head(2, 200, events);
  CHECK(client.wait() <= seconds(4));
  CHECK(client.after(client.wait()).back().contains("named no endpoint on it, in time"));
}

TEST_CASE("a server that says nothing to initialize is looked for an endpoint of beside it") {
  Client client;
  client.send(initialize());
  CHECK(client.wait() == seconds(3));
  CHECK(client.after(seconds(3)).back() == "2: GET");
  CHECK(client.wait() < milliseconds(0));
  SUBCASE("it is an older one") {
    client.head(2, 200, events);
    CHECK(client.body(2, "event: endpoint\ndata: /m\n\n") == Lines{"abandon 1", "3: POST initialize 1"});
    CHECK(client.requests[3].url == "http://h:8/m");
    client.answered(3, 202);
    CHECK(client.body(2, event(greeting())) == Lines{"receive " + greeting()});
  }
  SUBCASE("it was slow") {
    CHECK(client.head(1, 200, json) == Lines{"abandon 2"});
    client.body(1, greeting());
    CHECK(client.ended(1) == Lines{"receive 1 " + greeting()});
  }
  SUBCASE("it offers no such stream, and was slow") {
    CHECK(client.answered(2, 405).empty());
    CHECK(client.answered(1, 200, json, greeting()) == Lines{"receive 1 " + greeting()});
  }
  SUBCASE("it refuses in the end") {
    CHECK(client.answered(1, 405).back() == "3: GET");
  }
  SUBCASE("it is closed") {
    CHECK(client.close() == Lines{"abandon 1", "abandon 2"});
  }
}
