// HTTP connections through TLS: what http_connection_test.cpp says of plain ones holds here, too.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "http_peers.h"
#include "io/clock.h"
#include "tls_client.h"

using test::HttpPeers;
using test::Over;
using test::request_for;
using test::run_until;
using test::TlsClient;
using test::without_date;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client of TLS on the socket of HttpPeers.
struct TlsPeers {
  explicit TlsPeers(io::HttpConnection::Limits limits = {}, const TlsClient::Wishes& wishes = {})
      : context(io::TlsContext::load(test::make_certificate(directory)).value()),
        peers(Over::tcp, limits, context.get()),
        client(wishes) {}

  test::TempDir directory;
  std::unique_ptr<io::TlsContext> context;
  HttpPeers peers;
  TlsClient client;

  void pass_on() {
    client.hear(std::exchange(peers.heard, {}));
    peers.say(client.outgoing());
  }
  bool until(const std::function<bool()>& done) {
    return run_until(peers.loop, [&] {
      pass_on();
      return done();
    });
  }
  void shake_hands() {
    REQUIRE(until([&] { return client.ready(); }));
  }
  void say(std::string_view text) {
    client.say(text);
    pass_on();
  }
  bool hears(std::string_view text) {
    return until([&] { return client.heard().contains(text); });
  }
  bool asked(std::size_t count) {
    return until([&] { return peers.requests.size() >= count; });
  }
};

// A byte now and then.
struct Drip {
  Drip(HttpPeers& to, std::string of) : peers(to), bytes(std::move(of)), timer(to.loop, [this] { next(); }) {
    next();
  }
  void next() {
    if (peers.ended || at == bytes.size()) return;
    send(peers.fd(), &bytes[at++], 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    timer.set(io::now() + milliseconds(5));
  }
  HttpPeers& peers;
  std::string bytes;
  std::size_t at = 0;
  io::Timer timer;
};

}  // namespace

TEST_CASE("https connection: requests and answers, one after the other") {
  TlsPeers tls;
  tls.peers.on_request = [&] { tls.peers.answer(tls.peers.requests.back().path); };
  tls.shake_hands();
  tls.say("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
  REQUIRE(tls.hears("\r\n\r\n/a"));
  CHECK(without_date(tls.client.take_heard()) == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/a");
  tls.say(request_for("/b") + request_for("/c"));
  REQUIRE(tls.hears("\r\n\r\n/c"));
  CHECK(tls.peers.texts() == std::vector<std::string>{"POST /a [ab]", "GET /b []", "GET /c []"});
  tls.client.close();
  tls.pass_on();
  REQUIRE(tls.until([&] { return tls.client.ended(); }));
  CHECK(tls.peers.waits_for_gone());
  CHECK_FALSE(tls.client.failed());
}

TEST_CASE("https connection: the last answer ends with word that it was the last") {
  TlsPeers tls;
  tls.peers.on_request = [&] { tls.peers.answer("x"); };
  tls.shake_hands();
  tls.say("GET / HTTP/1.0\r\n\r\n");
  REQUIRE(tls.hears("\r\n\r\nx"));
  REQUIRE(tls.until([&] { return tls.client.ended() && tls.peers.ended; }));
  tls.peers.hang_up();
  CHECK(tls.peers.waits_for_gone());
}

TEST_CASE("https connection: large bodies in both directions") {
  TlsPeers tls;
  tls.peers.on_request = [&] { tls.peers.answer(tls.peers.requests.back().body); };
  tls.shake_hands();
  std::string body;
  for (int i = 0; body.size() < 4'000'000; ++i) body += std::to_string(i);
  tls.client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                 body);
  REQUIRE(tls.hears(body));
  CHECK(tls.peers.requests.front().body == body);
}

TEST_CASE("https connection: a reader that is slow holds nothing up, and what waits for it is counted") {
  TlsPeers tls;
  tls.shake_hands();
  tls.say(request_for("/"));
  REQUIRE(tls.asked(1));
  tls.peers.stop_listening();
  tls.peers.connection->begin_stream(200, {});
  constexpr std::size_t size = std::size_t{1} << 20;
  for (int i = 0; i < 16; ++i) tls.peers.connection->stream(proto::Message(std::string(size, 'x')));
  const std::size_t queued = tls.peers.connection->queued_bytes();
  tls.peers.connection->flush();
  // What the socket has not taken is still there; encrypted, it is a little more than it was.
  CHECK(tls.peers.connection->queued_bytes() > size);
  CHECK(tls.peers.connection->queued_bytes() < queued);
  CHECK(tls.peers.drained == 0);
  tls.peers.listen();
  REQUIRE(tls.until([&] { return tls.peers.drained > 0; }));
  CHECK(tls.peers.connection->queued_bytes() == 0);
  tls.peers.connection->end_stream();
  REQUIRE(tls.hears("\r\n0\r\n\r\n"));
  CHECK(tls.peers.drained == 1);
  CHECK(std::ranges::count(tls.client.heard(), 'x') == 16 << 20);
  tls.say(request_for("/next"));
  CHECK(tls.asked(2));
}

TEST_CASE("https connection: many small messages share records, and arrive in order") {
  TlsPeers tls;
  tls.shake_hands();
  tls.say(request_for("/"));
  REQUIRE(tls.asked(1));
  tls.peers.connection->begin_stream(200, {});
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i) + '\n';
    expected += text;
    tls.peers.connection->stream(proto::Message(text));
  }
  tls.peers.connection->end_stream();
  std::size_t bytes = 0;
  REQUIRE(run_until(tls.peers.loop, [&] {
    bytes += tls.peers.heard.size();
    tls.pass_on();
    return tls.client.heard().contains("\r\n0\r\n\r\n");
  }));
  std::string heard = tls.client.take_heard();
  CHECK(bytes < heard.size() + 500);
  for (int i = 0; i < 1000; ++i) CHECK(heard.contains("\r\n" + std::to_string(i) + "\n\r\n"));
}

