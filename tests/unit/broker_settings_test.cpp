// Sessions with different settings at one server: the stricter hold, whoever came first.
#include <doctest/doctest.h>

#include "broker_fixture.h"

using core::Interactive;
using test::Lines;

namespace {

struct SettingsStage : test::Stage {
  static std::string list(const std::string& id) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/list","params":{}})";
  }
  static std::string call(const std::string& id) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t"}})";
  }
  core::ServerSpec serialised() const {
    core::ServerSpec wanted = spec();
    wanted.interactive = Interactive::serialise;
    return wanted;
  }
  core::ServerSpec uncached() const {
    core::ServerSpec wanted = spec();
    wanted.cache = false;
    return wanted;
  }
};

}  // namespace

TEST_CASE("calls take turns as soon as one of the sessions wants that") {
  for (const bool entry_first : {true, false}) {
    CAPTURE(entry_first);
    SettingsStage stage;
    const auto a = stage.ready(entry_first ? stage.serialised() : stage.spec());
    const auto b = stage.ready(entry_first ? stage.spec() : stage.serialised());
    REQUIRE(stage.started.size() == 1);
    stage.says(a, SettingsStage::call("1"));
    stage.says(b, SettingsStage::call("1"));
    CHECK(stage.hears(stage.server()).size() == 1);
    stage.happens(broker::SessionClosed{entry_first ? a : b});
    const auto c = stage.ready();
    stage.hears(stage.server());
    stage.says(c, SettingsStage::call("2"));
    CHECK(stage.hears(stage.server()).empty());
  }
}

TEST_CASE_FIXTURE(SettingsStage,
                  "nothing is kept or shared as soon as one of the sessions wants none of it") {
  for (const bool entry_first : {true, false}) {
    CAPTURE(entry_first);
    SettingsStage stage;
    const auto a = stage.ready(entry_first ? stage.uncached() : stage.spec());
    const auto b = stage.ready(entry_first ? stage.spec() : stage.uncached());
    REQUIRE(stage.started.size() == 1);
    stage.says(a, SettingsStage::list("1"));
    stage.says(b, SettingsStage::list("1"));
    CHECK(stage.hears(stage.server()).size() == 2);
  }
}

TEST_CASE_FIXTURE(SettingsStage, "a restart keeps the stricter settings") {
  const auto a = ready();
  const auto b = ready(uncached());
  happens(broker::SessionClosed{b});
  happens(broker::RestartWanted{"files", ""});
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  bring_up();
  hears(server());
  says(a, list("1"));
  says(a, list("2"));
  CHECK(hears(server()).size() == 2);
}

TEST_CASE_FIXTURE(SettingsStage, "turns and a process for each session do not go together") {
  core::ServerSpec split = spec();
  split.interactive = Interactive::split;
  ready(split);
  ready(serialised());
  CHECK(started.size() == 2);
  ready();
  CHECK(started.size() == 2);
  REQUIRE(broker.sharing().apart.size() == 1);
  const auto because = broker.sharing().apart.at(0).because;
  REQUIRE(because.size() == 1);
  CHECK(because.at(0).what == "interactive");
}

TEST_CASE_FIXTURE(SettingsStage,
                  "a session that wants a process of its own gets one if the server has asked") {
  const auto a = ready(spec(), R"({"elicitation":{}})");
  says(a, call("1"));
  serves(server(), R"({"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{}})");
  core::ServerSpec split = spec();
  split.interactive = Interactive::split;
  ready(split);
  CHECK(started.size() == 2);
}
