// Modern clients on a legacy server.
#include <doctest/doctest.h>

#include <set>

#include "modern_stage.h"

using test::Lines;
using test::ModernStage;

TEST_CASE_FIXTURE(ModernStage, "discover starts the server and is answered from its initialize") {
  const auto a = open();
  says(a, request(R"("d")", "server/discover"));
  CHECK(hears(a).empty());
  bring_up(R"({"tools":{"listChanged":true},"tasks":{"list":{}}})");
  CHECK(
      hears(a) ==
      Lines{
          R"({"jsonrpc":"2.0","id":"d","result":{"resultType":"complete","supportedVersions":["2026-07-28",)"
          R"("2025-11-25","2025-06-18","2025-03-26","2024-11-05"],)"
          R"("capabilities":{"tools":{"listChanged":true}},)"
          R"("ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":)"
          R"({"name":"s","version":"1"}}}})"});
  says(a, request("2", "server/discover"));
  CHECK(hears(a).size() == 1);
  CHECK(broker.sessions().at(0).client == "m 1");
  CHECK(broker.sessions().at(0).revision == "2026-07-28");
}

TEST_CASE_FIXTURE(ModernStage,
                  "a call reaches the server as it knows calls, and comes back as a modern client does") {
  const auto a = modern();
  says(a, call("7", {},
               R"(,)"
               R"("progressToken":"p","x/y":1)"));
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"_meta":)"
                                 R"({"progressToken":3,"x/y":1},"name":"t","arguments":{"x":1}}})"});
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":1}})");
  serves(server(), R"({"jsonrpc":"2.0","id":3,"result":{"content":[],"_meta":{"k":1}}})");
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","method":"notifications/progress","params":{)"
              R"("progressToken":"p","progress":1}})",
              R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","_meta":)"
              R"({"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"},"k":1},"content":[]}})"});
}

TEST_CASE_FIXTURE(ModernStage, "a request without more than its claim carries no claim on") {
  const auto a = modern();
  says(a, request("1", "tools/list"));
  const Lines wire = hears(server());
  CHECK(wire == Lines{R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{}})"});
  serves_result(
      wire[0],
      R"({"tools":[{"name":"t","execution":{"taskSupport":"optional"},"title":"T"}, {"name":"u"}]})");
  const Lines heard = hears(a);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].contains(R"("resultType":"complete","ttlMs":0,"cacheScope":"private")"));
  CHECK(heard[0].contains(R"("tools":[{"name":"t","title":"T"},{"name":"u"}])"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "what 2026-07-28 has no more is not there; what it does not know goes through") {
  const auto a = modern();
  for (const char* method : {"ping", "initialize", "logging/setLevel", "resources/subscribe", "tasks/list"}) {
    CAPTURE(method);
    says(a, request("1", method, R"("uri":"x",)"));
    CHECK(hears(a).at(0).contains("-32601"));
  }
  CHECK(hears(server()).empty());
  says(a, request("2", "vendor/thing"));
  CHECK(hears(server()).at(0).contains("vendor/thing"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "a claim of another version, or half a claim, is answered as the protocol says") {
  const auto a = open();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/list",)"
          R"("params":{"_meta":{"io.modelcontextprotocol/protocolVersion":)"
          R"("2027-01-01",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  CHECK(hears(a).at(0).contains("-32022"));
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/list",)"
          R"("params":{"_meta":{"io.modelcontextprotocol/protocolVersion":)"
          R"("2026-07-28"}}})");
  CHECK(hears(a).at(0).contains("-32602"));
  CHECK(started.empty());
}

TEST_CASE_FIXTURE(ModernStage, "errors of the server are those of 2026-07-28") {
  const auto a = modern();
  const std::pair<const char*, const char*> rows[] = {
      {R"({"code":-32002,"message":"gone","data":{"uri":"x"}})",
       R"("error":{"code":-32602,"message":"gone","data":{"uri":"x"}})"},
      {R"({"code":-32021,"message":"m","data":{"requiredCapabilities":{"roots":{}}}})",
       R"("error":{"code":-32021,"message":"m","data":{"requiredCapabilities":{"roots":{}}}})"},
      {R"({"code":-32022,"message":"odd"})", R"("error":{"code":-32603,"message":"odd"})"},
      {R"({"code":-32000,"message":"own"})", R"("error":{"code":-32000,"message":"own"})"},
      {R"({"code":-32601,"message":"no"})", R"("error":{"code":-32601,"message":"no"})"}};
  for (const auto& [from, to] : rows) {
    says(a, request("1", "resources/read", R"("uri":"x",)"));
    serves(server(),
           R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).at(0)) + R"(,"error":)" + from + "}");
    CHECK(hears(a).at(0).contains(to));
  }
}

