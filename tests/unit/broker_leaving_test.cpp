// How sessions and servers end, or wait for what comes next: the end of a client's input, a stop before
// initialize is answered, the end of the daemon, and a server that asks and does not read.
#include <doctest/doctest.h>

#include "broker_fixture.h"

using broker::DaemonLeaves;
using test::Lines;
using test::Page;
using test::Stage;

namespace {

std::string call(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{}})";
}
std::string result(std::string_view id, std::string_view value = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(value) + "}";
}
std::string initialize(std::string_view id, std::string_view capabilities = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) +
         R"(,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":)" +
         std::string(capabilities) + "}}";
}
const std::string question =
    R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}})";

// The sentences that a session's person was told.
Lines told(const Stage& stage) {
  Lines all;
  for (const broker::Action& action : stage.actions) {
    if (const auto* tell = std::get_if<broker::TellSession>(&action)) all.push_back(tell->text);
  }
  return all;
}

}  // namespace

TEST_CASE("a client that has closed its input is owed what it has asked for") {
  Stage stage;
  const auto a = stage.open();
  CHECK(stage.broker.owed(a) == 0);
  stage.says(a, initialize("1"));
  stage.says(a, call("2"));
  stage.happens(broker::SessionInputEnded{a});
  CHECK(stage.broker.owed(a) == 2);
  stage.bring_up();
  CHECK(stage.broker.owed(a) == 1);
  stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).back())));
  CHECK(stage.broker.owed(a) == 0);
  CHECK(stage.hears(a).size() == 2);
}

TEST_CASE("a listen that is open is not waited for") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{)"
                R"("toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  CHECK(stage.broker.owed(a) == 1);
  stage.bring_up(R"({"tools":{"listChanged":true}})");
  REQUIRE(stage.hears(a).size() == 1);  // It is open.
  CHECK(stage.broker.owed(a) == 0);
}

TEST_CASE("a client that has closed its input is not waited for with questions") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), R"({"elicitation":{}})");
  stage.says(a, call("1"));
  SUBCASE("asked before") {
    stage.serves(stage.server(), question);
    stage.happens(broker::SessionInputEnded{a});
  }
  SUBCASE("asked later") {
    stage.happens(broker::SessionInputEnded{a});
    stage.serves(stage.server(), question);
  }
  stage.passes({});
  CHECK(stage.hears(stage.server()).back() == result(R"("q")", R"({"action":"cancel"})"));
}

TEST_CASE("an initialize without an answer outlives a stop: the server is started for it again") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  SUBCASE("stop") {
    stage.happens(broker::StopWanted{"files"});
  }
  SUBCASE("restart") {
    stage.happens(broker::RestartWanted{"files"});
  }
  SUBCASE("a stop that overtakes a restart") {
    stage.happens(broker::RestartWanted{"files"});
    stage.happens(broker::StopWanted{"files"});
  }
  CHECK(stage.hears(a).empty());
  CHECK(stage.started.size() == 1);
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  CHECK(stage.started.size() == 2);
  stage.pending = {stage.server()};
  stage.bring_up();
  CHECK(stage.hears(a).at(0).contains(R"("id":1,"result")"));
}

TEST_CASE("an initialize without an answer outlives a stop between two attempts to start") {
  Page page;
  {
    Stage stage;
    stage.greet(stage.open(stage.spec(), &page), "{}", "2025-11-25");
  }
  Stage next;  // A session that was served before, so that the server is tried again.
  const auto a = next.open(next.spec(), &page);
  next.happens(broker::InstanceExited{next.server(), "was killed by SIGSEGV", ""});
  next.pending.clear();
  const auto b = next.open();
  next.says(b, initialize("1"));
  CHECK(next.broker.instances().at(0).state == "restarting");
  next.happens(broker::StopWanted{"files"});
  CHECK(next.started.size() == 2);
  CHECK(next.hears(b).empty());
  next.bring_up();
  CHECK(next.hears(b).at(0).contains(R"("id":1,"result")"));
  CHECK(next.broker.owed(a) == 0);
}

