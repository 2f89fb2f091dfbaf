// Sessions that are moved to the server where they belong.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "broker_fixture.h"

namespace {

using test::Lines;
using test::Stage;

std::string request(const std::string& id, const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + '}';
}

std::string result(const std::string& id, const std::string& what) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + what + '}';
}

core::ServerSpec with(const Stage& stage, std::map<std::string, std::string> environment) {
  core::ServerSpec spec = stage.spec();
  spec.environment = std::move(environment);
  return spec;
}

core::ServerSpec poor(const Stage& stage) {
  return with(stage, {{"PATH", "/bin"}});
}

core::ServerSpec rich(const Stage& stage, const std::string& token = "t") {
  return with(stage, {{"EDITOR", "vi"}, {"GITHUB_TOKEN", token}});
}

std::set<std::set<core::SessionId>> shared_by(Stage& stage) {
  std::set<std::set<core::SessionId>> groups;
  for (const auto& group : stage.broker.sharing().groups) {
    if (!group.sessions.empty()) groups.emplace(group.sessions.begin(), group.sessions.end());
  }
  return groups;
}

TEST_CASE("a session that has made no call goes to a server that was started with more") {
  Stage stage;
  const auto a = stage.ready(poor(stage));
  const auto first = stage.server();
  const auto b = stage.ready(rich(stage));
  CHECK(shared_by(stage) == std::set<std::set<core::SessionId>>{{a, b}});
  stage.says(a, request("1", "tools/call"));
  CHECK(stage.hears(stage.server()).size() == 1);
  CHECK(stage.hears(first).empty());
}

TEST_CASE("a session that has made a call stays") {
  Stage stage;
  const auto a = stage.ready(poor(stage));
  stage.says(a, request("1", "tools/call"));
  const auto b = stage.ready(rich(stage));
  CHECK(shared_by(stage) == std::set<std::set<core::SessionId>>{{a}, {b}});
}

TEST_CASE("a session is moved when its list has been answered") {
  Stage stage;
  const auto a = stage.ready(poor(stage));
  const auto first = stage.server();
  stage.says(a, request("1", "tools/list"));
  const std::string wire = Stage::id_of(stage.hears(first).back());
  const auto b = stage.ready(rich(stage));
  CHECK(shared_by(stage).size() == 2);
  stage.serves(first, result(wire, R"({"tools":[]})"));
  CHECK(stage.hears(a).at(0) == result("1", R"({"tools":[]})"));
  CHECK(shared_by(stage) == std::set<std::set<core::SessionId>>{{a, b}});
}

TEST_CASE("what a session has set up goes with it") {
  Stage stage;
  const auto a = stage.open(poor(stage));
  stage.says(
      a,
      request(
          R"("init")", "initialize",
          R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})"));
  stage.bring_up();
  stage.says(a, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  stage.says(a, request("1", "logging/setLevel", R"({"level":"debug"})"));
  const auto first = stage.server();
  stage.serves(first, result(Stage::id_of(stage.hears(first).back()), "{}"));
  stage.hears(a);
  const auto b = stage.ready(rich(stage));
  CHECK(shared_by(stage) == std::set<std::set<core::SessionId>>{{a, b}});
  CHECK(std::ranges::any_of(stage.hears(a), [](const std::string& line) {
    return line.find("tools/list_changed") != std::string::npos;
  }));
}

TEST_CASE("a call that waits for a server that starts goes along, once and as it was written") {
  Stage stage;
  const auto a = stage.open(poor(stage));
  stage.says(
      a,
      request(
          R"("init")", "initialize",
          R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})"));
  stage.says(a, request("7", "tools/list", R"({"cursor":"x","_meta":{"progressToken":"p"}})"));
  const auto b = stage.open(rich(stage));
  stage.says(
      b,
      request(
          R"("init")", "initialize",
          R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})"));
  CHECK(shared_by(stage) == std::set<std::set<core::SessionId>>{{a, b}});
  const auto first = stage.started.front();
  stage.pending.erase(stage.pending.begin());
  stage.bring_up();
  const Lines wire = stage.hears(stage.server());
  const auto lists = std::ranges::count_if(
      wire, [](const std::string& line) { return line.find("tools/list") != std::string::npos; });
  CHECK(lists == 1);
  CHECK(wire.back().find(R"("cursor":"x")") != std::string::npos);
  CHECK(stage.hears(first).empty());
  CHECK(stage.hears(a).at(0).find(R"("id":"init")") != std::string::npos);
}

TEST_CASE("the same sessions come to the same groups in any order") {
  const Stage any;
  const std::vector<core::ServerSpec> specs = {poor(any), poor(any), rich(any, "a"), rich(any, "b"),
                                               with(any, {{"EDITOR", "vi"}})};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  std::set<std::set<std::set<std::size_t>>> outcomes;
  do {
    Stage stage;
    std::map<core::SessionId, std::size_t> number;
    for (const std::size_t i : order) number[stage.ready(specs[i])] = i;
    std::set<std::set<std::size_t>> groups;
    for (const auto& group : shared_by(stage)) {
      std::set<std::size_t> numbers;
      for (const auto session : group) numbers.insert(number.at(session));
      groups.insert(numbers);
    }
    outcomes.insert(groups);
  } while (std::ranges::next_permutation(order).found);
  CHECK(outcomes.size() == 1);
  CHECK(outcomes.begin()->size() == 3);
}

TEST_CASE("a listen that moves along is told what it was granted, and nothing else that it had asked for") {
  Stage stage;
  const std::string meta = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                           R"("io.modelcontextprotocol/clientCapabilities":{}})";
  const std::string lists = R"({"tools":{"listChanged":true},"resources":{"subscribe":true}})";
  const auto a = stage.open(poor(stage));
  stage.says(a, request("0", "server/discover", "{" + meta + "}"));
  stage.bring_up(lists);
  const auto first = stage.server();
  stage.hears(first);
  stage.hears(a);
  stage.says(a,
             request("1", "subscriptions/listen",
                     R"({"notifications":{"toolsListChanged":true,"resourceSubscriptions":["file:///x"]},)" +
                         meta + "}"));
  stage.serves(first, R"({"jsonrpc":"2.0","id":)" + Stage::id_of(stage.hears(first).at(0)) +
                          R"(,"error":{"code":-32002,"message":"no"}})");
  CHECK(stage.hears(a).at(0).contains(R"("notifications":{"toolsListChanged":true})"));
  const auto b = stage.open(rich(stage));
  stage.says(b, request("0", "server/discover", "{" + meta + "}"));
  stage.bring_up(lists);
  REQUIRE(shared_by(stage) == std::set<std::set<core::SessionId>>{{a, b}});
  for (const std::string& line : stage.hears(stage.server())) CHECK(!line.contains("resources/subscribe"));
  const Lines told = stage.hears(a);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains("notifications/tools/list_changed"));
}

}  // namespace
