// What a client over HTTP does about requests and streams that come to nothing: it lets go of them, and finds
// out when its session is gone.

#include <doctest/doctest.h>

#include "http_server_fixture.h"

using namespace http_server;

namespace {

std::string cancel(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}

std::string unanswered(int id) {
  return "receive " + std::to_string(id) + ' ' +
         error(id, "the request was cancelled, and the server did not answer it");
}

std::string pong(int id, std::size_t padding = 0) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{"pad":")" +
         std::string(padding, 'x') + "\"}}";
}

Lines taken_no_more(std::size_t count, std::size_t bytes) {
  return {"abandon all", "down the server asks and does not take the answers: " + std::to_string(count) +
                             " of them, " + std::to_string(bytes) +
                             " bytes, were posted to it and have not been acknowledged"};
}

// All abandoned requests as one line.
Lines in_short(Lines lines) {
  const auto abandons = [](const std::string& line) { return line.starts_with("abandon "); };
  if (std::erase_if(lines, abandons) != 0) lines.insert(lines.begin(), "abandon all");
  return lines;
}

}  // namespace

TEST_CASE("a server that asks and acknowledges no answer is let go of, with the reason") {
  Begun client;
  SUBCASE("many") {
    std::size_t bytes = 0;
    for (int i = 0; i < 256; ++i) {
      REQUIRE(client.send(pong(i)).size() == 1);
      bytes += pong(i).size();
    }
    CHECK(in_short(client.send(pong(256))) == taken_no_more(256, bytes));
    CHECK(client.send(pong(257)).empty());
    CHECK(client.wait() < milliseconds(0));
  }
  SUBCASE("large ones, of which a single one may be larger") {
    constexpr std::size_t much = std::size_t{17} << 20;
    REQUIRE(client.send(pong(1, much)).size() == 1);
    CHECK(in_short(client.send(pong(2))) == taken_no_more(1, pong(1, much).size()));
  }
  SUBCASE("before its stream is there") {
    Client early;
    early.send(initialize());
    Fields head = json;
    head.emplace_back("Mcp-Session-Id", "S");
    early.answered(1, 200, head, greeting());
    early.send(initialized());
    std::size_t bytes = 0;
    for (int i = 0; i < 256; ++i) {
      REQUIRE(early.send(pong(i)).empty());
      bytes += pong(i).size();
    }
    CHECK(in_short(early.send(pong(256))) == taken_no_more(256, bytes));
  }
  SUBCASE("over HTTP+SSE") {
    Client old(options(transport::Kind::sse));
    old.out();
    old.head(1, 200, events);
    old.body(1, "event: endpoint\ndata: /m\n\n");
    for (int i = 0; i < 256; ++i) REQUIRE(old.send(pong(i)).size() == 1);
    CHECK(in_short(old.send(pong(256))).back().starts_with("down the server asks and does not take"));
  }
}

TEST_CASE("a server that acknowledges answers may ask as much as it likes, calls and notices aside") {
  Begun client;
  for (int i = 0; i < 300; ++i) client.send(call(1000 + i));
  for (int i = 0; i < 300; ++i) client.send(cancel(9999));
  for (RequestId id = 604; id < 1604; ++id) {
    CHECK(client.send(pong(1)).size() == 1);
    CHECK(client.answered(id, 202).empty());
  }
}

TEST_CASE("a cancelled call that the server does not answer is let go of, whatever it waits for") {
  SUBCASE("a head") {
    Begun client;
    client.send(call(7));
    client.send(cancel(7));
    client.answered(5, 202);
    CHECK(client.after(client.wait()) == Lines{"abandon 4", unanswered(7)});
    CHECK(client.wait() < milliseconds(0));
    CHECK(client.answered(4, 200, json, result(7)).empty());
  }
  SUBCASE("a stream's next event") {
    Begun client;
    client.send(call(7));
    client.head(4, 200, events);
    client.body(4, event(progress(1), "a"));
    client.send(cancel(7));
    client.answered(5, 202);
    CHECK(client.after(client.wait()) == Lines{"abandon 4", unanswered(7)});
    CHECK(client.wait() < milliseconds(0));
  }
  SUBCASE("an answer on the stream of HTTP+SSE") {
    Client client(options(transport::Kind::sse));
    client.out();
    client.head(1, 200, events);
    client.body(1, "event: endpoint\ndata: /m\n\n");
    client.send(call(7));
    client.answered(2, 202);
    client.send(cancel(7));
    client.answered(3, 202);
    CHECK(client.after(client.wait()) == Lines{unanswered(7)});
    CHECK(client.wait() < milliseconds(0));
    CHECK(client.body(1, event(result(7))) == Lines{"note an answer that nobody waits for: id 7"});
  }
}

