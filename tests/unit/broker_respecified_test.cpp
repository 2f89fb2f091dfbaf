// The configuration changes while sessions are open.
#include <doctest/doctest.h>

#include <algorithm>
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

core::ServerSpec other(const Stage& stage) {
  core::ServerSpec spec = stage.spec();
  spec.args.push_back("--other");
  return spec;
}

core::ServerSpec refused(const Stage& stage) {
  core::ServerSpec spec = stage.spec();
  spec.refusal = "was removed from config.json; put it back there";
  return spec;
}

std::size_t stopped(const Stage& stage, core::InstanceId instance) {
  return static_cast<std::size_t>(std::ranges::count_if(stage.actions, [&](const broker::Action& action) {
    const auto* stop = std::get_if<broker::StopInstance>(&action);
    return stop != nullptr && stop->instance == instance;
  }));
}

bool any_of(const Lines& lines, const std::string& text) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.contains(text); });
}

void exits(Stage& stage, core::InstanceId instance) {
  stage.happens(broker::InstanceExited{instance, "exited with status 0", "", true, {}});
}

}  // namespace

TEST_CASE("respecified: a session goes to the new server at once, and the old one is stopped") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.happens(broker::SessionRespecified{a, other(stage)});
  const auto after = stage.server();
  REQUIRE(after != before);
  stage.bring_up();
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 1);
  CHECK(any_of(stage.hears(a), "tools/list_changed"));
  stage.hears(after);
  stage.says(a, request("1", "tools/call"));
  CHECK(stage.hears(after).size() == 1);
  CHECK(stage.hears(before).empty());
  exits(stage, before);
  CHECK(stage.broker.instances().size() == 1);
}

TEST_CASE("respecified: a call in flight ends at the old server, later ones go to the new one") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call", R"({"name":"slow","_meta":{"progressToken":"p"}})"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  const auto after = stage.server();
  REQUIRE(after != before);
  stage.bring_up();
  stage.hears(a);
  stage.hears(after);
  stage.says(a, request("2", "tools/call", R"({"name":"quick"})"));
  const Lines there = stage.hears(after);
  REQUIRE(there.size() == 1);
  stage.serves(after, result(Stage::id_of(there[0]), R"({"n":2})"));
  CHECK(stage.hears(a) == Lines{result("2", R"({"n":2})")});
  CHECK(stage.broker.owed(a) == 1);
  CHECK(stopped(stage, before) == 0);
  stage.serves(before, R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                           wire + R"(,"progress":1}})");
  CHECK(any_of(stage.hears(a), R"("progressToken":"p")"));
  stage.serves(before, result(wire, R"({"n":1})"));
  CHECK(stage.hears(a) == Lines{result("1", R"({"n":1})")});
  CHECK(stage.broker.owed(a) == 0);
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 1);
}

TEST_CASE("respecified: the client cancels a call that is still at the old server") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  stage.says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  const Lines told = stage.hears(before);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains(R"("requestId":)" + wire));
  CHECK(stage.broker.owed(a) == 0);
  CHECK(stage.broker.instances().size() == 2);
}

TEST_CASE("respecified: an id that is in use at the old server is in use") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  stage.hears(a);
  stage.says(a, request("1", "tools/call"));
  CHECK(any_of(stage.hears(a), "belongs to one that is still running"));
  stage.serves(before, result(wire, "{}"));
  stage.hears(a);
  stage.says(a, request("1", "tools/call"));
  CHECK(stage.hears(stage.server()).back().contains("tools/call"));
}

TEST_CASE("respecified: a question of the old server is answered there") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), R"({"elicitation":{}})");
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  const auto asks = [&](const std::string& id) {
    stage.serves(before,
                 R"({"jsonrpc":"2.0","id":)" + id +
                     R"(,"method":"elicitation/create","params":{"message":"?","requestedSchema":{}}})");
    return Stage::id_of(stage.hears(a).back());
  };
  const std::string asked_before = asks("70");
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  stage.hears(a);
  const std::string asked_after = asks("71");
  CHECK(asked_before != asked_after);
  stage.hears(before);
  stage.says(a, result(asked_before, R"({"action":"accept"})"));
  stage.says(a, result(asked_after, R"({"action":"decline"})"));
  CHECK(stage.hears(before) ==
        Lines{result("70", R"({"action":"accept"})"), result("71", R"({"action":"decline"})")});
  stage.serves(before, result(wire, "{}"));
  CHECK(stage.hears(a) == Lines{result("1", "{}")});
}

