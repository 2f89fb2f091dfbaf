// What becomes of requests that are under way when the program is replaced: row by row of the table in
// client_saving.cpp. That nothing else changes is seen wherever Client is used (replaced_client.h).
#include <doctest/doctest.h>

#include "modern_http_fixture.h"

using namespace http_server;

namespace {

// A conversation in this program, and in the next.
struct Passed : Client {
  using Client::Client;

  std::string unsettled() const { return client.unsettled(); }
  // What is done at once.
  Lines passed() {
    REQUIRE(unsettled() == "");
    client = transport::StreamableClient(passed_on(client.saved(now)), now);
    return lines();
  }
  // Without the one beside it, which is replaced, too.
  Lines lines() {
    Lines all;
    for (const transport::ClientOutput& output : std::exchange(client.outbox(), {}))
      all.push_back(std::visit([&](const auto& one) { return line_of(one); }, output));
    return all;
  }
  Lines sends(const std::string& text) {
    client.send(proto::Message(text), now);
    return lines();
  }
  Lines opens(RequestId id, int status = 200, const Fields& given = events) {
    proto::HttpFields fields;
    for (const auto& [name, value] : given) fields.add(name, value);
    client.head(id, status, fields, now);
    return lines();
  }
  Lines brings(RequestId id, std::string_view bytes) {
    client.body(id, bytes, now);
    return lines();
  }
  Lines ends(RequestId id, const std::optional<Failure>& failure = std::nullopt) {
    client.ended(id, failure, now);
    return lines();
  }
  Lines waits(base::Duration time) {
    now += time;
    client.tick(now);
    return lines();
  }
  // Past initialize: the standing stream is request 3, and open.
  void begin() {
    sends(initialize());
    Fields head = json;
    head.emplace_back("Mcp-Session-Id", "S");
    opens(1, 200, head);
    brings(1, greeting());
    ends(1);
    sends(initialized());
    opens(2, 202, {});
    ends(2);
    opens(3);
  }
};

std::string cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

const std::string no_answer = "the server far has not answered a call yet";
const std::string not_acknowledged = "the server far has not acknowledged a message yet";

}  // namespace

TEST_CASE("replaced: before anything was sent, and while initialize has no answer") {
  Passed client;
  CHECK(client.passed().empty());
  client.sends(initialize());
  CHECK(client.unsettled() == "the server far has not answered initialize yet");
  client.opens(1, 200, json);
  CHECK(client.unsettled() == "the server far has not answered initialize yet");
  client.brings(1, greeting());
  client.ends(1);
  CHECK(client.passed().empty());
  CHECK(client.sends(call(7)) == Lines{"2: POST tools/call 7 version 2025-06-18"});
}

TEST_CASE("replaced: the session goes on, and its standing stream behind what came last on it") {
  Passed client;
  client.begin();
  CHECK(client.passed() == Lines{"4: GET" + as_s});
  CHECK(client.requests[4].fields.get("authorization") == "Bearer t");
  CHECK(client.requests[4].stream);
  client.opens(4);
  client.brings(4, event(progress(1), "a"));
  CHECK(client.passed() == Lines{"5: GET" + as_s + " last a"});
  CHECK(client.ends(4).empty());  // It is nobody's any more.
  CHECK(client.sends(call(7)) == Lines{"6: POST tools/call 7" + as_s});
  client.opens(6, 200, json);
  client.brings(6, result(7));
  CHECK(client.ends(6) == Lines{"receive 7 " + result(7)});
}

TEST_CASE("replaced: a stream that is opened again for that has not failed") {
  Passed client;
  client.begin();
  for (RequestId id = 4; id < 24; ++id) CHECK(client.passed() == Lines{std::to_string(id) + ": GET" + as_s});
  client.ends(23, Client::Failure{.why = "connection reset"});
  CHECK(client.wait() == milliseconds(500));
  SUBCASE("and what waits to be opened again waits no longer and no shorter") {
    CHECK(client.waits(milliseconds(400)).empty());
    CHECK(client.passed().empty());
    CHECK(client.wait() == milliseconds(100));
    CHECK(client.waits(milliseconds(100)) == Lines{"24: GET" + as_s});
  }
  SUBCASE("and what has failed before has failed so often still") {
    client.waits(milliseconds(500));
    CHECK(client.passed() == Lines{"25: GET" + as_s});
    client.ends(25, Client::Failure{.why = "connection reset"});
    CHECK(client.wait() == seconds(1));
  }
  SUBCASE("and one that has lasted has shown that it works") {
    client.waits(milliseconds(500));
    client.opens(24);
    client.waits(seconds(30));
    CHECK(client.passed() == Lines{"25: GET" + as_s});
    client.ends(25, Client::Failure{.why = "connection reset"});
    CHECK(client.wait() == milliseconds(500));
  }
}

