#include "io/http_connection.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http_peers.h"
#include "io/clock.h"
#include "io/unix_socket.h"

using test::each_way;
using test::HttpPeers;
using test::Over;
using test::request_for;
using test::run_until;
using test::without_date;

namespace {

using Texts = std::vector<std::string>;

proto::Message message(std::string text) {
  return proto::Message(std::move(text));
}

}  // namespace

TEST_CASE("http connection: requests and answers, one after the other on one connection") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] {
      proto::HttpAnswer answer{.status = 200, .fields = {}, .body = "hello"};
      answer.fields.add("Content-Type", "text/plain");
      peers.connection->answer(std::move(answer));
    };
    peers.say("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
    REQUIRE(peers.hears("hello"));
    CHECK(peers.heard.find("date: ") != std::string::npos);
    CHECK(peers.heard.find(" GMT\r\n") != std::string::npos);
    CHECK(without_date(peers.heard) ==
          "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello");
    peers.heard.clear();
    peers.say(request_for("/b"));
    REQUIRE(peers.hears("hello"));
    CHECK(peers.texts() == Texts{"POST /a [ab]", "GET /b []"});
    peers.hang_up();
    CHECK(peers.waits_for_gone());
    CHECK(peers.gone == 1);
  }
}

TEST_CASE("http connection: the next request waits until the one before is answered") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.say(request_for("/1") + request_for("/2") +
              "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab");
    REQUIRE(peers.waits_for_requests(1));
    peers.say("\r\n0\r\n\r\n");
    bool passed = false;
    io::Timer later(peers.loop, [&] { passed = true; });
    later.set(io::now() + std::chrono::milliseconds(20));
    REQUIRE(run_until(peers.loop, [&] { return passed; }));
    CHECK(peers.texts() == Texts{"GET /1 []"});
    peers.answer("one");
    REQUIRE(peers.waits_for_requests(2));
    CHECK(peers.heard.ends_with("\r\n\r\none"));
    peers.answer("two");
    REQUIRE(peers.waits_for_requests(3));
    peers.answer("three");
    REQUIRE(peers.hears("three"));
    CHECK(peers.texts() == Texts{"GET /1 []", "GET /2 []", "POST /3 [ab]"});
  }
}

TEST_CASE("http connection: a pipeline whose sender has closed its side is served to its end") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] { peers.answer(peers.requests.back().path); };
    peers.say(request_for("/1") + request_for("/2") + request_for("/3"));
    peers.close_half();
    REQUIRE(peers.waits_for_gone());
    CHECK(peers.texts().size() == 3);
    CHECK(peers.heard.ends_with("\r\n\r\n/3"));
  }
}

TEST_CASE("http connection: the last of such a pipeline may take its time") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] {
      if (peers.requests.size() == 1) peers.answer("first");
    };
    peers.say(request_for("/1") + request_for("/2"));
    peers.close_half();
    REQUIRE(peers.waits_for_requests(2));
    peers.connection->begin_stream(200, {});
    REQUIRE(peers.hears("chunked\r\n\r\n"));
    peers.connection->stream(message("second"));
    peers.connection->end_stream();
    CHECK(peers.hears("second\r\n0\r\n\r\n"));
  }
}

TEST_CASE("http connection: requests that want it closed, and HTTP/1.0") {
  const struct {
    const char* request;
    const char* head;
    bool closed;
  } table[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "connection: close\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", "connection: close\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "connection: keep-alive\r\n", false},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.request);
    HttpPeers peers;
    peers.on_request = [&] { peers.answer("x"); };
    peers.say(row.request);
    REQUIRE(peers.hears("\r\n\r\nx"));
    CHECK(without_date(peers.heard) ==
          "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n" + std::string(row.head) + "\r\nx");
    if (row.closed) {
      CHECK(peers.hears_end());
      CHECK(peers.gone == 0);  // Until the client has read it and closes, too.
      peers.hang_up();
      CHECK(peers.waits_for_gone());
    } else {
      peers.say(request_for("/again"));
      CHECK(peers.waits_for_requests(2));
    }
  }
}