TEST_CASE("a cancelled call is given a moment to be answered all the same, and others are left alone") {
  Begun client;
  client.send(call(7));
  client.send(call(8));
  client.send(cancel(7));
  client.answered(6, 202);
  client.after(client.wait() - milliseconds(1));
  CHECK(client.answered(4, 200, json, result(7)) == Lines{"receive 7 " + result(7)});
  CHECK(client.wait() < milliseconds(0));
  CHECK(client.answered(5, 200, json, result(8)) == Lines{"receive 8 " + result(8)});
}

TEST_CASE("a message that asks nothing and is not acknowledged is let go of") {
  Begun client;
  client.send(cancel(99));
  CHECK(client.wait() > seconds(5));
  SUBCASE("not at all") {
    CHECK(client.after(client.wait()) ==
          Lines{"abandon 4", "note the server did not acknowledge a notification or an answer"});
  }
  SUBCASE("with a stream that does not end") {
    client.head(4, 200, events);
    CHECK(client.after(client.wait()) ==
          Lines{"abandon 4", "note the server did not acknowledge a notification or an answer"});
  }
  SUBCASE("but in time") {
    CHECK(client.answered(4, 202).empty());
  }
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("initialized that is not acknowledged does not keep the stream from being opened") {
  Client client;
  client.send(initialize());
  client.answered(1, 200, json, greeting());
  client.send(initialized());
  client.after(seconds(1));
  CHECK(client.after(client.wait()) ==
        Lines{"abandon 2", "note the server did not acknowledge a notification or an answer",
              "3: GET version 2025-06-18"});
}

TEST_CASE("a stream that may not be opened again because its session is gone tells so, without a message") {
  Begun client;
  client.broke(3);
  CHECK(client.after(client.wait()) == Lines{"4: GET" + as_s});
  CHECK(client.answered(4, 404) == Lines{"forgot"});
  CHECK(client.wait() < milliseconds(0));
  CHECK(client.send(call(7)) == Lines{"forgot " + call(7)});
  CHECK(client.send(initialize()) == Lines{"5: POST initialize 1"});
}

TEST_CASE("a server that has no such stream at all has forgotten nothing") {
  Client client;
  client.send(initialize());
  Fields head = json;
  head.emplace_back("Mcp-Session-Id", "S");
  client.answered(1, 200, head, greeting());
  client.send(initialized());
  CHECK(client.answered(2, 202) == Lines{"3: GET" + as_s});
  const std::string none = "note the server offers no stream for what concerns no request (HTTP 404)";
  CHECK(client.answered(3, 404) == Lines{none});
  CHECK(client.send(call(7)) == Lines{"4: POST tools/call 7" + as_s});
}

TEST_CASE("a stream that wants a login is not asked for again") {
  Begun client;
  client.body(3, event(progress(1), "a"));
  client.broke(3);
  client.after(client.wait());
  CHECK(client.answered(4, 401).size() == 1);
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("where the server no longer knows what came last on that stream, it is opened anew") {
  Begun client;
  client.body(3, event(progress(1), "a"));
  client.broke(3);
  CHECK(client.after(client.wait()) == Lines{"4: GET" + as_s + " last a"});
  CHECK(client.answered(4, 400) ==
        Lines{"note the server cannot continue its stream (HTTP 400); it is opened anew, and what was said "
              "meanwhile is lost"});
  CHECK(client.after(client.wait()) == Lines{"5: GET" + as_s});
  CHECK(client.answered(5, 400) ==
        Lines{"note the server offers no stream for what concerns no request (HTTP 400)"});
  CHECK(client.wait() < milliseconds(0));
}
