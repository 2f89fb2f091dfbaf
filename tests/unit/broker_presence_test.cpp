// Sessions that nobody is connected to: they keep their place, and no server.
#include <doctest/doctest.h>

#include "broker_fixture.h"

using test::Lines;
using test::Stage;

namespace {

std::string call(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"t"}})";
}

std::string result(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})";
}

std::size_t stops(const Stage& stage) {
  return stage.count<broker::StopInstance>();
}

}  // namespace

TEST_CASE("a server stops when all its sessions are away, and comes back with them") {
  Stage stage;
  const base::Duration idle = stage.spec().timing.idle_timeout;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.happens(broker::SessionAway{a});
  stage.passes(2 * idle);
  CHECK(stops(stage) == 0);
  CHECK(stage.broker.instances().at(0).state == "ready");
  stage.happens(broker::SessionAway{b});
  CHECK(stage.broker.instances().at(0).state == "idle");
  stage.passes(idle - std::chrono::milliseconds(1));
  CHECK(stops(stage) == 0);
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stops(stage) == 1);
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", {}});
  CHECK(stage.broker.sessions().size() == 2);

  stage.happens(broker::SessionBack{a});
  stage.says(a, call("1"));
  REQUIRE(stage.pending.size() == 1);
  stage.bring_up();
  const Lines wire = stage.hears(stage.server());
  REQUIRE(!wire.empty());
  stage.serves(stage.server(), result(Stage::id_of(wire.back())));
  CHECK(stage.hears(a).back() == result("1"));  // Behind what may have changed meanwhile.
}

TEST_CASE("a session that is back in time keeps its server") {
  Stage stage;
  const base::Duration idle = stage.spec().timing.idle_timeout;
  const auto a = stage.ready();
  stage.happens(broker::SessionAway{a});
  stage.passes(idle / 2);
  stage.happens(broker::SessionBack{a});
  stage.passes(2 * idle);
  CHECK(stops(stage) == 0);
  // Each time away counts from its own beginning.
  stage.happens(broker::SessionAway{a});
  stage.passes(idle - std::chrono::milliseconds(1));
  CHECK(stops(stage) == 0);
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stops(stage) == 1);
}

TEST_CASE("a call that runs for a session that is away is not cut off") {
  Stage stage;
  const base::Duration idle = stage.spec().timing.idle_timeout;
  const auto a = stage.ready();
  stage.says(a, call("1"));
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 1);
  stage.happens(broker::SessionAway{a});
  stage.passes(5 * idle);
  CHECK(stops(stage) == 0);
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  CHECK(stage.hears(a) == Lines{result("1")});
  stage.passes(2 * idle);
  CHECK(stops(stage) == 1);
}

TEST_CASE("the last session that is there leaves, and those that are away keep nothing running") {
  Stage stage;
  const base::Duration idle = stage.spec().timing.idle_timeout;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.happens(broker::SessionAway{a});
  stage.happens(broker::SessionClosed{b});
  stage.passes(idle);
  CHECK(stops(stage) == 1);
}

TEST_CASE("a report says since when a session is away") {
  Stage stage;
  const auto a = stage.ready();
  CHECK_FALSE(stage.broker.sessions().at(0).away_since);
  stage.happens(broker::SessionAway{a});
  const base::Instant since = stage.now;
  stage.passes(std::chrono::seconds(5));
  stage.happens(broker::SessionAway{a});
  CHECK(stage.broker.sessions().at(0).away_since == since);
  stage.happens(broker::SessionBack{a});
  CHECK_FALSE(stage.broker.sessions().at(0).away_since);
}