TEST_CASE("http connection: a message as the body of an answer") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] {
      proto::Message body(std::string(R"({"id":1,"result":{}})"));
      body.splice({6, 1}, "\"mine\"");
      proto::HttpFields fields;
      fields.add("content-type", "application/json");
      peers.connection->answer(fields, std::move(body));
    };
    for (int i = 0; i < 2; ++i) {
      peers.heard.clear();
      peers.say(request_for("/"));
      REQUIRE(peers.hears("{}}"));
      CHECK(without_date(peers.heard) ==
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\r\n"
            R"({"id":"mine","result":{}})");
    }
  }
}

TEST_CASE("http connection: answers without a body") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    const auto heard_for = [&](const std::string& request, proto::HttpAnswer answer) {
      peers.heard.clear();
      peers.on_request = [&peers, answer] { peers.connection->answer(answer); };
      peers.say(request);
      REQUIRE(peers.hears("\r\n\r\n"));
      return without_date(peers.heard);
    };
    CHECK(heard_for(request_for("/"), {.status = 202}) ==
          "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
    CHECK(heard_for(request_for("/"), {.status = 204}) == "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(heard_for("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", {.status = 200, .fields = {}, .body = "hidden"}) ==
          "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n");
    // Nothing of the hidden body comes before the next answer.
    CHECK(heard_for(request_for("/"), {.status = 202}).starts_with("HTTP/1.1 202"));
  }
}

TEST_CASE("http connection: a field's value never becomes a second field") {
  HttpPeers peers;
  peers.on_request = [&] {
    proto::HttpAnswer answer;
    answer.fields.all.emplace_back("x", "a\r\nset-cookie: b\n\r\nHTTP/1.1 200 OK");
    peers.connection->answer(std::move(answer));
  };
  peers.say(request_for("/"));
  REQUIRE(peers.hears("\r\n\r\n"));
  CHECK(peers.heard.find("\r\nx: a  set-cookie: b   HTTP/1.1 200 OK\r\n") != std::string::npos);
}

TEST_CASE("http connection: a stream goes out in chunks, as the messages come") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(1));
    proto::HttpFields fields;
    fields.add("content-type", "text/event-stream");
    peers.connection->begin_stream(200, fields);
    REQUIRE(peers.hears("\r\n\r\n"));
    CHECK(without_date(peers.heard) ==
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    peers.heard.clear();
    proto::Message spliced(base::Bytes::literal("data: {\"id\":7}\n\n"));
    spliced.splice({12, 1}, "4711");
    peers.connection->stream(std::move(spliced));
    peers.connection->stream(message(""));  // Would be the end.
    peers.connection->stream(message(std::string(26, 'x')));
    REQUIRE(peers.hears("xx\r\n"));
    CHECK(peers.heard == "13\r\ndata: {\"id\":4711}\n\n\r\n1a\r\n" + std::string(26, 'x') + "\r\n");
    peers.heard.clear();
    peers.connection->end_stream();
    REQUIRE(peers.hears("0\r\n\r\n"));
    peers.connection->stream(message("too late"));
    peers.say(request_for("/next"));
    REQUIRE(peers.waits_for_requests(2));
    peers.answer("next");
    REQUIRE(peers.hears("next"));
    CHECK(peers.heard.starts_with("0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  }
}

TEST_CASE("http connection: towards HTTP/1.0 a stream ends with its connection") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    REQUIRE(peers.waits_for_requests(1));
    peers.connection->begin_stream(200, {});
    peers.connection->stream(message("one"));
    peers.connection->stream(message("two"));
    peers.connection->end_stream();
    REQUIRE(peers.hears_end());
    CHECK(without_date(peers.heard) == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo");
  }
}

TEST_CASE("http connection: a client that hangs up is noticed while its answer is due") {
  for (const Over over : each_way) {
    for (const bool half : {false, true}) {
      for (const bool streaming : {false, true}) {
        CAPTURE(half);
        CAPTURE(streaming);
        HttpPeers peers(over);
        peers.say(request_for("/"));
        REQUIRE(peers.waits_for_requests(1));
        if (streaming) {
          peers.connection->begin_stream(200, {});
          REQUIRE(peers.hears("\r\n\r\n"));
        }
        half ? peers.close_half() : peers.hang_up();
        REQUIRE(peers.waits_for_gone());
        peers.connection->answer({});
        peers.connection->stream(message("x"));
        peers.connection->end_stream();
        peers.connection->flush();
        CHECK(peers.connection->queued_bytes() == 0);
        CHECK(peers.gone == 1);
      }
    }
  }
}

TEST_CASE("http connection: what a client sends ahead is bounded, and its end is noticed behind it") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(1));
    const std::string flood(std::size_t{64} << 10, 'x');
    std::size_t sent = 0;
    int full = 0;
    // Full twice in a row, a few turns apart: nobody takes it.
    while (full < 2 && sent < std::size_t{64} << 20) {
      const ssize_t put = send(peers.fd(), flood.data(), flood.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put > 0) {
        sent += static_cast<std::size_t>(put);
        full = 0;
        continue;
      }
      ++full;
      int turns = 0;
      io::Timer tick(peers.loop, [&] { ++turns; });
      tick.set(io::now() + std::chrono::milliseconds(20));
      REQUIRE(run_until(peers.loop, [&] { return turns > 0; }));
    }
    CHECK(full == 2);
    CHECK(sent < std::size_t{32} << 20);
    CHECK(peers.gone == 0);
    peers.hang_up();
    // Over TCP the end waits behind what we do not read; there the first word to the client brings it out.
    if (over == Over::tcp) peers.answer("x");
    CHECK(peers.waits_for_gone());
  }
}