TEST_CASE("replaced: a call whose answer comes on its own connection is waited for") {
  Passed client;
  client.begin();
  client.sends(call(7));
  CHECK(client.unsettled() == no_answer);
  SUBCASE("as JSON") {
    client.opens(4, 200, json);
    client.brings(4, result(7).substr(0, 9));
    CHECK(client.unsettled() == no_answer);
    client.brings(4, result(7).substr(9));
    CHECK(client.ends(4) == Lines{"receive 7 " + result(7)});
  }
  SUBCASE("on a stream without ids") {
    client.opens(4);
    client.brings(4, event(progress(1)));
    CHECK(client.unsettled() == no_answer);
    client.brings(4, event(result(7)));  // The stream may stay open.
  }
  SUBCASE("on a stream that takes back its id") {
    client.opens(4);
    client.brings(4, "id: a\ndata:\n\nid:\ndata:\n\n");
    CHECK(client.unsettled() == no_answer);
    client.ends(4);
  }
  SUBCASE("until it is given up as too large") {
    client.opens(4, 200, json);
    client.brings(4, std::string(5000, ' '));
  }
  SUBCASE("until the server has forgotten its session") {
    client.opens(4, 404, {});
    CHECK(client.passed().empty());
    CHECK(client.sends(call(8)) == Lines{"forgot " + call(8)});
    CHECK(client.sends(initialize()) == Lines{"5: POST initialize 1"});
    return;
  }
  CHECK(client.passed() == Lines{"5: GET" + as_s});
  CHECK(client.waits(std::chrono::hours(1)).empty());
}

TEST_CASE("replaced: a call's stream goes on behind the id that came last") {
  Passed client;
  client.begin();
  client.sends(call(7));
  client.opens(4);
  client.brings(4, event(progress(1), "a"));
  CHECK(client.passed() == Lines{"5: GET" + as_s, "6: GET" + as_s + " last a"});
  CHECK(client.passed() == Lines{"7: GET" + as_s, "8: GET" + as_s + " last a"});
  SUBCASE("with its answer") {
    client.opens(8);
    CHECK(client.brings(8, event(result(7), "b")) == Lines{"receive 7 " + result(7)});
    client.opens(7);
    CHECK(client.passed() == Lines{"9: GET" + as_s});
  }
  SUBCASE("and may break as often as before") {
    RequestId id = 8;
    for (const int wait : {500, 1000, 2000, 4000, 8000}) {
      CHECK(client.ends(id, Client::Failure{.why = "connection reset"}).empty());
      CHECK(client.wait() == milliseconds(wait));
      CHECK(client.waits(milliseconds(wait)) == Lines{std::to_string(++id) + ": GET" + as_s + " last a"});
    }
    CHECK(client.ends(id).at(0).contains("could not be resumed in 5 attempts"));
  }
  SUBCASE("while it waits to be opened again, too") {
    client.ends(8, Client::Failure{.why = "connection reset"});
    CHECK(client.passed() == Lines{"9: GET" + as_s});
    CHECK(client.waits(milliseconds(500)) == Lines{"10: GET" + as_s + " last a"});
  }
  SUBCASE("which a server that has not noticed the end of the first is asked for again") {
    client.opens(8, 409, {});
    CHECK(client.ends(8).empty());
    CHECK(client.waits(milliseconds(500)) == Lines{"9: GET" + as_s + " last a"});
  }
  SUBCASE("under the session that it was begun in") {
    client.sends(call(8));
    client.opens(9, 404, {});
    client.ends(9);
    CHECK(client.passed() == Lines{"10: GET" + as_s + " last a"});
  }
}

