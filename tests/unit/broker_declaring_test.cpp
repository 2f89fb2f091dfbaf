// What a legacy server is told that clients can do.
#include <doctest/doctest.h>

#include "modern_stage.h"

using test::Lines;

namespace {

struct DeclaringStage : test::ModernStage {
  static std::string initialize(const std::string& capabilities) {
    return R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
           R"("capabilities":)" +
           capabilities + R"(,"clientInfo":{"name":"test","version":"1"}}})";
  }
  // The capabilities in the initialize that the process gets which was asked for last.
  std::string told_at_start() {
    happens(broker::InstanceStarted{server(), 100});
    const Lines heard = hears(server());
    REQUIRE(!heard.empty());
    const auto document = proto::json::parse(heard.back());
    const auto* params = document.root->find("params");
    REQUIRE(params != nullptr);
    const auto* capabilities = params->find("capabilities");
    REQUIRE(capabilities != nullptr);
    to_instance[server()].push_back(heard.back());
    return heard.back().substr(capabilities->at, capabilities->length);
  }
  std::string told_to(core::ServerSpec wanted, const std::string& capabilities) {
    says(open(std::move(wanted)), initialize(capabilities));
    return told_at_start();
  }
  std::string told_to(const std::string& capabilities) { return told_to(spec(), capabilities); }
};

}  // namespace

TEST_CASE_FIXTURE(DeclaringStage, "a server with one session is told what that session's client can do") {
  SUBCASE("nothing that it could be asked") {
    CHECK(told_to("{}") == R"({"roots":{"listChanged":true}})");
  }
  SUBCASE("forms") {
    CHECK(told_to(R"({"elicitation":{}})") == R"({"roots":{"listChanged":true},"elicitation":{"form":{}}})");
  }
  SUBCASE("URLs") {
    CHECK(told_to(R"({"elicitation":{"url":{}}})") ==
          R"({"roots":{"listChanged":true},"elicitation":{"url":{}}})");
  }
  SUBCASE("sampling, as it spells that") {
    CHECK(told_to(R"({"sampling":{"tools":{}}})") ==
          R"({"roots":{"listChanged":true},"sampling":{"tools":{}}})");
  }
  SUBCASE("alone, roots only if it has them") {
    core::ServerSpec alone = spec();
    alone.scope = core::Scope::session;
    CHECK(told_to(alone, "{}") == "{}");
  }
  SUBCASE("and what its entry says") {
    core::ServerSpec more = spec();
    more.extra_capabilities = {"elicitation", "sampling"};
    CHECK(told_to(more, "{}") ==
          R"({"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}},"sampling":{}})");
  }
  SUBCASE("a modern one") {
    says(open(), R"({"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{)"
                 R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                 R"("io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}})");
    CHECK(told_at_start() == R"({"roots":{"listChanged":true},"sampling":{}})");
  }
}

TEST_CASE_FIXTURE(DeclaringStage, "a server is told what all sessions can that it has when it starts") {
  says(open(), initialize(R"({"elicitation":{}})"));
  says(open(), initialize(R"({"sampling":{}})"));
  CHECK(told_at_start() == R"({"roots":{"listChanged":true},"elicitation":{"form":{}},"sampling":{}})");
}

TEST_CASE_FIXTURE(DeclaringStage, "a server with sessions goes on as it was told, until it is restarted") {
  const auto a = ready(spec(), "{}");
  const auto b = ready(spec(), R"({"elicitation":{}})");
  CHECK(count<broker::StopInstance>() == 0);
  CHECK(started.size() == 1);
  CHECK(broker.sharing().groups.at(0).undeclared == Lines{"elicitation by form"});
  // It may be asked all the same, if the server does.
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  hears(server());
  asks("9", "elicitation/create", R"({"message":"?"})");
  CHECK(hears(b).size() == 1);
  happens(broker::RestartWanted{"files"});
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  CHECK(told_at_start() == R"({"roots":{"listChanged":true},"elicitation":{"form":{}}})");
  CHECK(broker.sharing().groups.at(0).undeclared.empty());
  hears(a);
}

TEST_CASE_FIXTURE(DeclaringStage,
                  "a server without sessions is started anew for one that it was told otherwise of") {
  const auto a = ready(spec(), R"({"elicitation":{}})");
  happens(broker::SessionClosed{a});
  SUBCASE("for one whose client can be asked the same it goes on") {
    ready(spec(), R"({"elicitation":{"form":{}},"roots":{},"experimental":{"x":{}}})");
    CHECK(count<broker::StopInstance>() == 0);
  }
  SUBCASE("for another it does not") {
    const auto b = open();
    says(b, initialize("{}"));
    says(b, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(b);
    CHECK(count<broker::StopInstance>() == 1);
    says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
    hears(server());
    happens(broker::InstanceExited{server(), "exited with status 0", ""});
    CHECK(started.size() == 2);
    CHECK(told_at_start() == R"({"roots":{"listChanged":true}})");
    bring_up();
    CHECK(hears(server()).back().contains("tools/call"));
    for (const std::string& line : hears(b)) CHECK(line.contains("list_changed"));  // Nothing failed.
  }
  SUBCASE("for a modern one neither") {
    says(open(), R"({"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{)"
                 R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                 R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
    CHECK(count<broker::StopInstance>() == 1);
  }
}