TEST_CASE("http connection: a reader that is slow holds nothing up, and is told of once it has caught up") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(1));
    peers.stop_listening();
    peers.connection->begin_stream(200, {});
    // All that is queued is written and read each time that it is replaced.
    const std::size_t size = over == Over::replaced ? std::size_t{1} << 17 : std::size_t{1} << 20;
    const std::string text(size, 'x');
    for (int i = 0; i < 16; ++i) peers.connection->stream(message(text));
    peers.connection->flush();
    CHECK(peers.connection->queued_bytes() > size);
    CHECK(peers.drained == 0);
    peers.listen();
    REQUIRE(run_until(peers.loop, [&] { return peers.drained > 0; }));
    CHECK(peers.connection->queued_bytes() == 0);
    peers.connection->end_stream();
    REQUIRE(peers.hears("\r\n0\r\n\r\n"));
    CHECK(peers.drained == 1);
    CHECK(std::ranges::count(peers.heard, 'x') == static_cast<std::ptrdiff_t>(16 * size));
    peers.say(request_for("/next"));
    CHECK(peers.waits_for_requests(2));
  }
}

TEST_CASE("http connection: many small messages to a slow reader arrive in order") {
  HttpPeers peers;
  peers.say("GET / HTTP/1.0\r\n\r\n");
  REQUIRE(peers.waits_for_requests(1));
  peers.stop_listening();
  peers.connection->begin_stream(200, {});
  std::string expected;
  for (int i = 0; i < 100000; ++i) {
    const std::string text = std::to_string(i) + '\n';
    expected += text;
    peers.connection->stream(message(text));
    if (i % 1000 == 0) peers.connection->flush();
  }
  peers.connection->end_stream();
  peers.listen();
  REQUIRE(peers.hears_end());
  CHECK(peers.heard.substr(peers.heard.find("\r\n\r\n") + 4) == expected);
}