TEST_CASE("replaced: where GET may not be known, a call's stream is waited for") {
  Passed client;
  client.begin();
  client.ends(3);
  client.waits(milliseconds(500));
  client.opens(4, 405, {});
  client.ends(4);
  client.sends(call(7));
  client.opens(5);
  client.brings(5, event(progress(1), "a"));
  CHECK(client.unsettled() == no_answer);
  // Once it breaks by itself, there is nothing to be lost.
  client.ends(5);
  CHECK(client.waits(milliseconds(500)) == Lines{"6: GET" + as_s + " last a"});
  CHECK(client.passed() == Lines{"7: GET" + as_s + " last a"});
}

TEST_CASE("replaced: a cancelled call is waited for, which takes seconds") {
  Passed client;
  client.begin();
  client.sends(call(7));
  client.opens(4);
  client.brings(4, event(progress(1), "a"));
  client.sends(cancel(7));
  CHECK(client.unsettled() == no_answer);
  client.opens(5, 202, {});
  client.ends(5);
  CHECK(client.unsettled() == no_answer);
  CHECK(client.wait() <= seconds(5));
  CHECK(client.waits(client.wait()).front() == "abandon 4");
  CHECK(client.passed() == Lines{"6: GET" + as_s});
}

TEST_CASE("replaced: a notification or an answer is waited for until the server has taken it") {
  Passed client;
  client.begin();
  client.sends(progress(1));
  CHECK(client.unsettled() == not_acknowledged);
  client.opens(4, 202, {});
  client.ends(4);
  client.sends(result(9));
  CHECK(client.unsettled() == not_acknowledged);
  client.waits(client.wait());
  CHECK(client.passed() == Lines{"6: GET" + as_s});
}

TEST_CASE("replaced: what waits for the standing stream of a new session goes on waiting") {
  Passed client;
  client.sends(initialize());
  client.opens(1, 200, json);
  client.brings(1, greeting());
  client.ends(1);
  client.sends(initialized());
  CHECK(client.unsettled() == not_acknowledged);
  client.sends(call(7));
  client.sends(result(9));
  client.opens(2, 202, {});
  CHECK(client.ends(2) == Lines{"3: GET version 2025-06-18"});
  CHECK(client.passed() == Lines{"4: GET version 2025-06-18"});
  const Lines both = {"5: POST tools/call 7 version 2025-06-18", "6: POST answer 9 version 2025-06-18"};
  SUBCASE("until it is there") {
    CHECK(client.opens(4) == both);
  }
  SUBCASE("but no longer than before") {
    CHECK(client.wait() == seconds(1));
    CHECK(client.waits(seconds(1)) == both);
  }
}

TEST_CASE("replaced: the useless rest of a redirected request is let go of, and each request is led anew") {
  Passed client;
  client.begin();
  client.sends(call(7));
  CHECK(client.opens(4, 307, {{"location", "/b"}}) == Lines{"5: POST tools/call 7" + as_s});
  CHECK(client.unsettled() == no_answer);
  client.opens(5);
  client.brings(5, event(progress(1), "a"));
  CHECK(client.passed() == Lines{"6: GET" + as_s, "7: GET" + as_s + " last a"});
  CHECK(client.requests[7].url == "http://h:8/a/mcp?k=1");
}

TEST_CASE("replaced: HTTP+SSE cannot go on while its stream is open, and can while it sleeps") {
  Passed client(options(transport::Kind::sse));
  client.lines();
  CHECK(client.unsettled() == "the server far has named no endpoint for HTTP+SSE yet");
  client.opens(1);
  client.brings(1, "event: endpoint\ndata: /m\n\n");
  const std::string cannot = "the server far speaks HTTP+SSE, whose session would end with the connection";
  CHECK(client.unsettled() == cannot);
  client.sends(initialize());
  client.opens(2, 202, {});
  client.ends(2);
  client.brings(1, event(greeting()));
  CHECK(client.unsettled() == cannot);
  client.ends(1);
  CHECK(client.passed().empty());
  CHECK(client.sends(call(7)) == Lines{"3: GET", "forgot " + call(7)});
}