TEST_CASE("an initialize without an answer outlives the daemon, and nothing is started any more") {
  Page page;
  {
    Stage stage;
    const auto a = stage.open(stage.spec(), &page);
    stage.says(a, initialize("1"));
    SUBCASE("the server starts") {}
    SUBCASE("the server has just ended") {
      stage.happens(broker::StopWanted{"files"});
    }
    stage.happens(DaemonLeaves{DaemonLeaves::Sessions::find_the_next});
    stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGTERM", ""});
    const auto b = stage.open();
    stage.says(b, initialize("2"));
    stage.passes(std::chrono::minutes(1));
    CHECK(stage.hears(a).empty());
    CHECK(stage.hears(b).empty());
    CHECK(stage.started.size() == 1);
    CHECK(told(stage).size() == 1);  // That it starts.
  }
  Stage next;
  const auto a = next.open(next.spec(), &page);
  next.bring_up();
  CHECK(next.hears(a).at(0).contains(R"("id":1,"result")"));
}

TEST_CASE("calls are answered when the daemon ends, and a shutdown answers initialize, too") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.open();
  stage.says(a, call("1"));
  stage.happens(broker::RestartWanted{"files"});
  stage.says(b, initialize("2"));  // Answered with what is known of the server.
  stage.hears(b);
  core::ServerSpec other = stage.spec();
  other.args = {"other"};
  const auto c = stage.open(other);
  stage.says(c, initialize("3"));
  stage.happens(DaemonLeaves{DaemonLeaves::Sessions::rest});
  CHECK(stage.hears(a).at(0).contains("the daemon is ending; ask again"));
  CHECK(stage.hears(c).at(0).contains("the daemon is ending; ask again"));
  CHECK(told(stage).back() == "server files: the daemon is ending; ask again");
}

TEST_CASE("a sentence about a server is never empty") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  stage.happens(broker::InstanceStarted{stage.server(), 100});
  SUBCASE("its own refusal") {
    const std::string id = Stage::id_of(stage.hears(stage.server()).back());
    stage.serves(stage.server(),
                 R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":-1,"message":"no licence"}})");
    stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
    CHECK(told(stage).size() == 2);
  }
  SUBCASE("its end") {
    stage.happens(broker::InstanceExited{stage.server(), "exited with status 7", ""});
    CHECK(told(stage).back() == "server files: exited with status 7");
  }
  SUBCASE("the daemon's end") {
    stage.happens(DaemonLeaves{DaemonLeaves::Sessions::rest});
    CHECK(told(stage).back() == "server files: the daemon is ending; ask again");
  }
  for (const std::string& sentence : told(stage)) CHECK_FALSE(sentence.ends_with(": "));
}

TEST_CASE("a server that asks and does not read is ended, and its calls are told why") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, call("1"));
  stage.happens(broker::InstanceBlocked{stage.server()});
  stage.happens(broker::InstanceOverflowed{stage.server(), 20'000'000});
  CHECK(stage.count<broker::StopInstance>() == 1);
  stage.happens(broker::InstanceOverflowed{stage.server(), 30'000'000});
  CHECK(stage.count<broker::StopInstance>() == 1);
  stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGTERM", ""});
  const Lines heard = stage.hears(a);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].contains("was stopped because it does not read its stdin: 20000000 bytes wait for it"));
  CHECK(stage.broker.instances().at(0).trouble.contains("does not read its stdin"));
}

TEST_CASE("parameters that are no object are refused, and never reach a server that trusts its SDK") {
  Stage stage;
  const auto a = stage.ready();
  for (const std::string wrong : {"3", "\"x\"", "true", "[]", "[{}]"}) {
    CAPTURE(wrong);
    for (const std::string method : {"tools/call", "tools/list", "acme/other", "initialize"}) {
      stage.says(a, R"({"jsonrpc":"2.0","id":5,"method":")" + method + R"(","params":)" + wrong + "}");
      CHECK(stage.hears(a).at(0).starts_with(R"({"jsonrpc":"2.0","id":5,"error":{"code":-32600)"));
    }
    stage.says(a, R"({"jsonrpc":"2.0","method":"acme/notice","params":)" + wrong + "}");
    stage.serves(stage.server(),
                 R"({"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":)" + wrong + "}");
    CHECK(stage.hears(a).empty());
    const Lines wire = stage.hears(stage.server());
    REQUIRE(wire.size() == 1);
    CHECK(wire[0].starts_with(R"({"jsonrpc":"2.0","id":"s","error":{"code":-32600)"));
  }
  stage.says(a, R"([{"jsonrpc":"2.0","id":6,"method":"tools/call","params":3}])");
  CHECK(stage.hears(a).at(0).contains("-32600"));
  CHECK(stage.hears(stage.server()).empty());
  // Some clients spell none so.
  stage.says(a, R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":null})");
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"("params":{})"));
}