TEST_CASE("http connection: hanging up on a stream that is blocked") {
  for (const Over over : each_way) {
    for (const bool half : {false, true}) {
      CAPTURE(half);
      HttpPeers peers(over);
      peers.say(request_for("/"));
      REQUIRE(peers.waits_for_requests(1));
      peers.stop_listening();
      peers.connection->begin_stream(200, {});
      peers.connection->stream(message(std::string(std::size_t{16} << 20, 'x')));
      peers.connection->flush();
      CHECK(peers.connection->queued_bytes() > 0);
      half ? peers.close_half() : peers.hang_up();
      CHECK(peers.waits_for_gone());
      CHECK(peers.drained == 0);
    }
  }
}

TEST_CASE("http connection: a client that has closed its side still gets the rest of the current answer") {
  HttpPeers peers(Over::tcp);
  peers.say(request_for("/"));
  REQUIRE(peers.waits_for_requests(1));
  peers.stop_listening();
  peers.answer(std::string(std::size_t{16} << 20, 'x') + "end");
  peers.connection->flush();
  CHECK(peers.connection->queued_bytes() > 0);
  peers.close_half();
  // Meanwhile there is nothing to do, and nothing is done.
  int turns = 0;
  peers.loop.at_end_of_turn([&] { ++turns; });
  bool passed = false;
  io::Timer later(peers.loop, [&] { passed = true; });
  later.set(io::now() + std::chrono::milliseconds(50));
  REQUIRE(run_until(peers.loop, [&] { return passed; }));
  CHECK(turns < 20);
  peers.listen();
  CHECK(peers.hears("xend"));
}

TEST_CASE("http connection: slow clients are hung up on") {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  SUBCASE("one that never finishes its request is told so") {
    HttpPeers peers(Over::unix_socket, {.patience = milliseconds(100)});
    peers.say("GET / HTTP/1.1\r\n");
    bool stop = false;
    // A byte now and then does not buy time.
    io::Timer drip(peers.loop, [] {});
    const std::function<void()> next = [&] {
      if (stop || peers.ended) return;
      send(peers.fd(), "X", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
      drip.set(io::now() + milliseconds(5));
    };
    drip = io::Timer(peers.loop, [&] { next(); });
    next();
    REQUIRE(peers.hears_end());
    stop = true;
    CHECK(peers.heard.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(peers.requests.empty());
    peers.hang_up();
    CHECK(peers.waits_for_gone());
  }
  SUBCASE("one that never begins") {
    HttpPeers peers(Over::unix_socket, {.patience = milliseconds(20), .idle = seconds(1000)});
    CHECK(peers.waits_for_gone());
    CHECK(peers.heard.empty());
  }
  SUBCASE("one that says nothing more") {
    HttpPeers peers(Over::unix_socket, {.patience = seconds(1000), .idle = milliseconds(20)});
    peers.on_request = [&] { peers.answer("x"); };
    peers.say(request_for("/"));
    CHECK(peers.waits_for_gone());
    CHECK(peers.heard.ends_with("\r\n\r\nx"));
  }
  SUBCASE("one that does not read its answer") {
    HttpPeers peers(Over::unix_socket, {.stall = milliseconds(20)});
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(1));
    peers.stop_listening();
    peers.answer(std::string(std::size_t{16} << 20, 'x'));
    CHECK(peers.waits_for_gone());
  }
  SUBCASE("also if another program goes on with them meanwhile") {
    HttpPeers slow(Over::replaced, {.patience = milliseconds(50)});
    slow.say("GET / HTTP/1.1\r\n");
    REQUIRE(slow.hears_end());
    CHECK(slow.heard.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    HttpPeers idle(Over::replaced, {.patience = seconds(1000), .idle = milliseconds(20)});
    idle.on_request = [&] { idle.answer("x"); };
    idle.say(request_for("/"));
    CHECK(idle.waits_for_gone());
    HttpPeers stalled(Over::replaced, {.stall = milliseconds(20)});
    stalled.say(request_for("/"));
    REQUIRE(stalled.waits_for_requests(1));
    stalled.stop_listening();
    stalled.answer(std::string(std::size_t{1} << 20, 'x'));
    CHECK(stalled.waits_for_gone());
  }
  SUBCASE("one that was refused and goes on sending") {
    HttpPeers peers(Over::replaced);
    peers.say("nonsense\r\n\r\n");
    REQUIRE(peers.hears_end());
    CHECK(peers.waits_for_gone());
  }
  SUBCASE("but waiting for an answer is not being slow") {
    HttpPeers peers(Over::unix_socket, {.patience = milliseconds(10), .idle = milliseconds(10)});
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(1));
    bool passed = false;
    io::Timer later(peers.loop, [&] { passed = true; });
    later.set(io::now() + milliseconds(50));
    REQUIRE(run_until(peers.loop, [&] { return passed; }));
    CHECK(peers.gone == 0);
    peers.answer("x");
    CHECK(peers.hears("\r\n\r\nx"));
  }
}

TEST_CASE("http connection: permission to send a body") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] { peers.answer("thanks"); };
    peers.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    REQUIRE(peers.hears("\r\n\r\n"));
    CHECK(peers.heard == "HTTP/1.1 100 Continue\r\n\r\n");
    peers.say("ab");
    REQUIRE(peers.hears("thanks"));
    CHECK(peers.texts() == Texts{"POST / [ab]"});
  }
}

