// Sessions by URL that go on in the next program. The broker is invented: what it is told are lines of a
// transcript, by the number of the session.
#include "app/http/session_registry.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "io/clock.h"
#include "io/tcp_socket.h"
#include "io/unix_socket.h"
#include "loop_client.h"
#include "modern_fixture.h"
#include "next_program.h"

namespace {

using app::HttpFront;
using app::HttpOrigin;
using app::SessionRegistry;
using Lines = std::vector<std::string>;

const std::string result_of_1 = R"({"jsonrpc":"2.0","id":1,"result":{}})";

class World {
 public:
  World() {
    std::array<char, 32> name{"/tmp/hearth-sessions-XXXXXX"};
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory_ = name.data();
    make();
    REQUIRE(front->listen(io::listen_on(directory_ + "/s").value(), {}));
    io::Descriptor socket = io::listen_on("127.0.0.1", 0).value();
    port_ = io::port_of(socket);
    REQUIRE(front->listen(std::move(socket), {.kind = HttpOrigin::Kind::tcp, .port = port_}));
    loop.at_end_of_turn([this] {
      registry->tick(io::now());
      front->flush();
      registry->report_queues(io::now());
    });
  }
  ~World() { std::filesystem::remove_all(directory_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The next program, which may have the port closed.
  void replace(bool with_port = true) {
    REQUIRE(registry->unsettled().empty());
    auto [sessions, connections] = test::passed_on(
        [&] {
          registry.reset();
          front.reset();
        },
        registry->saved(), front->saved());
    make();
    for (const auto kind : {HttpOrigin::Kind::local_socket, HttpOrigin::Kind::tcp}) {
      if (connections.socket(kind).number < 0) continue;
      io::Descriptor socket = io::take(connections.socket(kind)).value();
      if (kind == HttpOrigin::Kind::local_socket || with_port)
        REQUIRE(front->listen(std::move(socket), {.kind = kind}));
    }
    registry->resume(std::move(sessions));
    front->resume(std::move(connections));
  }

  io::Descriptor connect() const { return io::connect_to(directory_ + "/s").value(); }
  io::Descriptor connect_to_port() const {
    io::Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    return client;
  }
  bool until(const std::function<bool()>& done) {
    bool late = false;
    io::Timer watchdog(loop, [&] { late = true; });
    watchdog.set(io::now() + std::chrono::seconds(60));
    loop.run_until([&] { return late || done(); });
    return !late;
  }
  void say(const io::Descriptor& client, std::string_view head, std::string_view fields,
           std::string_view body = {}) {
    std::string text = std::string(head) + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
                       "Accept: application/json, text/event-stream\r\n" + std::string(fields);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    REQUIRE(io::send_all(client.get(), text + "\r\n" + std::string(body)));
  }
  // Everything that comes until the text.
  std::string heard(const io::Descriptor& client, std::string_view text) {
    return test::heard(loop, client, text, [this](const auto& done) { return until(done); });
  }
  bool told(std::string_view line) {
    return until([&] { return std::ranges::find(lines, line) != lines.end(); });
  }
  void answers(core::SessionId session, const std::string& text, const std::string& concerns = {}) {
    broker::SendToSession action{.session = session, .message = proto::Message(text), .concerns = concerns};
    registry->send(action, io::now());
  }

  io::Loop loop;
  Lines lines;  // "1 opened", "1: {…}", "1 away", "1 back", "1 closed"
  std::vector<std::span<std::byte>> journals;
  Lines warnings;
  std::unique_ptr<HttpFront> front;
  std::unique_ptr<SessionRegistry> registry;

 private:
  void make() {
    front = std::make_unique<HttpFront>(
        loop, HttpFront::Limits{},
        HttpFront::Events{
            .on_request =
                [this](transport::ExchangeId exchange, proto::HttpRequest&& request, HttpOrigin) {
                  registry->request(exchange, std::move(request), "user", io::now());
                },
            .on_gone = [this](transport::ExchangeId exchange) { registry->gone(exchange, io::now()); },
            .on_trouble = [](const base::Error& why) { FAIL(why.what); }});
    registry = std::make_unique<SessionRegistry>(
        SessionRegistry::Hands{
            .front = *front,
            .admit = [this] { return core::SessionId{++admitted_, 1}; },
            .feed = [this](broker::Event event) { note(event); },
            .resolve = [](const std::string& server, const std::string&) { return spec_of(server); },
            .warn = [this](const std::string& sentence) { warnings.push_back(sentence); }},
        directory_ + "/files", app::HttpSettings{});
  }
  static base::Result<core::ServerSpec> spec_of(const std::string& server) {
    core::ServerSpec spec;
    spec.name = server;
    return spec;
  }
  void note(const broker::Event& event) {
    if (const auto* opened = std::get_if<broker::SessionOpened>(&event)) {
      lines.push_back(std::to_string(opened->session.index) + " opened");
      journals.push_back(opened->journal);
    }
    if (const auto* line = std::get_if<broker::SessionLine>(&event))
      lines.push_back(std::to_string(line->session.index) + ": " + std::string(line->line.bytes.text));
    if (const auto* away = std::get_if<broker::SessionAway>(&event))
      lines.push_back(std::to_string(away->session.index) + " away");
    if (const auto* back = std::get_if<broker::SessionBack>(&event))
      lines.push_back(std::to_string(back->session.index) + " back");
    if (const auto* closed = std::get_if<broker::SessionClosed>(&event))
      lines.push_back(std::to_string(closed->session.index) + " closed");
  }

  std::string directory_;
  std::uint16_t port_ = 0;
  std::uint32_t admitted_ = 0;
};

constexpr core::SessionId first{1, 1};

const std::string initialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}})";
const std::string call = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})";