TEST_CASE("respecified: subscriptions and the level go along") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "resources/subscribe", R"({"uri":"file:///x"})"));
  stage.serves(before, result(Stage::id_of(stage.hears(before).at(0)), "{}"));
  stage.says(a, request("2", "logging/setLevel", R"({"level":"debug"})"));
  stage.serves(before, result(Stage::id_of(stage.hears(before).at(0)), "{}"));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  const Lines told = stage.hears(stage.server());
  CHECK(any_of(told, R"("uri":"file:///x")"));
  CHECK(any_of(told, R"("level":"debug")"));
}

TEST_CASE("respecified: a session waits with its move while a subscription is being made") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "resources/subscribe", R"({"uri":"file:///x"})"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  CHECK(stage.server() == before);
  stage.serves(before, result(wire, "{}"));
  CHECK(stage.hears(a).at(0) == result("1", "{}"));
  CHECK(stage.server() != before);
}

TEST_CASE("respecified: all sessions of an entry share its new server") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const auto before = stage.server();
  stage.says(b, request("1", "tools/call"));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.happens(broker::SessionRespecified{b, other(stage)});
  CHECK(stage.started.size() == 2);
  stage.bring_up();
  stage.says(a, request("2", "tools/call"));
  stage.says(b, request("2", "tools/call"));
  stage.hears(before);
  CHECK(stage.broker.instances().back().sessions == 2);
}

TEST_CASE("respecified: settings that do not keep sessions apart make a new server, too") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  core::ServerSpec spec = stage.spec();
  spec.calls = core::Calls::one;
  stage.happens(broker::SessionRespecified{a, spec});
  REQUIRE(stage.server() != before);
  stage.bring_up();
  // Others that come are like those that are there: they go to the new one.
  stage.ready(spec);
  CHECK(stage.started.size() == 2);
}

TEST_CASE("respecified: a session that has no place yet comes to the new server") {
  Stage stage;
  const auto a = stage.open();
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.greet(a, "{}", "2025-11-25");
  const auto& start = std::get<broker::StartInstance>(*std::ranges::find_if(
      stage.actions, [](const auto& one) { return std::holds_alternative<broker::StartInstance>(one); }));
  CHECK(start.args == other(stage).args);
}

TEST_CASE("respecified: what is left behind dies with the old server, and the session lives") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  stage.hears(a);
  stage.happens(broker::InstanceExited{before, "was killed by SIGSEGV", "", false, {}});
  CHECK(any_of(stage.hears(a), "SIGSEGV while this call was running"));
  CHECK(stage.broker.owed(a) == 0);
  CHECK(stage.broker.sessions().size() == 1);
  stage.says(a, request("2", "tools/call"));
  CHECK(stage.hears(stage.server()).back().contains("tools/call"));
}

TEST_CASE("respecified: a session that ends takes what it has left behind along") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  stage.hears(before);
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.bring_up();
  stage.happens(broker::SessionClosed{a});
  CHECK(any_of(stage.hears(before), "notifications/cancelled"));
  CHECK(stage.broker.sessions().empty());
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 1);
}

TEST_CASE("respecified: twice in a row, with calls at each of the servers") {
  Stage stage;
  const auto a = stage.ready();
  const auto first = stage.server();
  stage.says(a, request("1", "tools/call"));
  const std::string one = Stage::id_of(stage.hears(first).at(0));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  const auto second = stage.server();
  stage.bring_up();
  stage.hears(second);
  stage.says(a, request("2", "tools/call"));
  const std::string two = Stage::id_of(stage.hears(second).at(0));
  core::ServerSpec third = other(stage);
  third.args.push_back("--third");
  stage.happens(broker::SessionRespecified{a, third});
  stage.bring_up();
  stage.hears(a);
  stage.serves(second, result(two, R"({"n":2})"));
  stage.serves(first, result(one, R"({"n":1})"));
  CHECK(stage.hears(a) == Lines{result("2", R"({"n":2})"), result("1", R"({"n":1})")});
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, first) == 1);
  CHECK(stopped(stage, second) == 1);
}

