#include "app/servers/upstreams.h"

#include <doctest/doctest.h>

#include "far_server.h"
#include "io/clock.h"
#include "io/passed.h"

using namespace far;

namespace {

constexpr core::InstanceId server_id{1, 1};
constexpr core::InstanceId channel_id{2, 1};

// A daemon with a server that is elsewhere, and what its broker was told: "started 1", "line 2 …".
struct Daemon {
  io::Loop loop;
  Server server{.loop = loop, .on_post = as_usual};
  std::unique_ptr<io::Children> children;
  Lines fed;
  std::unique_ptr<app::Upstreams> upstreams;

  Daemon() {
    server.listen();
    auto made = io::Children::make(loop, {});
    REQUIRE(made);
    children = std::move(*made);
    upstreams = std::make_unique<app::Upstreams>(hands());
  }
  app::Upstreams::Hands hands() {
    return {.loop = loop,
            .children = *children,
            .feed = [this](const broker::Event& event) { note(event); },
            .log = [](broker::Severity, const std::string&) {},
            .log_dir = "/nowhere"};
  }
  void note(const broker::Event& event) {
    const auto of = [](core::InstanceId id) { return std::to_string(id.index); };
    if (const auto* started = std::get_if<broker::InstanceStarted>(&event)) {
      fed.push_back("started " + of(started->instance));
    } else if (const auto* answers = std::get_if<broker::InstanceAnswers>(&event)) {
      fed.push_back("answers " + of(answers->instance));
    } else if (const auto* line = std::get_if<broker::InstanceLine>(&event)) {
      fed.push_back("line " + of(line->instance) + ' ' + std::string(line->line.bytes.text));
    } else if (const auto* ended = std::get_if<broker::InstanceExited>(&event)) {
      fed.push_back("ended " + of(ended->instance) + ' ' + ended->how);
    } else {
      fed.emplace_back("another");
    }
  }
  broker::StartInstance start(core::InstanceId id) const {
    broker::StartInstance action;
    action.instance = id;
    action.name = "far";
    action.directory = "/";
    action.link = core::Link::streamable;
    action.message_bytes_max = 4096;
    action.address.url = "http://127.0.0.1:" + std::to_string(server.port) + "/mcp";
    action.address.headers = {{"authorization", "Bearer t"}};
    return action;
  }
  void start_channel(std::vector<std::string> helper = {}) {
    broker::StartInstance action = start(channel_id);
    action.channel_of = server_id;
    action.address.headers_helper = std::move(helper);
    upstreams->start(action);
  }
  void send(const std::string& text) {
    broker::SendToInstance action{channel_id, proto::Message(text)};
    upstreams->send(action);
  }
  void until(const std::function<bool()>& done) {
    bool late = false;
    io::Timer too_late(loop, [&] { late = true; });
    too_late.set(io::now() + std::chrono::seconds(30));
    loop.run_until([&] { return done() || late; });
    REQUIRE(done());
  }
  // As if the program were another one.
  void replace() {
    REQUIRE(upstreams->unsettled() == "");
    io::Passing writer;
    save::write<app::Upstreams::Saved>(writer, upstreams->saved());
    CHECK(writer.numbers().empty());
    const std::string text = std::move(writer).finish();
    upstreams.reset();
    save::Reader reader(text);
    auto saved = save::read<app::Upstreams::Saved>(reader);
    REQUIRE(reader.end("the servers"));
    upstreams = std::make_unique<app::Upstreams>(hands());
    upstreams->resume(std::move(saved));
  }
  // A session, with its standing stream.
  void begin() {
    upstreams->start(start(server_id));
    CHECK(upstreams->unsettled() == "the server far is starting");
    until([&] { return fed.size() == 2; });
    start_channel();
    send(initialize);
    CHECK(upstreams->unsettled() == "the server far has not answered initialize yet");
    until([&] { return fed.size() == 4; });
    send(initialized);
    until([&] { return server.stream != 0 && upstreams->unsettled().empty(); });
    CHECK(std::exchange(fed, {}) == Lines{"started 1", "answers 1", "started 2", "line 2 " + greeting});
  }
};

}  // namespace

TEST_CASE("upstreams: replaced, servers elsewhere and their sessions go on, and nobody is greeted again") {
  Daemon daemon;
  daemon.begin();
  const int stream = daemon.server.stream;
  daemon.replace();
  CHECK(daemon.upstreams->has(server_id));
  CHECK(daemon.upstreams->has(channel_id));
  daemon.until([&] { return daemon.server.stream != stream && daemon.server.gone == 1; });
  daemon.server.say(changed);
  daemon.until([&] { return !daemon.fed.empty(); });
  daemon.send(changed);
  CHECK(daemon.upstreams->unsettled() == "the server far has not acknowledged a message yet");
  daemon.until([&] { return daemon.upstreams->unsettled().empty(); });
  daemon.replace();
  CHECK(daemon.fed == Lines{"line 2 " + changed});
  CHECK(daemon.server.seen == Lines{"POST " + initialize, "POST S 2025-06-18 " + initialized,
                                    "GET S 2025-06-18", "GET S 2025-06-18", "POST S 2025-06-18 " + changed});
}

TEST_CASE("upstreams: a farewell is waited for, and a server that is let go of") {
  Daemon daemon;
  daemon.begin();
  daemon.replace();
  daemon.server.answers_delete = false;
  daemon.upstreams->stop(channel_id);
  CHECK(daemon.upstreams->unsettled() == "the server far has not heard yet that its session is over");
  daemon.until([&] { return !daemon.fed.empty(); });
  CHECK(daemon.upstreams->unsettled() == "");
  daemon.upstreams->stop(server_id);
  CHECK(daemon.upstreams->unsettled() == "the server far is let go of");
  daemon.until([&] { return daemon.fed.size() == 2; });
  CHECK(daemon.fed == Lines{"ended 2 was closed", "ended 1 was let go"});
  CHECK(daemon.upstreams->empty());
  daemon.replace();
  CHECK(daemon.upstreams->empty());
}

TEST_CASE("upstreams: a headers helper that runs is waited for, and what it wrote goes on") {
  Daemon daemon;
  daemon.upstreams->start(daemon.start(server_id));
  daemon.until([&] { return daemon.fed.size() == 2; });
  daemon.start_channel({"/bin/sh", "-c", R"(printf '{"X-Token":"secret"}')"});
  CHECK(daemon.upstreams->unsettled() == "the headersHelper of the server far runs");
  daemon.until([&] { return daemon.fed.size() == 3; });
  daemon.replace();
  std::string token;
  daemon.server.on_post = [&](const proto::HttpRequest& request) {
    token = request.fields.get("x-token");
    return as_usual(request);
  };
  daemon.send(initialize);
  daemon.until([&] { return daemon.fed.size() == 4; });
  CHECK(token == "secret");
}