// The fields that a client of a session sends along.
std::string begin_session(World& world, const io::Descriptor& client) {
  world.say(client, "POST /mcp/x", "", initialize);
  REQUIRE(world.told("1: " + initialize));
  world.answers(first, R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"}})");
  const std::string heard = world.heard(client, "}}");
  const std::size_t at = heard.find("mcp-session-id: ");
  REQUIRE(at != std::string::npos);
  return heard.substr(at, heard.find("\r\n", at) + 2 - at) + "MCP-Protocol-Version: 2025-06-18\r\n";
}

}  // namespace

TEST_CASE("session registry: a session goes on with its calls, its stream, its journal and its end") {
  World world;
  const io::Descriptor calling = world.connect();
  const io::Descriptor listening = world.connect();
  const std::string fields = begin_session(world, calling);
  world.say(listening, "GET /mcp/x", fields);
  CHECK(world.heard(listening, "\r\n\r\n").contains("text/event-stream"));
  world.say(calling, "POST /mcp/x", fields, call);
  REQUIRE(world.told("1: " + call));
  world.journals.at(0)[100] = std::byte{42};

  world.replace();
  CHECK(world.warnings.empty());
  REQUIRE_FALSE(world.registry->page(first).empty());
  CHECK(world.registry->page(first)[100] == std::byte{42});
  world.answers(first, result_of_1);
  CHECK(world.heard(calling, "{}}").ends_with("\r\n\r\n" + result_of_1));
  const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
  world.answers(first, changed);
  const std::string heard = world.heard(listening, changed);
  CHECK(heard.contains("id: 0-0-1\n"));

  world.replace();
  world.say(calling, "DELETE /mcp/x", fields);
  REQUIRE(world.told("1 closed"));
  CHECK(world.heard(calling, "\r\n\r\n").starts_with("HTTP/1.1 200"));
  CHECK(world.heard(listening, "0\r\n\r\n") == "0\r\n\r\n");
  world.registry->close(first);
  world.say(calling, "POST /mcp/x", fields, call);
  CHECK(world.heard(calling, "}").starts_with("HTTP/1.1 404"));
  CHECK(std::ranges::count(world.lines, "1 opened") == 1);
  CHECK(std::ranges::count(world.lines, "1: " + call) == 1);
}