TEST_CASE_FIXTURE(ModernStage, "a long result is a complete one, too, whatever it says of itself") {
  const auto a = modern();
  const std::string content = R"("content":[{"type":"text","text":")" + std::string(100'000, 'x') + R"("}])";
  for (const std::string& result : {'{' + content + '}', R"({"_meta":{"own":1},)" + content + '}',
                                    R"({"resultType":"odd",)" + content + '}'}) {
    says(a, call("17"));
    const std::string id = id_of(hears(server()).at(0));
    serves(server(), R"({"result": )" + result + R"(,"jsonrpc":"2.0","id":)" + id + '}');
    const std::string answer = hears(a).at(0);
    const auto document = proto::json::parse(answer);
    REQUIRE(document.root);
    CHECK(id_of(answer) == "17");
    const auto* given = document.root->find("result");
    REQUIRE(given != nullptr);
    CHECK(given->find("resultType")->text == "complete");
    CHECK(given->find("ttlMs") == nullptr);
    CHECK(given->find("_meta")->find("io.modelcontextprotocol/serverInfo") != nullptr);
    CHECK((given->find("_meta")->find("own") != nullptr) == result.contains("own"));
    CHECK(answer.contains(content));
    CHECK(std::ranges::count(given->members, std::string("resultType"), &proto::json::Member::key) == 1);
  }
}

TEST_CASE_FIXTURE(ModernStage, "both eras live on one connection") {
  const auto a = modern();
  greet(a, "{}", "2025-06-18");
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  says(a, request("2", "prompts/list"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  serves_result(wire[0], R"({"tools":[]})");
  serves_result(wire[1], R"({"prompts":[]})");
  const Lines heard = hears(a);
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == R"({"jsonrpc":"2.0","id":1,"result":{"tools":[]}})");
  CHECK(heard[1].contains("resultType"));
}

TEST_CASE_FIXTURE(ModernStage, "a cancelled call is cancelled in the server, without the claim") {
  const auto a = modern();
  says(a, call("7"));
  hears(server());
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"_meta":{)" + claim +
              "}}}");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"("requestId":3)"));
  CHECK(!wire[0].contains("protocolVersion"));
  serves(server(), R"({"jsonrpc":"2.0","id":3,"result":{}})");
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage, "log lines reach the one call that wants them") {
  const auto a = modern();
  const auto b = modern();
  const std::string level = R"(,"io.modelcontextprotocol/logLevel":"warning")";
  const auto logs = [&](const char* at) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":")" +
                         std::string(at) + R"(","data":"x"}})");
  };
  says(a, call("1", {}, level));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[0].contains(R"("logging/setLevel","params":{"level":"warning"})"));
  CHECK(!wire[1].contains("logLevel"));
  logs("info");
  CHECK(hears(a).empty());
  logs("error");
  CHECK(hears(a).size() == 1);
  CHECK(hears(b).empty());
  says(b, call("1"));  // From now on a line may be about either,
  logs("error");
  CHECK(hears(a).empty());
  says(b, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  logs("error");  // also while the server may not have heard that only one is left.
  CHECK(hears(a).empty());
  passes(std::chrono::seconds(30));
  logs("error");
  CHECK(hears(a).size() == 1);
}

TEST_CASE_FIXTURE(ModernStage, "legacy and modern sessions share the server") {
  const auto a = modern();
  const auto b = ready();
  CHECK(started.size() == 1);
  says(a, call("1"));
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  serves_result(wire[1], R"({"of":"b"})");
  serves_result(wire[0], R"({"of":"a"})");
  CHECK(hears(b) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"of":"b"}})"});
  CHECK(hears(a).at(0).contains(R"("of":"a")"));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  CHECK(hears(b).size() == 1);
  CHECK(hears(a).empty());  // It did not ask to hear of that.
}

TEST_CASE_FIXTURE(ModernStage, "however many calls there are, each is sent under its own id") {
  const auto a = modern();
  const char* const levels[] = {"emergency", "alert",  "critical", "error",
                                "warning",   "notice", "info",     "debug"};
  std::set<std::string> ids;
  for (int i = 0; i < 400; ++i) {
    says(a, call(std::to_string(i), {},
                 i % 50 == 0 ? R"(,"io.modelcontextprotocol/logLevel":")" + std::string(levels[i / 50]) + '"'
                             : std::string()));
    for (const std::string& line : hears(server())) {
      CHECK(id_of(line).size() <= 3);
      CHECK(ids.insert(id_of(line)).second);
    }
  }
}
