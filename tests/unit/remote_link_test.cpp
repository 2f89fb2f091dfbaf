#include "app/servers/remote_link.h"

#include <doctest/doctest.h>
#include <poll.h>

#include "io/clock.h"
#include "io/http_connection.h"
#include "io/listener.h"
#include "io/tcp_socket.h"

namespace {

using Lines = std::vector<std::string>;

// Answers POSTs as it is told, or not; keeps GETs and listens open; notes "METHOD session version body".
struct Server {
  io::Loop& loop;
  std::function<std::optional<proto::HttpAnswer>(const proto::HttpRequest&)> on_post = {};
  bool answers_delete = true;
  Lines seen = {};
  int gone = 0;
  int stream = 0;  // The connection that has the stream.
  std::uint16_t port = 0;
  std::unique_ptr<io::Listener> listener = {};
  std::map<int, std::unique_ptr<io::HttpConnection>> connections = {};
  int accepted = 0;

  void listen() {
    auto socket = io::listen_on("127.0.0.1", 0);
    REQUIRE(socket);
    port = io::port_of(*socket);
    auto opened = io::Listener::open(
        loop, std::move(*socket), [this](io::Descriptor one, io::Peer) { accept(std::move(one)); },
        [](const base::Error&) {});
    REQUIRE(opened);
    listener = std::move(*opened);
  }
  void accept(io::Descriptor connection) {
    const int number = ++accepted;
    auto opened = io::HttpConnection::open(
        loop, io::HttpWire(std::move(connection)), {},
        {.on_request = [this, number](proto::HttpRequest&& request) { serve(number, request); },
         .on_gone =
             [this, number] {
               ++gone;
               loop.retire(std::move(connections.at(number)));
               connections.erase(number);
             }});
    REQUIRE(opened);
    connections[number] = std::move(*opened);
  }
  void serve(int number, const proto::HttpRequest& request) {
    std::string line = request.method;
    for (const char* name : {"mcp-session-id", "mcp-protocol-version"}) {
      if (request.fields.has(name)) line.append(" ").append(request.fields.get(name));
    }
    seen.push_back(request.body.empty() ? line : line + ' ' + request.body);
    io::HttpConnection& connection = *connections.at(number);
    if (request.method == "GET" || request.fields.get("mcp-method") == "subscriptions/listen") {
      stream = number;
      proto::HttpFields fields;
      fields.add("content-type", "text/event-stream");
      connection.begin_stream(200, fields);
    } else if (request.method == "POST") {
      if (const auto answer = on_post(request)) connection.answer(*answer);
    } else if (answers_delete) {
      connection.answer({.status = 200});
    }
    connection.flush();
  }
  void say(std::string_view message) {
    io::HttpConnection& connection = *connections.at(stream);
    connection.stream(proto::Message("data: " + std::string(message) + "\n\n"));
    connection.flush();
  }
};

const std::string initialize = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
const std::string greeting = R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}})";
const std::string initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
const std::string ping = R"({"jsonrpc":"2.0","id":"p","method":"ping"})";

proto::HttpAnswer as_usual(const proto::HttpRequest& request) {
  if (request.body != initialize) return {.status = 202};
  proto::HttpAnswer answer = proto::json_answer(200, greeting);
  answer.fields.add("mcp-session-id", "S");
  return answer;
}

// A link to a server, and what it told: "CALL message", "forgot …", "down …", "note …", "closed".
struct World {
  io::Loop loop;
  Server server{.loop = loop, .on_post = as_usual};
  io::HttpClient http{loop};
  Lines told;
  bool inside = false;  // A member of the link's.
  std::function<void()> on_told = [] {};
  std::unique_ptr<app::RemoteLink> link;

  World() { server.listen(); }
  void connect() {
    transport::ClientOptions options;
    options.server = "far";
    options.url = "http://127.0.0.1:" + std::to_string(server.port) + "/mcp";
    link = std::make_unique<app::RemoteLink>(
        loop, http, std::move(options), app::RemoteLink::Connecting{},
        app::RemoteLink::Events{
            .on_message = [this](base::Bytes message,
                                 std::int64_t call) { tell(std::to_string(call) + ' ', message.text); },
            .on_forgot = [this](transport::Forgot forgot) { tell("forgot ", forgot.refused.at(0).text()); },
            .on_down = [this](const std::string& why) { tell("down ", why); },
            .on_note = [this](const std::string& text) { tell("note ", text); }});
  }
  void tell(const std::string& what, std::string_view text) {
    CHECK_FALSE(inside);
    told.push_back(what + std::string(text));
    on_told();
  }
  void send(const std::string& text) {
    inside = true;
    link->send(proto::Message(text));
    inside = false;
  }
  void close() {
    inside = true;
    link->close([this] { tell("closed", ""); });
    inside = false;
  }
  bool until(const std::function<bool()>& done) {
    bool late = false;
    io::Timer too_late(loop, [&] { late = true; });
    too_late.set(io::now() + std::chrono::seconds(30));
    loop.run_until([&] { return done() || late; });
    return done();
  }
  // Up to the stream for what concerns no call.
  void begin() {
    connect();
    send(initialize);
    REQUIRE(until([&] { return !told.empty(); }));
    send(initialized);
    REQUIRE(until([&] { return server.stream != 0; }));
    CHECK(std::exchange(told, {}) == Lines{"1 " + greeting});
  }
};

}  // namespace

