// Requests that are judged by their heads, and bodies that wait.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http_peers.h"
#include "io/clock.h"

using test::each_way;
using test::HttpPeers;
using test::Over;
using test::run_until;

namespace {

using Texts = std::vector<std::string>;

std::string post(std::string_view path, std::size_t length) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

// Refuses what is below /no.
std::optional<proto::HttpAnswer> judge(const proto::HttpRequest& head) {
  CHECK(head.body.empty());
  if (!head.path.starts_with("/no")) return std::nullopt;
  return proto::HttpAnswer{.status = 401, .fields = {}, .body = "no"};
}

bool passes(HttpPeers& peers, std::chrono::milliseconds time) {
  bool passed = false;
  io::Timer later(peers.loop, [&] { passed = true; });
  later.set(io::now() + time);
  return run_until(peers.loop, [&] { return passed; });
}

}  // namespace

TEST_CASE("http connection: a request that is refused by its head is answered before its body comes") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_head = judge;
    peers.say(post("/no", 60 << 20));
    REQUIRE(peers.hears("\r\n\r\nno"));
    CHECK(peers.heard.starts_with("HTTP/1.1 401 "));
    CHECK(peers.heard.find("connection: close\r\n") != std::string::npos);
    CHECK(peers.hears_end());
    CHECK(peers.requests.empty());
  }
}

TEST_CASE("http connection: what follows of a refused request is thrown away") {
  HttpPeers peers(Over::tcp);
  peers.on_head = judge;
  peers.say(post("/no", 8 << 20));
  REQUIRE(peers.hears("\r\n\r\nno"));
  peers.say(std::string(4 << 20, 'x'));
  CHECK(peers.requests.empty());
  CHECK(peers.connection->queued_bytes() == 0);
  peers.hang_up();
  CHECK(peers.waits_for_gone());
}

TEST_CASE("http connection: a refused request that is there as a whole costs the connection nothing") {
  HttpPeers peers;
  peers.on_head = judge;
  peers.on_request = [&] { peers.answer("yes"); };
  peers.say(post("/no", 2) + "ab" + "GET /no HTTP/1.1\r\nHost: h\r\n\r\n" + post("/yes", 2) + "cd");
  REQUIRE(peers.hears("\r\n\r\nyes"));
  CHECK(peers.texts() == Texts{"POST /yes [cd]"});
  CHECK(peers.heard.find("connection: close") == std::string::npos);
  CHECK(peers.gone == 0);
}

TEST_CASE("http connection: a client that waits for 100 Continue hears the refusal instead") {
  HttpPeers peers;
  peers.on_head = judge;
  peers.say("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(peers.hears("\r\n\r\nno"));
  CHECK(peers.heard.starts_with("HTTP/1.1 401 "));
}

TEST_CASE("http connection: a head is shown once, whatever the pieces it comes in") {
  HttpPeers peers;
  int shown = 0;
  peers.on_head = [&](const proto::HttpRequest& head) -> std::optional<proto::HttpAnswer> {
    ++shown;
    CHECK(head.path == "/a");
    return std::nullopt;
  };
  peers.on_request = [&] { peers.answer("yes"); };
  for (const char c : post("/a", 3) + "abc") peers.say(std::string_view(&c, 1));
  REQUIRE(peers.hears("yes"));
  CHECK(shown == 1);
  peers.say(post("/a", 1) + "x");
  REQUIRE(peers.waits_for_requests(2));
  CHECK(shown == 2);
}

TEST_CASE("http connection: a body waits in its socket until it may go on") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    std::size_t most = 0;
    bool room = false;
    peers.on_body = [&](std::size_t held) {
      most = std::max(most, held);
      return room;
    };
    const std::string body(std::size_t{300} << 10, 'b');
    peers.say(post("/a", body.size()) + body.substr(0, 1000));
    REQUIRE(run_until(peers.loop, [&] { return most > 0; }));
    const std::size_t before = most;
    peers.say(body.substr(1000, 10000));
    REQUIRE(passes(peers, std::chrono::milliseconds(20)));
    CHECK(most == before);
    CHECK(peers.requests.empty());
    room = true;
    peers.connection->go_on();
    peers.say(body.substr(11000));
    REQUIRE(peers.waits_for_requests(1));
    CHECK(peers.requests[0].body == body);
  }
}

TEST_CASE("http connection: a body that may not go on is refused in the end, and its client may leave") {
  HttpPeers impatient(Over::tcp, {.patience = std::chrono::milliseconds(50)});
  impatient.on_body = [](std::size_t) { return false; };
  impatient.say(post("/a", 1000) + "abc");
  REQUIRE(impatient.hears("503 "));
  HttpPeers leaving(Over::tcp);
  bool told = false;
  leaving.on_body = [&](std::size_t) {
    told = true;
    return false;
  };
  leaving.say(post("/a", 1000) + "abc");
  REQUIRE(run_until(leaving.loop, [&] { return told; }));
  leaving.hang_up();
  CHECK(leaving.waits_for_gone());
}