TEST_CASE("https connection: a client that speaks plain HTTP is told so") {
  for (const std::string& request :
       {request_for("/"), std::string("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"),
        std::string("DELETE / HTTP/1.1\r\n"), std::string("P")}) {
    TlsPeers tls;
    tls.peers.say(request);
    REQUIRE(tls.peers.hears_end());
    CHECK(tls.peers.heard.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(tls.peers.heard.contains("https://"));
    CHECK(tls.peers.heard.contains("connection: close\r\n"));
    CHECK(tls.peers.requests.empty());
    tls.peers.hang_up();
    CHECK(tls.peers.waits_for_gone());
  }
}

TEST_CASE("https connection: what is no TLS is cut") {
  TlsPeers tls;
  tls.peers.say(std::string("\0\1\2\3", 4) + std::string(1000, 'x'));
  REQUIRE(tls.peers.hears_end());
  CHECK(tls.peers.heard.empty());
  CHECK(tls.peers.waits_for_gone());  // Though the client has not hung up.
  CHECK(tls.peers.requests.empty());
}

TEST_CASE("https connection: a client that cannot be agreed with is told why") {
  TlsPeers tls({}, {.version_max = test::tls_1_1});
  REQUIRE(tls.until([&] { return tls.client.failed(); }));
  CHECK(tls.client.why().contains("alert protocol version"));
  CHECK(tls.peers.hears_end());
  CHECK(tls.peers.waits_for_gone());
}

TEST_CASE("https connection: a handshake takes no longer than a head may") {
  SUBCASE("that never begins") {
    TlsPeers tls({.patience = milliseconds(20), .idle = seconds(1000)});
    CHECK(tls.peers.waits_for_gone());
    CHECK(tls.peers.heard.empty());
  }
  SUBCASE("that comes byte by byte") {
    TlsPeers tls({.patience = milliseconds(100), .idle = seconds(1000)});
    const Drip drip(tls.peers, tls.client.outgoing());
    CHECK(tls.peers.waits_for_gone());
    CHECK(drip.at < drip.bytes.size());
  }
  SUBCASE("that stops half-way") {
    TlsPeers tls({.patience = milliseconds(50), .idle = seconds(1000)});
    tls.peers.say(tls.client.outgoing());
    CHECK(tls.peers.waits_for_gone());
    CHECK_FALSE(tls.peers.heard.empty());
  }
  SUBCASE("that is done, with nothing said then") {
    TlsPeers tls({.patience = milliseconds(200), .idle = seconds(1000)});
    tls.shake_hands();
    REQUIRE(tls.until([&] { return tls.peers.ended; }));
    CHECK(tls.client.ended());  // In order.
    CHECK(tls.peers.waits_for_gone());
  }
  SUBCASE("and a head within it no longer either") {
    TlsPeers tls({.patience = milliseconds(200), .idle = seconds(1000)});
    tls.shake_hands();
    tls.say("GET / HTTP/1.1\r\n");
    REQUIRE(tls.hears("408 Request Timeout"));
    CHECK(tls.peers.requests.empty());
  }
}

TEST_CASE("https connection: an idle one is ended in order") {
  TlsPeers tls({.patience = seconds(1000), .idle = milliseconds(20)});
  tls.peers.on_request = [&] { tls.peers.answer("x"); };
  tls.shake_hands();
  tls.say(request_for("/"));
  REQUIRE(tls.until([&] { return tls.client.ended(); }));
  CHECK(tls.client.heard().ends_with("\r\n\r\nx"));
  CHECK(tls.peers.waits_for_gone());
}

TEST_CASE("https connection: clients that vanish are noticed in every phase") {
  const auto vanish = [](TlsPeers& tls) {
    tls.peers.hang_up();
    CHECK(tls.peers.waits_for_gone());
    CHECK(tls.peers.gone == 1);
  };
  SUBCASE("before the handshake") {
    TlsPeers tls;
    vanish(tls);
  }
  SUBCASE("in the middle of it") {
    TlsPeers tls;
    const std::string hello = tls.client.outgoing();
    tls.peers.say(hello.substr(0, hello.size() / 2));
    vanish(tls);
  }
  SUBCASE("in the middle of a record") {
    TlsPeers tls;
    tls.shake_hands();
    tls.client.say(request_for("/"));
    const std::string record = tls.client.outgoing();
    tls.peers.say(record.substr(0, record.size() - 1));
    vanish(tls);
    CHECK(tls.peers.requests.empty());
  }
  SUBCASE("while the answer is due") {
    TlsPeers tls;
    tls.shake_hands();
    tls.say(request_for("/"));
    REQUIRE(tls.asked(1));
    vanish(tls);
  }
  SUBCASE("having said so, while the answer is due") {
    TlsPeers tls;
    tls.shake_hands();
    tls.say(request_for("/"));
    REQUIRE(tls.asked(1));
    tls.client.close();
    tls.pass_on();
    CHECK(tls.peers.waits_for_gone());
  }
  SUBCASE("while a stream is blocked") {
    TlsPeers tls;
    tls.shake_hands();
    tls.say(request_for("/"));
    REQUIRE(tls.asked(1));
    tls.peers.stop_listening();
    tls.peers.connection->begin_stream(200, {});
    tls.peers.connection->stream(proto::Message(std::string(std::size_t{16} << 20, 'x')));
    tls.peers.connection->flush();
    vanish(tls);
    CHECK(tls.peers.drained == 0);
  }
}

TEST_CASE("https connection: a client that does not read is hung up on") {
  TlsPeers tls({.stall = milliseconds(20)});
  tls.shake_hands();
  tls.say(request_for("/"));
  REQUIRE(tls.asked(1));
  tls.peers.stop_listening();
  tls.peers.answer(std::string(std::size_t{16} << 20, 'x'));
  CHECK(tls.peers.waits_for_gone());
}

TEST_CASE("https connection: what breaks in the middle of a conversation ends it") {
  TlsPeers tls;
  tls.shake_hands();
  tls.client.say(request_for("/"));
  std::string record = tls.client.outgoing();
  record.back() = static_cast<char>(record.back() ^ 1);
  tls.peers.say(record);
  REQUIRE(tls.until([&] { return tls.client.failed(); }));  // It was told.
  CHECK(tls.peers.requests.empty());
  tls.peers.hang_up();
  CHECK(tls.peers.waits_for_gone());
}
