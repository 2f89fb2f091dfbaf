// Memory is short: one idle server is stopped, and never one that somebody would lose something by.
#include <doctest/doctest.h>

#include "broker_fixture.h"

using test::Lines;
using test::Stage;

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

core::ServerSpec named(const Stage& stage, const std::string& name) {
  core::ServerSpec spec = stage.spec();
  spec.name = name;
  spec.args = {name};
  return spec;
}

std::string call(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"t"}})";
}

std::string result(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})";
}

std::size_t stops(const Stage& stage) {
  return stage.count<broker::StopInstance>();
}

// All servers hold so much.
void shortage(Stage& stage, std::uint64_t each = 100 * mib) {
  broker::MemoryShort event{.holdings = {}, .used = 5000 * mib, .budget = 4000 * mib};
  for (const auto& report : stage.broker.instances()) event.holdings.push_back({report.instance, each});
  stage.happens(event);
}

core::InstanceId stopped_last(const Stage& stage) {
  core::InstanceId id{};
  for (const broker::Action& action : stage.actions) {
    if (const auto* stop = std::get_if<broker::StopInstance>(&action)) id = stop->instance;
  }
  return id;
}

broker::InstanceReport report_of(const Stage& stage, core::InstanceId id) {
  for (const auto& report : stage.broker.instances()) {
    if (report.instance == id) return report;
  }
  return {};
}

}  // namespace

TEST_CASE("memory is short: an idle server is stopped with the reason, and starts again when it is called") {
  Stage stage;
  const auto a = stage.ready();
  stage.passes(stage.spec().timing.idle_timeout);
  shortage(stage);
  REQUIRE(stops(stage) == 1);
  shortage(stage);
  CHECK(stops(stage) == 1);  // It is on its way.
  stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGTERM", ""});
  const auto report = report_of(stage, stage.server());
  CHECK(report.state == "stopped");
  CHECK(report.trouble ==
        "was stopped because memory was short (all servers together held 4.88 GiB, and their budget is 3.91 "
        "GiB); it starts again when a session calls it");
  stage.hears(a);
  stage.says(a, call("1"));
  REQUIRE(stage.pending.size() == 1);
  stage.bring_up();
  const Lines wire = stage.hears(stage.server());
  REQUIRE(!wire.empty());
  stage.serves(stage.server(), result(Stage::id_of(wire.back())));
  CHECK(stage.hears(a).back() == result("1"));
  CHECK(report_of(stage, stage.server()).trouble.empty());
}

TEST_CASE("memory is short: one server at a time, the least valuable first") {
  Stage stage;
  stage.ready(named(stage, "old"));
  const auto old_one = stage.server();
  stage.passes(60s);
  stage.ready(named(stage, "young"));
  stage.passes(stage.spec().timing.idle_timeout);
  shortage(stage);
  CHECK(stops(stage) == 1);
  CHECK(stopped_last(stage) == old_one);
}

TEST_CASE("memory is short: a server without sessions goes first, and its reason is shown for a while") {
  Stage stage;
  stage.ready(named(stage, "attached"));
  stage.passes(stage.spec().timing.idle_timeout);
  const auto b = stage.ready(named(stage, "left"));
  const auto left = stage.server();
  stage.happens(broker::SessionClosed{b});
  stage.passes(9s);
  shortage(stage);
  CHECK(stopped_last(stage) != left);  // It may be wanted again at once.
  stage.happens(broker::InstanceExited{stopped_last(stage), "was killed by SIGTERM", ""});
  stage.passes(1s);
  shortage(stage);
  CHECK(stopped_last(stage) == left);
  stage.happens(broker::InstanceExited{left, "was killed by SIGTERM", ""});
  CHECK(report_of(stage, left).trouble.starts_with("was stopped because memory was short"));
  stage.passes(core::limits::remember_failed);
  CHECK(report_of(stage, left).name.empty());
}

TEST_CASE("memory is short: a server at work, or just used, or with something to lose, is never stopped") {
  Stage stage;
  const auto a = stage.ready();
  const auto nothing_stops = [&] {
    shortage(stage);
    CHECK(stops(stage) == 0);
  };
  SUBCASE("a session has used it lately") {
    stage.passes(stage.spec().timing.idle_timeout - 1ms);
    nothing_stops();
  }
  SUBCASE("a call is in flight, however long") {
    stage.says(a, call("1"));
    stage.passes(10 * stage.spec().timing.idle_timeout);
    nothing_stops();
    const Lines wire = stage.hears(stage.server());
    stage.serves(stage.server(), result(Stage::id_of(wire.back())));
    nothing_stops();  // It has answered just now.
  }
  SUBCASE("it asks a question") {
    stage.says(a, call("1"));
    stage.serves(stage.server(),
                 R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}})");
    stage.passes(stage.spec().timing.idle_timeout);
    nothing_stops();
  }
  SUBCASE("a session has subscribed to something") {
    stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///a"}})");
    const Lines wire = stage.hears(stage.server());
    stage.serves(stage.server(), result(Stage::id_of(wire.back())));
    stage.passes(2 * stage.spec().timing.idle_timeout);
    nothing_stops();
  }
  SUBCASE("it holds next to nothing") {
    stage.passes(stage.spec().timing.idle_timeout);
    shortage(stage, mib);
    CHECK(stops(stage) == 0);
  }
  SUBCASE("it is starting") {
    stage.open(named(stage, "other"));
    shortage(stage);
    CHECK(stops(stage) == 0);
  }
}

TEST_CASE("memory is short: a server whose client is away between two requests is not the first to go") {
  Stage stage;
  const auto a = stage.ready();
  stage.happens(broker::SessionAway{a});
  stage.passes(core::limits::unused_least);
  shortage(stage);
  CHECK(stops(stage) == 0);
  stage.passes(stage.spec().timing.idle_timeout);
  shortage(stage);
  CHECK(stops(stage) == 1);
}

TEST_CASE("memory is short and no server is idle: the log has it once") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, call("1"));
  const auto warnings = [&] {
    return std::ranges::count_if(stage.actions, [](const broker::Action& action) {
      const auto* log = std::get_if<broker::Log>(&action);
      return log != nullptr && log->text.ends_with("; no server is idle, so none is stopped");
    });
  };
  shortage(stage);
  shortage(stage);
  CHECK(warnings() == 1);
}
