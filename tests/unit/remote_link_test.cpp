#include "app/servers/remote_link.h"

#include <doctest/doctest.h>
#include <poll.h>

#include "far_server.h"
#include "io/clock.h"
#include "save/codec.h"

using namespace far;

namespace {

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
  app::RemoteLink::Events events() {
    return {.on_message = [this](base::Bytes message,
                                 std::int64_t call) { tell(std::to_string(call) + ' ', message.text); },
            .on_forgot = [this](transport::Forgot forgot) { tell("forgot ", forgot.refused.at(0).text()); },
            .on_down = [this](const std::string& why) { tell("down ", why); },
            .on_note = [this](const std::string& text) { tell("note ", text); }};
  }
  // As if the program were another one, and all connections ended.
  void replace() {
    REQUIRE(link->unsettled() == "");
    save::Writer writer;
    save::write(writer, link->saved());
    const std::string text = std::move(writer).finish();
    link.reset();
    save::Reader reader(text);
    auto saved = save::read<app::RemoteLink::Saved>(reader);
    REQUIRE(reader.end("the link"));
    inside = true;
    link = app::RemoteLink::resume(loop, http, std::move(saved), events());
    inside = false;
  }
  void connect() {
    transport::ClientOptions options;
    options.server = "far";
    options.url = "http://127.0.0.1:" + std::to_string(server.port) + "/mcp";
    link = std::make_unique<app::RemoteLink>(loop, http, std::move(options), app::RemoteLink::Connecting{},
                                             events());
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

TEST_CASE("remote link: replaced, it goes on with its session, and the standing stream is opened again") {
  World world;
  world.begin();
  const int stream = world.server.stream;
  world.replace();
  REQUIRE(world.until([&] { return world.server.stream != stream && world.server.gone == 1; }));
  world.server.say(changed);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
  world.send(call);
  CHECK(world.link->unsettled() == "the server far has not answered a call yet");
  world.close();
  CHECK(world.link->unsettled() == "the server far has not heard yet that its session is over");
  REQUIRE(world.until([&] { return world.told.size() == 2; }));
  CHECK(world.told == Lines{"0 " + changed, "closed"});
  CHECK(world.server.seen == Lines{"POST " + initialize, "POST S 2025-06-18 " + initialized,
                                   "GET S 2025-06-18", "GET S 2025-06-18", "DELETE S 2025-06-18"});
}

TEST_CASE("remote link: replaced before it has said anything, and closed before anybody has heard") {
  World world;
  world.connect();
  world.replace();
  world.send(initialize);
  CHECK(world.link->unsettled() == "the server far has not answered initialize yet");
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  CHECK(std::exchange(world.told, {}) == Lines{"1 " + greeting});
  world.replace();
  World other;
  other.connect();
  other.close();
  CHECK(other.link->unsettled() == "a session with a server ends");
}

TEST_CASE("remote link: replaced, a listen of 2026-07-28 ends as if its stream had, told from the loop") {
  World world;
  world.connect();
  const std::string listen = R"({"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"_meta":{)"
                             R"("io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
  world.send(listen);
  REQUIRE(world.until([&] { return world.server.stream != 0; }));
  world.server.say(changed);
  REQUIRE(world.until([&] { return !world.told.empty(); }));
  world.replace();
  REQUIRE(world.until([&] { return world.told.size() == 2 && world.server.gone == 1; }));
  CHECK(world.told.at(1).starts_with(R"(7 {"jsonrpc":"2.0","id":7,"error")"));
  CHECK(world.server.seen.size() == 1);
}