TEST_CASE("session registry: a client that was away comes back to what its stream has said meanwhile") {
  World world;
  const io::Descriptor calling = world.connect();
  const std::string fields = begin_session(world, calling);
  io::Descriptor listening = world.connect_to_port();
  world.say(listening, "GET /mcp/x", fields);
  CHECK(world.heard(listening, "\r\n\r\n").contains("text/event-stream"));
  const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
  world.answers(first, changed);
  CHECK(world.heard(listening, changed).contains("id: 0-0-1\n"));

  world.replace(false);  // As with TLS: its connection has ended.
  REQUIRE(world.told("1 away"));
  world.answers(first, R"({"jsonrpc":"2.0","method":"notifications/prompts/list_changed"})");
  world.replace(false);
  listening = world.connect();
  world.say(listening, "GET /mcp/x", fields + "Last-Event-ID: 0-0-1\r\n");
  REQUIRE(world.told("1 back"));
  const std::string heard = world.heard(listening, "prompts/list_changed");
  CHECK(heard.contains("id: 0-0-2\n"));
  CHECK_FALSE(heard.contains("tools/list_changed"));
}

TEST_CASE("session registry: while a session is held its POSTs wait for the next program, too") {
  World world;
  const io::Descriptor calling = world.connect();
  const std::string fields = begin_session(world, calling);
  world.registry->hold(first);
  world.say(calling, "POST /mcp/x", fields, call);
  REQUIRE(world.until([&] { return world.front->exchanges() == 1; }));
  world.replace();
  CHECK(std::ranges::count(world.lines, "1: " + call) == 0);
  world.registry->release(first, io::now());
  CHECK(std::ranges::count(world.lines, "1: " + call) == 1);
  world.answers(first, result_of_1);
  CHECK(world.heard(calling, "{}}").ends_with(result_of_1));
}

TEST_CASE("session registry: HTTP+SSE goes on on its stream, and ends with it") {
  World world;
  io::Descriptor stream = world.connect();
  world.say(stream, "GET /sse/x", "");
  const std::string begun = world.heard(stream, "session=");
  const std::size_t at = begun.find("/sse/x?session=");
  REQUIRE(at != std::string::npos);
  const std::string endpoint = begun.substr(at, begun.find('\n', at) - at);
  world.replace();
  const io::Descriptor posting = world.connect();
  world.say(posting, "POST " + endpoint, "", call);
  REQUIRE(world.told("1: " + call));
  CHECK(world.heard(posting, "Accepted").starts_with("HTTP/1.1 202"));
  world.answers(first, result_of_1);
  CHECK(world.heard(stream, result_of_1).contains("data: " + result_of_1));
  world.replace();
  stream.reset();
  REQUIRE(world.told("1 closed"));
}

TEST_CASE("session registry: a desk answers its clients' requests under their own ids, and is found again") {
  World world;
  const auto ask = [&](const io::Descriptor& client, std::string_view id) {
    world.say(client, "POST /mcp/x",
              "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: x\r\n",
              transcript::modern_call(id));
  };
  const io::Descriptor one = world.connect();
  const io::Descriptor other = world.connect();
  ask(one, R"("mine")");
  REQUIRE(world.told("1 opened"));
  REQUIRE(world.until([&] { return world.lines.size() == 2; }));
  world.replace();
  ask(other, R"("also")");
  REQUIRE(world.until([&] { return world.lines.size() == 3; }));
  world.answers(first, R"({"jsonrpc":"2.0","id":2,"result":{}})");
  world.answers(first, result_of_1);
  CHECK(world.heard(other, "{}}").contains(R"("id":"also")"));
  CHECK(world.heard(one, "{}}").contains(R"("id":"mine")"));
  CHECK(std::ranges::count(world.lines, "1 opened") == 1);
  REQUIRE(world.told("1 away"));
  world.registry->close(first);
}