TEST_CASE("http connection: a refusal is read by a client that is still sending") {
  for (const Over over : each_way) {
    HttpPeers peers(over, {.request = {.body_max = 1000}});
    const std::string body(std::size_t{4} << 20, 'x');
    peers.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
    REQUIRE(peers.hears_end());
    CHECK(peers.heard.starts_with("HTTP/1.1 413 Content Too Large\r\n"));
    CHECK(peers.heard.find("\r\ncontent-type: application/problem+json\r\n") != std::string::npos);
    CHECK(peers.heard.find("\r\nconnection: close\r\n") != std::string::npos);
    CHECK(peers.heard.ends_with("}"));
    CHECK(peers.requests.empty());
    peers.hang_up();
    CHECK(peers.waits_for_gone());
    CHECK(peers.gone == 1);
  }
}

TEST_CASE("http connection: a refusal ends the connection, whatever was agreed before") {
  for (const Over over : each_way) {
    HttpPeers peers(over);
    peers.on_request = [&] { peers.answer("x"); };
    peers.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n" + request_for("/smuggled"));
    REQUIRE(peers.hears_end());
    CHECK(peers.heard.find("HTTP/1.1 400 Bad Request\r\n") != std::string::npos);
    CHECK(peers.heard.ends_with("}"));
    CHECK(peers.texts() == Texts{"HEAD / []"});
  }
}

TEST_CASE("http connection: descriptors come with their request and stay with it") {
  for (const Over over : {Over::unix_socket, Over::replaced}) {
    HttpPeers peers(over);
    const std::array<int, 2> passed = {0, 1};
    REQUIRE(io::send_all(peers.fd(), "GET / HTTP/1.1\r\n", passed));
    REQUIRE(run_until(peers.loop, [&] { return peers.connection->descriptors().size() == 2; }));
    peers.say("Host: h\r\n\r\n");
    REQUIRE(peers.waits_for_requests(1));
    CHECK(peers.connection->descriptors().size() == 2);
    peers.answer("x");
    REQUIRE(peers.hears("\r\n\r\nx"));
    peers.say(request_for("/"));
    REQUIRE(peers.waits_for_requests(2));
    CHECK(peers.connection->descriptors().empty());
  }
}

TEST_CASE("http connection: more descriptors than anybody needs end it") {
  HttpPeers peers(Over::unix_socket, {.descriptors_max = 3});
  const std::array<int, 2> passed = {0, 1};
  REQUIRE(io::send_all(peers.fd(), "GET / HTTP/1.1\r\n", passed));
  REQUIRE(io::send_all(peers.fd(), "Host: h\r\n\r\n", passed));
  CHECK(peers.waits_for_gone());
  CHECK(peers.requests.empty());
}