TEST_CASE(
    "respecified: a server that is there no more refuses calls with its reason, until it is there again") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "tools/call"));
  const std::string wire = Stage::id_of(stage.hears(before).at(0));
  stage.happens(broker::SessionRespecified{a, refused(stage)});
  stage.serves(before, result(wire, "{}"));
  CHECK(stage.hears(a).front() == result("1", "{}"));
  CHECK(stage.count<broker::TellSession>() == 2);  // That it started, and that it is removed.
  stage.says(a, request("2", "tools/call"));
  CHECK(any_of(stage.hears(a), "hearth: server files: was removed from config.json; put it back there"));
  CHECK(stage.started.size() == 1);
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 1);
  exits(stage, before);
  stage.happens(broker::SessionRespecified{a, stage.spec()});
  REQUIRE(stage.started.size() == 2);
  stage.bring_up();
  CHECK(any_of(stage.hears(a), "tools/list_changed"));
  stage.says(a, request("3", "tools/call"));
  CHECK(stage.hears(stage.server()).back().contains("tools/call"));
  CHECK(stage.broker.instances().size() == 1);
}

TEST_CASE("respecified: a subscription outlives the time without a server") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  stage.says(a, request("1", "resources/subscribe", R"({"uri":"file:///x"})"));
  stage.serves(before, result(Stage::id_of(stage.hears(before).at(0)), "{}"));
  stage.happens(broker::SessionRespecified{a, refused(stage)});
  stage.passes(std::chrono::milliseconds(1));
  exits(stage, before);
  stage.happens(broker::SessionRespecified{a, stage.spec()});
  stage.bring_up();
  CHECK(any_of(stage.hears(stage.server()), R"("uri":"file:///x")"));
}

TEST_CASE("respecified: a listen that moves twice is told what it was granted at first") {
  Stage stage;
  const std::string meta = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                           R"("io.modelcontextprotocol/clientCapabilities":{}})";
  const std::string can = R"({"tools":{"listChanged":true},"resources":{"subscribe":true}})";
  const auto a = stage.open();
  stage.says(a, request("0", "server/discover", "{" + meta + "}"));
  stage.bring_up(can);
  const auto first = stage.server();
  stage.hears(first);
  stage.says(a,
             request("1", "subscriptions/listen",
                     R"({"notifications":{"toolsListChanged":true,"resourceSubscriptions":["file:///x"]},)" +
                         meta + "}"));
  stage.serves(first, R"({"jsonrpc":"2.0","id":)" + Stage::id_of(stage.hears(first).at(0)) +
                          R"(,"error":{"code":-32002,"message":"no"}})");
  stage.happens(broker::SessionRespecified{a, other(stage)});
  core::ServerSpec third = other(stage);
  third.args.push_back("--third");
  stage.happens(broker::SessionRespecified{a, third});
  stage.pending.erase(stage.pending.begin());  // The second one.
  stage.hears(a);
  stage.bring_up(can);
  CHECK_FALSE(any_of(stage.hears(stage.server()), "resources/subscribe"));
  CHECK_FALSE(any_of(stage.hears(a), "file:///x"));
}

TEST_CASE("respecified: initialize is answered by the new server, or with the reason") {
  Stage stage;
  const auto a = stage.open();
  const auto b = stage.open();
  const std::string params =
      R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})";
  stage.says(a, request("1", "initialize", params));
  stage.says(b, request("1", "initialize", params));
  stage.happens(broker::SessionRespecified{a, other(stage)});
  stage.happens(broker::SessionRespecified{b, refused(stage)});
  CHECK(any_of(stage.hears(b), "was removed from config.json"));
  CHECK(stage.hears(a).empty());
  stage.pending.erase(stage.pending.begin());  // The old one.
  stage.bring_up();
  CHECK(any_of(stage.hears(a), "serverInfo"));
}

TEST_CASE("respecified: other times hold for the server that runs") {
  Stage stage;
  const auto a = stage.ready();
  const auto before = stage.server();
  core::Timing timing = stage.spec().timing;
  timing.idle_timeout = std::chrono::minutes(1);
  stage.happens(broker::SessionRetimed{a, timing});
  stage.happens(broker::SessionClosed{a});
  stage.passes(std::chrono::seconds(59));
  CHECK(stopped(stage, before) == 0);
  stage.passes(std::chrono::seconds(2));
  CHECK(stopped(stage, before) == 1);
}

TEST_CASE("respecified: a server that no session has is stopped when its entry has changed") {
  Stage stage;
  stage.happens(broker::StartWanted{stage.spec()});
  stage.bring_up();
  const auto before = stage.server();
  stage.happens(broker::EntryChanged{"another"});
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 0);
  stage.happens(broker::EntryChanged{stage.spec().name});
  stage.passes(std::chrono::milliseconds(1));
  CHECK(stopped(stage, before) == 1);
}