TEST_CASE("replaced: the search for HTTP+SSE at an older server is waited for") {
  Passed client;
  client.sends(initialize());
  client.opens(1, 405, {});
  client.ends(1);
  CHECK(client.unsettled() == "the server far has named no endpoint for HTTP+SSE yet");
  client.opens(2, 405, {});
  client.ends(2);
  CHECK(client.passed().empty());
}

TEST_CASE("replaced: the farewell is waited for") {
  Passed client;
  client.begin();
  client.client.close(client.now);
  client.lines();
  CHECK(client.unsettled() == "the server far has not heard yet that its session is over");
  client.opens(4, 200, {});
  client.ends(4);
  CHECK(client.unsettled() == "");
}

TEST_CASE("replaced: what has not been told yet is waited for") {
  Passed client;
  client.begin();
  client.client.body(3, event(progress(1)), client.now);
  CHECK(client.unsettled() == "the server far is being sent something");
}

TEST_CASE("replaced: a listen of 2026-07-28 that has said nothing yet is sent again as it is") {
  Passed client;
  const std::string listen = ask(7, "subscriptions/listen", R"("notifications":{"toolsListChanged":true})");
  client.sends(listen);
  CHECK(client.passed() == Lines{"2: POST subscriptions/listen 7" + modern});
  CHECK(client.requests[2].stream);
  CHECK(client.requests[2].body.text() == listen);
  client.opens(2);
  client.brings(2, ": here\n\n");
  CHECK(client.passed() == Lines{"3: POST subscriptions/listen 7" + modern});
  client.opens(3);
  CHECK(client.brings(3, event(progress(1))) == Lines{"receive 7 " + progress(1)});
}

TEST_CASE("replaced: a listen of 2026-07-28 that has said something ends as if its stream had") {
  Passed client;
  client.sends(ask(7, "subscriptions/listen", R"("notifications":{"toolsListChanged":true})"));
  client.opens(1);
  client.brings(1, event(progress(1)));
  CHECK(client.passed() ==
        Lines{"receive 7 " + error(7, "the stream on which it tells of changes ended", true)});
  CHECK(client.passed().empty());
  CHECK(client.sends(ask(8, "subscriptions/listen", R"("notifications":{"toolsListChanged":true})")) ==
        Lines{"2: POST subscriptions/listen 8" + modern});
}

TEST_CASE("replaced: other calls of 2026-07-28 are waited for") {
  Passed client;
  client.sends(discover());
  CHECK(client.unsettled() == no_answer);
  client.opens(1);
  client.brings(1, event(progress(1), "a"));
  CHECK(client.unsettled() == no_answer);  // Nothing is resumed there.
  client.brings(1, event(discovered()));
  CHECK(client.passed().empty());
}

TEST_CASE("replaced: what tools want as fields is known in the next program, too") {
  Passed client;
  client.sends(call_of(7, "near", R"({"region":"eu"})"));
  CHECK(client.unsettled() == "the server far has not told its tools yet");
  client.opens(1, 200, json);
  client.brings(1, tools(own(1), tool("near", "Region")));
  CHECK(client.ends(1) == Lines{"2: POST tools/call 7" + modern});
  CHECK(client.unsettled() == no_answer);
  client.opens(2, 200, json);
  client.brings(2, done(7));
  client.ends(2);
  CHECK(client.passed().empty());
  CHECK(client.sends(call_of(8, "near", R"({"region":"us"})")) == Lines{"3: POST tools/call 8" + modern});
  CHECK(modern_fields(client, 3).contains("mcp-param-region=us;"));
}

TEST_CASE("replaced: the rest of a list that was told on a stream is let go of") {
  Passed client;
  client.sends(call_of(7, "near"));
  client.opens(1);
  CHECK(client.brings(1, event(tools(own(1), tool("near")))) == Lines{"2: POST tools/call 7" + modern});
  client.opens(2, 200, json);
  client.brings(2, done(7));
  client.ends(2);
  CHECK(client.passed().empty());
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("replaced: the client beside each other one is replaced where it can be") {
  Begun client;
  CHECK(client.replaced.replacements() == 3);
  client.send(call(7));
  CHECK(client.replaced.replacements() == 3);
  client.head(4, 200, events);
  client.body(4, event(progress(1), "a"));
  CHECK(client.replaced.replacements() == 4);
}