TEST_CASE("remote link: a conversation, from initialize to its end") {
  World world;
  world.begin();
  world.server.say(changed);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(world.told == Lines{"0 " + changed});
  world.close();
  REQUIRE(world.until([&] { return world.told.size() == 2; }));
  CHECK(world.told.back() == "closed");
  CHECK(world.server.seen == Lines{"POST " + initialize, "POST S 2025-06-18 " + initialized,
                                   "GET S 2025-06-18", "DELETE S 2025-06-18"});
}

TEST_CASE("remote link: a request begins at once, without another turn of the loop") {
  World world;
  const auto socket = io::listen_on("127.0.0.1", 0);
  REQUIRE(socket);
  world.server.port = io::port_of(*socket);
  world.connect();
  world.send(initialize);
  pollfd connected{.fd = socket->get(), .events = POLLIN, .revents = 0};
  constexpr int patience_ms = 10'000;
  CHECK(poll(&connected, 1, patience_ms) == 1);
}

TEST_CASE("remote link: a server that does not hear the farewell is not waited for longer than a moment") {
  World world;
  world.server.answers_delete = false;
  world.begin();
  world.close();
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(world.told == Lines{"closed"});
  CHECK(world.server.seen.back() == "DELETE S 2025-06-18");
}

TEST_CASE("remote link: closed before it said anything, it is closed at once") {
  World world;
  world.connect();
  world.send(initialize);
  world.close();
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(world.told == Lines{"closed"});
  CHECK(world.server.seen.empty());
}

TEST_CASE("remote link: no server listens") {
  World world;
  world.server.listener.reset();
  world.connect();
  world.send(initialize);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  REQUIRE(world.told.size() == 1);
  CHECK(world.told.front().starts_with("down "));
  CHECK(world.told.front().contains("127.0.0.1:" + std::to_string(world.server.port)));
}

TEST_CASE("remote link: a server that forgot its session") {
  World world;
  world.begin();
  world.server.on_post = [](const proto::HttpRequest&) { return proto::HttpAnswer{.status = 404}; };
  const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
  world.send(call);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(world.told == Lines{"forgot " + call});
  REQUIRE(world.until([&] { return world.server.gone == 1; }));  // The stream is not kept.
}

TEST_CASE("remote link: a server that asks without end and takes no answers is given up") {
  World world;
  world.begin();
  world.server.on_post = [](const proto::HttpRequest&) { return std::nullopt; };
  world.on_told = [&] {
    if (!world.told.back().starts_with("0 ")) return;
    world.inside = true;
    world.link->send(proto::Message(R"({"jsonrpc":"2.0","id":"p","result":{}})"));
    world.inside = false;
    world.server.say(ping);
  };
  world.server.say(ping);
  REQUIRE(world.until([&] { return !world.told.empty() && world.told.back().starts_with("down "); }));
  CHECK(world.told.back().contains("does not take the answers: 256 of them"));
  CHECK(world.told.size() == 258);
}

TEST_CASE("remote link: a callback may send, close, and let go of it") {
  World world;
  world.begin();
  SUBCASE("send") {
    world.on_told = [&] {
      if (world.told.size() == 1) world.send(changed);
    };
    world.server.say(changed);
    REQUIRE(world.until([&] { return world.server.seen.size() == 4; }));
    CHECK(world.server.seen.back() == "POST S 2025-06-18 " + changed);
  }
  SUBCASE("close") {
    world.on_told = [&] {
      if (world.told.size() == 1) world.close();
    };
    world.server.say(changed);
    REQUIRE(world.until([&] { return world.told.size() == 2; }));
    CHECK(world.told.back() == "closed");
  }
  SUBCASE("let go, from within a message") {
    world.on_told = [&] { world.loop.retire(std::move(world.link)); };
    world.server.say(changed);
    REQUIRE(world.until([&] { return world.server.gone > 0; }));
    CHECK(world.told == Lines{"0 " + changed});
  }
  SUBCASE("let go, from within the end") {
    world.on_told = [&] { world.loop.retire(std::move(world.link)); };
    world.close();
    REQUIRE(world.until([&] { return world.server.gone > 0 && !world.link; }));
    CHECK(world.told == Lines{"closed"});
  }
}

TEST_CASE("remote link: destroyed while requests are under way, it tells nothing more") {
  World world;
  world.begin();
  world.send(R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})");
  world.link.reset();
  REQUIRE(world.until([&] { return world.server.gone > 0; }));
  CHECK(world.told.empty());
}

TEST_CASE("remote link: a listen of 2026-07-28 is open until it is cancelled, which closes its connection") {
  World world;
  world.connect();
  const std::string listen = R"({"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"_meta":{)"
                             R"("io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
  world.send(listen);
  REQUIRE(world.until([&] { return world.server.stream != 0; }));
  CHECK(world.server.seen == Lines{"POST 2026-07-28 " + listen});
  world.server.say(changed);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(std::exchange(world.told, {}) == Lines{"7 " + changed});
  world.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  REQUIRE(world.until([&] { return world.server.gone == 1 && !world.told.empty(); }));
  CHECK(world.told.at(0).starts_with(R"(7 {"jsonrpc":"2.0","id":7,"error")"));
  world.close();
  REQUIRE(world.until([&] { return world.told.size() == 2; }));
  CHECK(world.server.seen.size() == 1);
}
