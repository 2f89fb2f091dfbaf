#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/http/front.h"
#include "io/clock.h"
#include "io/tcp_socket.h"
#include "io/unix_socket.h"
#include "loop_client.h"
#include "next_program.h"

namespace {

using app::HttpFront;
using app::HttpOrigin;
using transport::ExchangeId;

struct Request {
  ExchangeId exchange = 0;
  std::string path;
  HttpOrigin origin;
};

// A front on a socket of its own, and what it said.
class World {
 public:
  explicit World(HttpFront::Limits limits = {}) : front(make(limits)), limits_(limits) {
    std::array<char, 32> name{"/tmp/hearth-front-XXXXXX"};
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory_ = name.data();
    REQUIRE(front->listen(io::listen_on(path()).value(), {}));
    loop.at_end_of_turn([this] { front->flush(); });
  }
  ~World() { std::filesystem::remove_all(directory_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string path() const { return directory_ + "/s"; }
  io::Descriptor connect() const { return io::connect_to(path()).value(); }

  bool until(const std::function<bool()>& done) {
    bool late = false;
    io::Timer watchdog(loop, [&] { late = true; });
    watchdog.set(io::now() + std::chrono::seconds(60));
    loop.run_until([&] { return late || done(); });
    return !late;
  }
  // As when another program goes on with it, which listens on sockets of these kinds.
  void replace(const std::vector<HttpOrigin::Kind>& kinds) {
    REQUIRE(front->unsettled().empty());
    auto [saved] = test::passed_on([&] { front.reset(); }, front->saved());
    front = make(limits_);
    for (const HttpOrigin::Kind kind : kinds)
      REQUIRE(front->listen(io::take(saved.socket(kind)).value(), {.kind = kind}));
    front->resume(std::move(saved));
  }
  // Says it, and turns until it has come as a request.
  ExchangeId ask(const io::Descriptor& client, const std::string& target) {
    const std::size_t before = requests.size();
    REQUIRE(io::send_all(client.get(), "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"));
    REQUIRE(until([&] { return requests.size() > before; }));
    return requests.back().exchange;
  }
  // Says all of it, however much that is.
  void pour(const io::Descriptor& client, std::string_view bytes) {
    const io::Watch watch = loop.watch(client.get(), io::Interest::write,
                                       [&] {
                                         const ssize_t put = send(client.get(), bytes.data(), bytes.size(),
                                                                  MSG_DONTWAIT | MSG_NOSIGNAL);
                                         if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
                                       })
                                .value();
    CHECK(until([&] { return bytes.empty(); }));
  }
  // Everything that has come or comes until the text, or the end.
  std::string heard(const io::Descriptor& client, std::string_view text) {
    return test::heard(loop, client, text, [this](const auto& done) { return until(done); });
  }

  io::Loop loop;
  std::function<std::expected<std::string, proto::HttpAnswer>(const proto::HttpRequest&)> judge =
      [](const proto::HttpRequest&) { return std::string("user"); };
  std::vector<Request> requests;
  std::vector<ExchangeId> gone;
  std::vector<ExchangeId> drained;
  std::vector<std::string> trouble;
  std::unique_ptr<HttpFront> front;

 private:
  std::unique_ptr<HttpFront> make(HttpFront::Limits limits) {
    return std::make_unique<HttpFront>(
        loop, limits,
        HttpFront::Events{
            .on_head = [this](proto::HttpRequest& head, HttpOrigin) { return judge(head); },
            .on_request = [this](ExchangeId exchange, proto::HttpRequest&& request,
                                 HttpOrigin origin) { requests.push_back({exchange, request.path, origin}); },
            .on_gone = [this](ExchangeId exchange) { gone.push_back(exchange); },
            .on_drained = [this](ExchangeId exchange) { drained.push_back(exchange); },
            .on_trouble = [this](const base::Error& why) { trouble.push_back(why.what); }});
  }

  HttpFront::Limits limits_;
  std::string directory_;
};

proto::HttpAnswer text(std::string body) {
  return {.status = 200, .fields = {}, .body = std::move(body)};
}

io::Descriptor connect_to_port(std::uint16_t port) {
  io::Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return client;
}

}  // namespace

TEST_CASE("http front: every request is an exchange of its own") {
  World world;
  const io::Descriptor one = world.connect();
  const io::Descriptor two = world.connect();
  const ExchangeId first = world.ask(one, "/1");
  const ExchangeId second = world.ask(two, "/2");
  CHECK(first != 0);
  CHECK(second != first);
  CHECK(world.front->exchanges() == 2);
  world.front->answer(second, text("to two"));
  world.front->answer(first, text("to one"));
  CHECK(world.heard(two, "to two").ends_with("\r\n\r\nto two"));
  CHECK(world.heard(one, "to one").ends_with("\r\n\r\nto one"));
  const ExchangeId third = world.ask(one, "/3");
  CHECK(third > second);
  CHECK(world.front->connections() == 2);
  CHECK(world.front->exchanges() == 1);
}

TEST_CASE("http front: an exchange that is over stands for nothing") {
  World world;
  const io::Descriptor client = world.connect();
  const ExchangeId first = world.ask(client, "/1");
  world.front->answer(first, text("once"));
  world.front->answer(first, text("twice"));
  CHECK(world.heard(client, "once").ends_with("once"));
  const ExchangeId second = world.ask(client, "/2");
  for (const ExchangeId stale : {first, second + 1, ExchangeId(0)}) {
    world.front->answer(stale, text("wrong"));
    world.front->begin_stream(stale, {});
    world.front->stream(stale, proto::Message(std::string("wrong")));
    world.front->end_stream(stale);
    world.front->drop(stale);
    CHECK(world.front->take_descriptors(stale).empty());
    CHECK_FALSE(world.front->release(stale));
    CHECK(world.front->queued_bytes(stale) == 0);
  }
  world.front->answer(second, text("right"));
  const std::string heard = world.heard(client, "right");
  CHECK(heard.find("wrong") == std::string::npos);
}

TEST_CASE("http front: a stream, and a client that leaves it") {
  World world;
  io::Descriptor client = world.connect();
  const ExchangeId exchange = world.ask(client, "/1");
  proto::HttpFields fields;
  fields.add("mcp-session-id", "s");
  world.front->begin_stream(exchange, fields);
  world.front->stream(exchange, proto::Message(std::string("data: x\n\n")));
  const std::string heard = world.heard(client, "data: x");
  for (const char* line :
       {"HTTP/1.1 200 OK\r\n", "\r\ncontent-type: text/event-stream\r\n", "\r\ncache-control: no-cache\r\n",
        "\r\nx-accel-buffering: no\r\n", "\r\nmcp-session-id: s\r\n"}) {
    CAPTURE(line);
    CHECK(heard.find(line) != std::string::npos);
  }
  CHECK(world.gone.empty());
  client.reset();
  REQUIRE(world.until([&] { return !world.gone.empty(); }));
  CHECK(world.gone == std::vector<ExchangeId>{exchange});
  CHECK(world.front->connections() == 0);
  CHECK(world.front->exchanges() == 0);
}

TEST_CASE("http front: a client that leaves after its answer is not reported") {
  World world;
  io::Descriptor client = world.connect();
  world.front->answer(world.ask(client, "/1"), text("x"));
  CHECK(world.heard(client, "\r\n\r\nx").ends_with("x"));
  client.reset();
  REQUIRE(world.until([&] { return world.front->connections() == 0; }));
  CHECK(world.gone.empty());
}

TEST_CASE("http front: what is queued, and that it has been taken") {
  World world;
  const io::Descriptor client = world.connect();
  const ExchangeId exchange = world.ask(client, "/1");
  world.front->begin_stream(exchange, {});
  world.front->stream(exchange, proto::Message(std::string(std::size_t{8} << 20, 'x')));
  world.front->flush();
  CHECK(world.front->queued_bytes(exchange) > std::size_t{1} << 20);
  CHECK(world.drained.empty());
  bool done = false;
  const io::Watch reading =
      world.loop
          .watch(client.get(), io::Interest::read,
                 [&] {
                   std::array<char, 65536> piece;
                   done |= recv(client.get(), piece.data(), piece.size(), MSG_DONTWAIT) <= 0;
                 })
          .value();
  REQUIRE(world.until([&] { return done || !world.drained.empty(); }));
  CHECK(world.drained == std::vector<ExchangeId>{exchange});
  CHECK(world.front->queued_bytes(exchange) == 0);
}

TEST_CASE("http front: dropped, without a word") {
  World world;
  const io::Descriptor client = world.connect();
  const ExchangeId exchange = world.ask(client, "/1");
  world.front->drop(exchange);
  CHECK(world.heard(client, "").empty());
  CHECK(world.gone.empty());
  CHECK(world.front->connections() == 0);
}

TEST_CASE("http front: let go of, with its descriptors") {
  World world;
  const io::Descriptor client = world.connect();
  const std::array<int, 3> passed = {0, 1, 2};
  REQUIRE(io::send_all(client.get(), "POST /attach HTTP/1.1\r\nHost: h\r\n\r\n", passed));
  REQUIRE(world.until([&] { return !world.requests.empty(); }));
  const ExchangeId exchange = world.requests.front().exchange;
  CHECK(world.front->take_descriptors(exchange).size() == 3);
  CHECK(world.front->take_descriptors(exchange).empty());
  const io::Descriptor line = world.front->release(exchange);
  REQUIRE(line);
  CHECK(world.front->connections() == 0);
  REQUIRE(write(line.get(), "raw", 3) == 3);
  CHECK(world.heard(client, "raw") == "raw");
  CHECK(world.gone.empty());
}

TEST_CASE("http front: beyond the limit the idlest connection goes, or the new one if all are busy") {
  World world({.connections_max = 3});
  std::vector<io::Descriptor> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(world.connect());
  // Answered in another order than that in which they came: 2, 0, 1.
  for (const std::size_t i : {2U, 0U, 1U}) {
    world.front->answer(world.ask(clients[i], "/" + std::to_string(i)), text("x"));
    CHECK(world.heard(clients[i], "\r\n\r\nx").ends_with("x"));
  }
  const io::Descriptor fourth = world.connect();
  const ExchangeId of_fourth = world.ask(fourth, "/4");
  CHECK(world.heard(clients[2], "").empty());
  CHECK(world.front->connections() == 3);
  world.ask(clients[0], "/busy");
  world.ask(clients[1], "/busy");

  const io::Descriptor fifth = world.connect();
  const std::string heard = world.heard(fifth, "");
  CHECK(heard.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(heard.find("too many connections") != std::string::npos);
  CHECK(world.front->connections() == 3);
  CHECK(world.trouble.size() == 1);
  CHECK(world.gone.empty());
  world.front->answer(of_fourth, text("served"));
  CHECK(world.heard(fourth, "served").ends_with("served"));
}

TEST_CASE("http front: each socket has connections of its own, and says where a request came in") {
  World world({.connections_max = 1});
  io::Descriptor socket = io::listen_on("127.0.0.1", 0).value();
  const std::uint16_t port = io::port_of(socket);
  REQUIRE(world.front->listen(std::move(socket), {.kind = HttpOrigin::Kind::tcp, .port = port}));
  const io::Descriptor local = world.connect();
  const ExchangeId first = world.ask(local, "/local");
  CHECK(world.requests.back().origin.kind == HttpOrigin::Kind::local_socket);

  const io::Descriptor remote = connect_to_port(port);
  world.ask(remote, "/remote");
  CHECK(world.requests.back().origin.kind == HttpOrigin::Kind::tcp);
  CHECK(world.requests.back().origin.port == port);
  world.front->answer(first, text("x"));
  CHECK(world.heard(local, "\r\n\r\nx").ends_with("x"));
}

TEST_CASE("http front: when it listens no more, those who are there are served") {
  World world;
  const io::Descriptor client = world.connect();
  const ExchangeId exchange = world.ask(client, "/1");
  world.front->stop_listening();
  CHECK_FALSE(io::connect_to(world.path()));
  world.front->answer(exchange, text("x"));
  CHECK(world.heard(client, "\r\n\r\nx").ends_with("x"));
  CHECK(world.ask(client, "/2") > exchange);
}

TEST_CASE("http front: a request that is refused by its head is no exchange") {
  World world;
  world.judge = [](const proto::HttpRequest&) -> std::expected<std::string, proto::HttpAnswer> {
    return std::unexpected(text("refused"));
  };
  const io::Descriptor client = world.connect();
  REQUIRE(io::send_all(client.get(), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n"));
  CHECK(world.heard(client, "refused").find("refused") != std::string::npos);
  CHECK(world.requests.empty());
  CHECK(world.front->exchanges() == 0);
}

TEST_CASE("http front: large bodies that come slowly wait for each other, and calls go on") {
  HttpFront::Limits limits;
  limits.bodies = {.all = 1 << 20, .each_principal = 256 << 10, .small = 4 << 10};
  World world(limits);
  const std::string head = "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
  const io::Descriptor first = world.connect();
  world.pour(first, head + std::string(100000, 'a'));
  world.ask(world.connect(), "/one");
  std::vector<io::Descriptor> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(world.connect());
    world.pour(slow.back(), head + std::string(20000, 'b'));
  }
  world.ask(world.connect(), "/two");
  const auto held = [&] { return world.front->body_bytes(); };
  REQUIRE(world.until([&] { return held() >= limits.bodies.each_principal; }));
  world.ask(world.connect(), "/three");
  // A read each may pass before it is known that there is no room.
  CHECK(held() <= limits.bodies.each_principal + 21 * (std::size_t{64} << 10));
  // The oldest comes to its end, and then the next.
  world.pour(first, std::string(900000, 'a'));
  REQUIRE(world.until([&] { return world.requests.back().path == "/slow"; }));
  slow.clear();
  REQUIRE(world.until([&] { return held() == 0; }));
}

TEST_CASE("http front: the next program goes on with exchanges, streams and whoever comes meanwhile") {
  World world;
  const io::Descriptor idle = world.connect();
  world.front->answer(world.ask(idle, "/idle"), text("x"));
  CHECK(world.heard(idle, "\r\n\r\nx").ends_with("x"));
  const io::Descriptor asking = world.connect();
  const ExchangeId asked = world.ask(asking, "/asked");
  proto::HttpFields along;
  along.add("vary", "origin");
  world.front->accompany(asked, along);
  const io::Descriptor listening = world.connect();
  const ExchangeId stream = world.ask(listening, "/stream");
  world.front->begin_stream(stream, {});
  world.front->stream(stream, proto::Message(std::string("data: 1\n\n")));
  CHECK(world.heard(listening, "data: 1").contains("data: 1"));
  const io::Descriptor meanwhile = world.connect();  // Not accepted yet.

  world.replace({HttpOrigin::Kind::local_socket});
  CHECK(world.front->connections() == 3);
  CHECK(world.front->exchanges() == 2);
  world.front->answer(asked, text("late"));
  CHECK(world.heard(asking, "late").contains("\r\nvary: origin\r\n"));
  world.front->stream(stream, proto::Message(std::string("data: 2\n\n")));
  world.front->end_stream(stream);
  CHECK(world.heard(listening, "0\r\n\r\n") == "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
  const ExchangeId next = world.ask(idle, "/again");
  CHECK(next > stream);
  CHECK(world.ask(meanwhile, "/meanwhile") > next);
  CHECK(world.gone.empty());
  CHECK(world.trouble.empty());
}

TEST_CASE("http front: what a client has not taken comes from the next program, and is told of") {
  World world;
  const io::Descriptor client = world.connect();
  const ExchangeId exchange = world.ask(client, "/1");
  world.front->begin_stream(exchange, {});
  world.front->stream(exchange, proto::Message(std::string(std::size_t{2} << 20, '#')));
  world.front->flush();
  const std::size_t queued = world.front->queued_bytes(exchange);
  CHECK(queued > std::size_t{1} << 20);
  world.replace({HttpOrigin::Kind::local_socket});
  CHECK(world.front->queued_bytes(exchange) == queued);
  const std::string heard = world.heard(client, "#\r\n");
  CHECK(std::ranges::count(heard, '#') == std::ptrdiff_t{2} << 20);
  REQUIRE(world.until([&] { return !world.drained.empty(); }));
  CHECK(world.drained == std::vector<ExchangeId>{exchange});
}

TEST_CASE("http front: bodies that are coming in are counted anew, and one that waited goes on") {
  HttpFront::Limits limits;
  limits.bodies = {.all = 1 << 20, .each_principal = 64 << 10, .small = 4 << 10};
  World world(limits);
  const std::string head = "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n";
  const io::Descriptor first = world.connect();
  world.pour(first, head + std::string(100000, 'a'));
  REQUIRE(world.until([&] { return world.front->body_bytes() == 100000; }));
  const io::Descriptor second = world.connect();
  world.pour(second, head + std::string(20000, 'b'));
  REQUIRE(world.until([&] { return world.front->body_bytes() > 100000; }));
  const std::size_t held = world.front->body_bytes();
  world.replace({HttpOrigin::Kind::local_socket});
  CHECK(world.front->body_bytes() == held);
  world.pour(first, std::string(100000, 'a'));
  world.pour(second, std::string(180000, 'b'));
  REQUIRE(world.until([&] { return world.requests.size() == 2; }));
  CHECK(world.front->body_bytes() == 0);
}

TEST_CASE("http front: exchanges of a port that the next program does not open are over, and said to be") {
  World world;
  io::Descriptor socket = io::listen_on("127.0.0.1", 0).value();
  const std::uint16_t port = io::port_of(socket);
  REQUIRE(world.front->listen(std::move(socket), {.kind = HttpOrigin::Kind::tcp, .port = port}));
  const io::Descriptor remote = connect_to_port(port);
  const ExchangeId lost = world.ask(remote, "/remote");
  const io::Descriptor local = world.connect();
  const ExchangeId kept = world.ask(local, "/local");
  world.replace({HttpOrigin::Kind::local_socket});
  CHECK(world.gone.empty());  // Not from within a member.
  REQUIRE(world.until([&] { return !world.gone.empty(); }));
  CHECK(world.gone == std::vector<ExchangeId>{lost});
  CHECK(world.heard(remote, "").empty());
  world.front->answer(kept, text("x"));
  CHECK(world.heard(local, "\r\n\r\nx").ends_with("x"));
}
