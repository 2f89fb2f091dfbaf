// What `hearth status` counts.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using core::SessionId;
using test::Lines;
using test::Stage;

std::string modern(const std::string& id, const std::string& method, const std::string& more = {}) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method +
         R"(","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}}})" +
         more + "}}";
}

struct Counts {
  std::size_t session = 0, server = 0;
  bool operator==(const Counts&) const = default;
};
Counts counts(const Stage& stage) {
  return {stage.broker.sessions().at(0).calls, stage.broker.instances().at(0).calls};
}

}  // namespace

TEST_CASE("an open listen is no call, and a call that waits for a form is one") {
  Stage stage;
  const SessionId a = stage.open();
  stage.says(a, modern("1", "subscriptions/listen", R"(,"notifications":{"toolsListChanged":true})"));
  stage.bring_up(R"({"tools":{"listChanged":true}})");
  CHECK(stage.hears(a).size() == 1);
  stage.hears(stage.server());
  CHECK(counts(stage) == Counts{0, 0});

  stage.says(a, modern("2", "tools/call", R"(,"name":"t")"));
  CHECK(counts(stage) == Counts{1, 1});
  stage.serves(stage.server(),
               R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create",)"
               R"("params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}})");
  stage.passes(std::chrono::milliseconds(100));
  REQUIRE(stage.hears(a).at(0).contains("input_required"));
  CHECK(counts(stage) == Counts{1, 1});  // Its client has gone to ask, and the server waits.
}

TEST_CASE("a legacy client's call that a modern server wants a form for is one") {
  Stage stage;
  core::ServerSpec spec = stage.spec();
  spec.probe = true;
  const SessionId a = stage.open(spec);
  stage.says(a, R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
                R"("capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}})");
  stage.happens(broker::InstanceStarted{stage.server(), 100});
  stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":)" + Stage::id_of(stage.hears(stage.server()).at(0)) +
                                   R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],)"
                                   R"("capabilities":{"tools":{}},"ttlMs":5,"cacheScope":"public"}})");
  stage.says(a, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  stage.hears(stage.server());
  stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 1);
  stage.serves(stage.server(),
               R"({"jsonrpc":"2.0","id":)" + Stage::id_of(wire[0]) +
                   R"(,"result":{"resultType":"input_required","inputRequests":{"e":{"method":)"
                   R"("elicitation/create","params":{"mode":"form","message":"?","requestedSchema":{)"
                   R"("type":"object","properties":{}}}}}}})");
  REQUIRE(stage.hears(a).back().contains("elicitation/create"));
  CHECK(counts(stage) == Counts{1, 1});
}