TEST_CASE("http connection: let go of, its descriptor goes on without it") {
  HttpPeers peers;
  io::Descriptor released;
  peers.on_request = [&] {
    released = peers.connection->release();
    peers.loop.retire(std::move(peers.connection));
  };
  peers.say(request_for("/"));
  REQUIRE(peers.waits_for_requests(1));
  REQUIRE(released);
  REQUIRE(write(released.get(), "raw", 3) == 3);
  CHECK(peers.hears("raw"));
  peers.hang_up();
  CHECK(peers.gone == 0);
}

TEST_CASE("http connection: nothing is called back from within a member") {
  HttpPeers peers;
  peers.say(request_for("/1") + request_for("/2"));
  REQUIRE(peers.waits_for_requests(1));
  peers.answer("x");
  peers.connection->flush();
  CHECK(peers.requests.size() == 1);
  REQUIRE(peers.waits_for_requests(2));
  peers.hang_up();
  peers.answer(std::string(std::size_t{16} << 20, 'x'));
  peers.connection->flush();
  CHECK(peers.gone == 0);
  CHECK(peers.connection->queued_bytes() == 0);  // It has noticed.
  CHECK(peers.waits_for_gone());
}

TEST_CASE("http connection: small again after large bodies in both directions") {
  HttpPeers peers;
  const auto in_use = [] {
    const auto all = mallinfo2();
    return all.uordblks + all.hblkhd;
  };
  const auto round = [&](std::size_t size) {
    peers.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string chunk = std::string(1 << 16, 'x') + "\r\n";
    for (std::size_t i = 0; i < size >> 16; ++i) peers.say("10000\r\n" + chunk);
    peers.say("0\r\n\r\n");
    REQUIRE(peers.waits_for_requests(1));
    CHECK(peers.requests.front().body.size() == size);
    peers.connection->answer({.status = 200, .fields = {}, .body = std::move(peers.requests.front().body)});
    REQUIRE(run_until(peers.loop, [&] { return peers.heard.size() > size; }));
    std::exchange(peers.requests, {});
    std::string().swap(peers.heard);
  };
  round(1 << 16);
  const std::size_t before = in_use();
  round(std::size_t{16} << 20);
  // Under a sanitizer's allocator both are zero.
  CHECK(in_use() < before + (std::size_t{256} << 10));
}

TEST_CASE("http connection: one that is replaced after every byte serves what comes all the same") {
  HttpPeers peers(Over::replaced);
  peers.on_request = [&] { peers.answer(peers.requests.back().body); };
  for (const char byte : std::string("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                     "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     "2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET /3")) {
    peers.say({&byte, 1});
    int turns = 0;
    io::Timer tick(peers.loop, [&] { ++turns; });
    tick.set(io::now());
    REQUIRE(run_until(peers.loop, [&] { return turns > 0; }));
  }
  REQUIRE(peers.waits_for_requests(2));
  CHECK(peers.texts() == Texts{"POST /1 [abc]", "POST /2 [abc]"});
  CHECK(peers.gone == 0);
}

TEST_CASE("http connection: what a client has begun to say is read by the next program, and is judged once") {
  HttpPeers peers;
  int shown = 0;
  peers.on_head = [&](const proto::HttpRequest&) {
    ++shown;
    return std::nullopt;
  };
  peers.on_body = [](std::size_t) { return false; };
  peers.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
  REQUIRE(run_until(peers.loop, [&] { return peers.connection->body_held().has_value(); }));
  peers.replace();
  CHECK(peers.connection->body_held() == 2);
  peers.say("cd");
  int turns = 0;
  io::Timer tick(peers.loop, [&] { ++turns; });
  tick.set(io::now());
  REQUIRE(run_until(peers.loop, [&] { return turns > 0; }));
  CHECK(peers.requests.empty());
  peers.connection->go_on();
  REQUIRE(peers.waits_for_requests(1));
  CHECK(peers.texts() == Texts{"POST / [abcd]"});
  CHECK(shown == 1);
  CHECK_FALSE(peers.connection->body_held());
}
