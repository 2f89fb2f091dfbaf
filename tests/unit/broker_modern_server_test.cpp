// Modern servers, with clients of both eras.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using test::Lines;

const std::string claim =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},)"
    R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{},"url":{}}})";

struct ModernServerStage : test::Stage {
  core::ServerSpec asked() const {
    core::ServerSpec wanted = spec();
    wanted.probe = true;
    return wanted;
  }
  void discovers(const std::string& call) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(call) +
                         R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],)"
                         R"("capabilities":{"tools":)"
                         R"({"listChanged":true},"resources":{"subscribe":true},"logging":{}},)"
                         R"("instructions":"be kind","ttlMs":5,)"
                         R"("cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{)"
                         R"("name":"s",)"
                         R"("version":"3"}}}})");
  }
  void starts() {
    happens(broker::InstanceStarted{server(), 100});
    pending.clear();
  }
  // A legacy session that is ready on a modern server; what both heard so far is forgotten.
  core::SessionId legacy(
      const std::string& capabilities = R"({"elicitation":{"form":{},"url":{}},"roots":{}})") {
    const core::SessionId id = open(asked());
    says(id, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
             R"("capabilities":)" +
                 capabilities + R"(,"clientInfo":{"name":"old","version":"2"}}})");
    come_up();
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    acknowledge(hears(server()));
    hears(id);
    hears(server());
    return id;
  }
  void come_up() {
    if (pending.empty()) return;
    starts();
    discovers(hears(server()).at(0));
  }
  // The listen among these is granted what it asks for.
  void acknowledge(const Lines& wire) {
    for (const std::string& line : wire) {
      if (!line.contains("subscriptions/listen")) continue;
      const std::size_t at = line.find(R"("notifications":)");
      serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged",)"
                       R"("params":{)" +
                           line.substr(at, line.size() - at - 2) +
                           R"(,"_meta":{"io.modelcontextprotocol/subscriptionId":)" + id_of(line) + "}}}");
    }
  }
  static std::string request(const std::string& id, const std::string& method,
                             const std::string& params = {}) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
           R"("_meta":{)" + claim + "}}}";
  }
  void serves_result(const std::string& request, const std::string& result) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + result + "}");
  }
  void serves_error(const std::string& request, const std::string& error) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"error":)" + error + "}");
  }
};

}  // namespace

TEST_CASE_FIXTURE(ModernServerStage, "a server is asked what it is, and a modern one is greeted no further") {
  const auto a = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
          R"("capabilities":{},)"
          R"("clientInfo":{"name":"c","version":"1"}}})");
  starts();
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"("method":"server/discover")"));
  CHECK(wire[0].contains(R"("io.modelcontextprotocol/clientInfo":{"name":"hearth",)"));
  discovers(wire[0]);
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":)"
              R"({"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},)"
              R"("serverInfo":{"name":"s","version":"3"},"instructions":"be kind"}})"});
  for (const std::string& line : hears(server())) CHECK(line.contains("subscriptions/listen"));
  CHECK(broker.instances().at(0).revision == "2026-07-28");
}

TEST_CASE_FIXTURE(ModernServerStage, "whatever a legacy server says to that, it is greeted the old way") {
  for (const char* error : {R"({"code":-32601,"message":"no"})", R"({"code":-32602,"message":"early"})",
                            R"({"code":0,"message":"?"})",
                            R"({"code":-32022,"message":"v","data":{"supported":["2025-11-25"]}})"}) {
    CAPTURE(error);
    ModernServerStage stage;
    const auto a = stage.open(stage.asked());
    stage.says(a, request(R"("d")", "server/discover"));
    stage.starts();
    stage.serves_error(stage.hears(stage.server()).at(0), error);
    const Lines wire = stage.hears(stage.server());
    REQUIRE(wire.size() == 1);
    CHECK(wire[0].contains(R"("initialize")"));
    CHECK(!wire[0].contains("io.modelcontextprotocol/"));
  }
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a server that says it speaks legacy revisions only is greeted the old way") {
  const auto a = open(asked());
  says(a, request(R"("d")", "server/discover"));
  starts();
  serves_result(hears(server()).at(0), R"({"supportedVersions":["2025-11-25"],"capabilities":{}})");
  CHECK(hears(server()).at(0).contains(R"("initialize")"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a silent server that has little time to start is greeted within it") {
  core::ServerSpec wanted = asked();
  wanted.timing.start_timeout = std::chrono::seconds(1);
  const auto a = open(wanted);
  says(a, request(R"("d")", "server/discover"));
  starts();
  hears(server());
  passes(std::chrono::milliseconds(500));
  CHECK(hears(server()).at(0).contains(R"("initialize")"));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a silent server is greeted the old way after a while; a late answer counts") {
  const auto a = open(asked());
  says(a, request(R"("d")", "server/discover"));
  starts();
  const std::string probe = hears(server()).at(0);
  passes(std::chrono::seconds(2));
  const std::string initialize = hears(server()).at(0);
  CHECK(initialize.contains(R"("initialize")"));
  SUBCASE("as a modern server") {
    discovers(probe);
    CHECK(hears(a).at(0).contains("be kind"));
    serves_error(initialize, R"({"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}})");
    says(a, request("1", "tools/list"));
    CHECK(hears(server()).back().contains("tools/list"));
  }
  SUBCASE("as a modern server that refuses initialize first") {
    serves_error(initialize, R"({"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}})");
    CHECK(hears(a).empty());
    discovers(probe);
    CHECK(hears(a).at(0).contains("be kind"));
  }
  SUBCASE("as a legacy server") {
    serves_error(probe, R"({"code":-32601,"message":"no"})");
    serves_result(
        initialize,
        R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"l","version":"1"}})");
    CHECK(hears(a).at(0).contains(R"("name":"l")"));
    CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","method":"notifications/initialized"})"});
  }
}

TEST_CASE_FIXTURE(ModernServerStage, "a server that ends when it is asked is started again and not asked") {
  const auto a = open(asked());
  says(a, request(R"("d")", "server/discover"));
  starts();
  hears(server());
  happens(broker::InstanceExited{server(), "exited with status 1", "expected initialize"});
  CHECK(started.size() == 2);
  starts();
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"("initialize")"));
  serves_result(
      wire[0],
      R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"l","version":"1"}})");
  CHECK(hears(a).at(0).contains(R"("name":"l")"));
  CHECK(count<broker::NoteNoProbe>() == 1);
  CHECK(broker.instances().at(0).restarts == 0);
}

TEST_CASE_FIXTURE(
    ModernServerStage,
    "a legacy client's call says for whom it is, and its answer loses what that client has never heard of") {
  const auto a = legacy(R"({"roots":{"listChanged":true},"tasks":{},"elicitation":{}})");
  says(a, R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","_meta":{)"
          R"("progressToken":"p","k":1}}})");
  const std::string wire = hears(server()).at(0);
  CHECK(wire.contains(
      R"("params":{"_meta":{"progressToken":)" + id_of(wire) +
      R"(,"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"old","version":"2"},)"
      R"("io.modelcontextprotocol/clientCapabilities":{"roots":{},"elicitation":{}},"k":1},"name":"t"})"));
  serves_result(wire, R"({"resultType":"complete","content":[],"_meta":{"z":1},"ttlMs":1,)"
                      R"("cacheScope":"public"})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":"x","result":{"content":[],"_meta":{"z":1}}})"});
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  CHECK(hears(server()).at(0).contains(R"("params":{"_meta":{"io.modelcontextprotocol/protocolVersion")"));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a modern client's call goes through as it is, and so does what comes back") {
  const auto a = open(asked());
  says(a, request("1", "tools/call", R"("name":"t",)"));
  come_up();
  Lines wire = hears(server());
  REQUIRE(!wire.empty());
  const std::string first = wire.back();
  CHECK(first == R"({"jsonrpc":"2.0","id":)" + id_of(first) +
                     R"(,"method":"tools/call","params":{"name":"t","_meta":{)" + claim + "}}}");
  const std::string required = R"({"resultType":"input_required","requestState":"s","inputRequests":{}})";
  serves_result(first, required);
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":)" + required + "}"});
  const std::string back =
      request("2", "tools/call", R"("name":"t","requestState":"s","inputResponses":{},)");
  says(a, back);
  const std::string second = hears(server()).back();
  CHECK(second.substr(second.find("method")) == back.substr(back.find("method")));
  serves_error(second, R"({"code":-32021,"message":"m"})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":2,"error":{"code":-32021,"message":"m"}})"});
  says(a, request("3", "server/discover"));
  CHECK(hears(a).at(0).contains(R"("supportedVersions":["2026-07-28","2025-11-25",)"));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "progress that was held back is not told after the call that was made again") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{)"
          R"("progressToken":"p"}}})");
  const std::string first = hears(server()).at(0);
  happens(broker::SessionBlocked{a});
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                       id_of(first) + R"(,"progress":1}})");
  serves_result(first, R"({"resultType":"input_required","requestState":"s"})");
  passes(std::chrono::seconds(1));
  const std::string again = hears(server()).at(0);
  SUBCASE("but before it") {
    happens(broker::SessionUnblocked{a});
    CHECK(hears(a).at(0).contains(R"("progressToken":"p","progress":1)"));
  }
  SUBCASE("nor at all") {
    serves_result(again, "{}");
    CHECK(hears(a).size() == 1);
    happens(broker::SessionUnblocked{a});
    CHECK(hears(a).empty());
  }
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "input that a modern server wants is asked of a legacy client, and the call made again") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"x":1}}})");
  const std::string first = hears(server()).at(0);
  serves_result(first,
                R"({"resultType":"input_required","requestState":"s\"1","inputRequests":{"e":{"method":)"
                R"("elicitation/create","params":{"message":"?","requestedSchema":{}}},"u":{"method":)"
                R"("elicitation/create","params":{"mode":"url","url":"https://x","message":"go"}},)"
                R"("r":{"method":"roots/list"}}})");
  const Lines asks = hears(a);
  REQUIRE(asks.size() == 3);
  CHECK(asks[0].contains(R"("method":"elicitation/create","params":{"message":"?","requestedSchema":{}})"));
  CHECK(asks[1].contains(R"("elicitationId":"hearth-)"));
  CHECK(asks[2].contains(R"("method":"roots/list")"));
  const auto answers = [&](const std::string& ask, const std::string& body) {
    says(a, R"({"jsonrpc":"2.0","id":)" + id_of(ask) + "," + body + "}");
  };
  answers(asks[2], R"("error":{"code":-32601,"message":"none"})");
  answers(asks[0], R"("result":{"action":"accept","content":{"y":2}})");
  CHECK(hears(server()).empty());
  answers(asks[1], R"("result":{"action":"decline"})");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(id_of(wire[0]) != id_of(first));
  CHECK(wire[0].contains(R"("inputResponses":{"r":{"roots":[]},"e":{"action":"accept","content":{)"
                         R"("y":2}},"u":)"
                         R"({"action":"decline"}},"requestState":"s\"1","name":"t","arguments":{"x":1}})"));
  serves_result(wire[0], R"({"resultType":"complete","content":[]})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"});
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a server that asks for nothing is asked again later, but not for ever") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  std::string wire = hears(server()).at(0);
  for (int i = 0; i < 10; ++i) {
    serves_result(wire, R"({"resultType":"input_required","requestState":"s"})");
    CHECK(hears(server()).empty());
    passes(std::chrono::milliseconds(250));
    wire = hears(server()).at(0);
  }
  serves_result(wire, R"({"resultType":"input_required","requestState":"s"})");
  CHECK(hears(a).at(0).contains(R"("isError":true)"));
}

TEST_CASE_FIXTURE(ModernServerStage, "input that a legacy client cannot give fails the call") {
  const auto a = legacy("{}");
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"t"}})");
  serves_result(hears(server()).at(0),
                R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
                R"("params":{}}}})");
  CHECK(hears(a).at(0).contains("asked for input that the client has not said it can give"));
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}})");
  serves_error(hears(server()).at(0), R"({"code":-32021,"message":"needs elicitation"})");
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"needs elicitation"}],)"
              R"("isError":true}})"});
}

TEST_CASE_FIXTURE(ModernServerStage, "a cancelled call asks no further") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(hears(server()).at(0),
                R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
                R"("params":{}}}})");
  const std::string ask = hears(a).at(0);
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK(hears(a).at(0).contains(R"("requestId":)" + id_of(ask)));
  CHECK(hears(server()).empty());
  says(a, R"({"jsonrpc":"2.0","id":)" + id_of(ask) + R"(,"result":{"action":"accept"}})");
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernServerStage, "a level is kept for a legacy client and said with each of its calls") {
  const auto a = legacy();
  const auto b = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"notice"}})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{}})"});
  CHECK(hears(server()).empty());
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}})");
  says(b, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}})");
  const Lines wire = hears(server());
  CHECK(wire[0].contains(R"("io.modelcontextprotocol/logLevel":"notice")"));
  CHECK(!wire[1].contains("logLevel"));
  const std::string line =
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}})";
  serves(server(), line);
  CHECK(hears(a) == Lines{line});
  CHECK(hears(b).empty());
}

TEST_CASE_FIXTURE(ModernServerStage, "one listen serves all, and changes without a gap") {
  const auto a = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
          R"("capabilities":{},"clientInfo":{"name":"old","version":"2"}}})");
  come_up();
  says(a, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  hears(a);
  const std::string first = hears(server()).at(0);
  CHECK(first.contains(R"("notifications":{"toolsListChanged":true}})"));
  acknowledge({first});
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string second = hears(server()).at(0);
  CHECK(second.contains(R"("notifications":{"toolsListChanged":true,"resourceSubscriptions":["u"]}})"));
  CHECK(hears(a).empty());
  // Meanwhile somebody wants something else.
  const auto b = open(asked());
  says(b, request(R"("l")", "subscriptions/listen",
                  R"("notifications":{"resourceSubscriptions":["u",)"
                  R"("v"]},)"));
  CHECK(hears(server()).empty());
  acknowledge({second});
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{}})"});
  Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[0].contains(R"("requestId":)" + id_of(first)));
  CHECK(wire[1].contains(R"("resourceSubscriptions":["u","v"]}})"));
  acknowledge({wire[1]});
  CHECK(hears(b).at(0).contains(R"("notifications":{"resourceSubscriptions":["u","v"]})"));
  CHECK(hears(server()).at(0).contains("notifications/cancelled"));
  const auto told_on = [&](const std::string& listen, const std::string& method, const std::string& params) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/)" + method + R"(","params":{)" + params +
                         R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" + id_of(listen) + "}}}");
  };
  told_on(second, "tools/list_changed", "");  // The one that was replaced: it is told on the new one, too.
  CHECK(hears(a).empty());
  told_on(wire[1], "resources/updated", R"("uri":"u",)");
  told_on(wire[1], "tools/list_changed", "");
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})",
              R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"});
  CHECK(hears(b).at(0).contains(R"("io.modelcontextprotocol/subscriptionId":"l")"));
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"resources/unsubscribe","params":{"uri":"u"}})");
  CHECK(hears(server()).empty());  // The listen of the other still wants it.
  happens(broker::SessionClosed{b});
  CHECK(hears(server()).at(0).contains(R"("notifications":{"toolsListChanged":true}})"));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a resource that the server does not grant is refused to who wanted it") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string listen = hears(server()).at(0);
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{)"
                   R"("notifications":{},)"
                   R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" +
                       id_of(listen) + "}}}");
  CHECK(hears(a).at(0).contains("does not tell of changes of this resource"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a listen that breaks is opened again, and everybody looks again") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string listen = hears(server()).at(0);
  acknowledge({listen});
  hears(a);
  hears(server());
  serves_error(listen, R"({"code":-32603,"message":"the stream ended"})");
  CHECK(hears(server()).empty());
  passes(std::chrono::seconds(1));
  const std::string again = hears(server()).at(0);
  CHECK(again.contains(R"("resourceSubscriptions":["u"])"));
  acknowledge({again});
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})",
              R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})"});
}

TEST_CASE_FIXTURE(ModernServerStage, "a server may be of another era after a restart") {
  const auto a = legacy();
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  passes(std::chrono::seconds(1));
  starts();
  serves_error(hears(server()).at(0), R"({"code":-32601,"message":"no"})");
  serves_result(hears(server()).at(0),
                R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"l",)"
                R"("version":"1"}})");
  const Lines wire = hears(server());
  CHECK(wire.back() == R"({"jsonrpc":"2.0","id":)" + id_of(wire.back()) +
                           R"(,"method":"tools/call","params":{"name":"t"}})");
}

TEST_CASE_FIXTURE(ModernServerStage, "what a modern server must not ask is not answered") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  hears(server());
  serves(server(), R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?"}})");
  CHECK(hears(a).empty());
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a modern server that refuses the question at first is asked once more") {
  const auto a = open(asked());
  says(a, request(R"("d")", "server/discover"));
  starts();
  const std::string no = R"({"code":-32022,"message":"v","data":{"supported":["2026-07-28"]}})";
  serves_error(hears(server()).at(0), no);
  const std::string again = hears(server()).at(0);
  CHECK(again.contains("server/discover"));
  SUBCASE("and answers") {
    discovers(again);
    CHECK(hears(a).at(0).contains("be kind"));
  }
  SUBCASE("and refuses again") {
    serves_error(again, no);
    happens(broker::InstanceExited{server(), "was killed by SIGTERM", ""});
    CHECK(hears(a).at(0).contains(
        R"(speaks only revisions that Hearth does not agree with it on: [\"2026-07-28\"])"));
  }
}

TEST_CASE_FIXTURE(ModernServerStage, "calls of a modern server take no turns, whatever its entry says") {
  core::ServerSpec serial = asked();
  serial.interactive = core::Interactive::serialise;
  const auto a = open(serial);
  const auto b = open(serial);
  says(a, request("1", "tools/call", R"("name":"t",)"));
  says(b, request("1", "tools/call", R"("name":"t",)"));
  come_up();
  const Lines wire = hears(server());
  CHECK(std::ranges::count_if(wire, [](const std::string& line) { return line.contains("tools/call"); }) ==
        2);
}

TEST_CASE_FIXTURE(ModernServerStage, "a structured result that is no object is wrapped for a legacy client") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(hears(server()).at(0), R"({"resultType":"complete","content":[],"structuredContent":[1]})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"[1]"}],)"
                          R"("structuredContent":{"result":[1]}}})"});
}

TEST_CASE_FIXTURE(ModernServerStage, "over HTTP a listen that was replaced is heard a moment longer") {
  core::ServerSpec web = asked();
  web.link = core::Link::streamable;
  const auto a = open(web);
  says(a, request(R"("l")", "subscriptions/listen", R"("notifications":{"toolsListChanged":true},)"));
  happens(broker::InstanceStarted{server(), 1});
  happens(broker::InstanceAnswers{server()});
  happens(broker::InstanceStarted{server(), 0});
  discovers(hears(server()).at(0));
  const std::string first = hears(server()).at(0);
  acknowledge({first});
  says(a, request(R"("m")", "subscriptions/listen", R"("notifications":{"resourceSubscriptions":["u"]},)"));
  acknowledge({hears(server()).at(0)});
  CHECK(hears(server()).empty());
  hears(a);
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":)"
                   R"({"io.modelcontextprotocol/subscriptionId":)" +
                       id_of(first) + "}}}");
  CHECK(hears(a).size() == 1);
  passes(std::chrono::seconds(1));
  CHECK(hears(server()).at(0).contains(R"("requestId":)" + id_of(first)));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "what waited for the server and only a legacy one knows is not said to it") {
  const auto a = legacy();
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  says(a, R"({"jsonrpc":"2.0","method":"notifications/acme/x"})");
  happens(broker::StopWanted{"files"});
  const auto b = open(asked());
  says(b, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
          R"("capabilities":{},"clientInfo":{"name":"old","version":"2"}}})");
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tasks/list"})");
  says(b, R"({"jsonrpc":"2.0","method":"notifications/acme/x"})");
  passes(std::chrono::seconds(1));
  come_up();
  CHECK(hears(b).back().contains("-32601"));
  for (const std::string& line : hears(server())) CHECK(line.contains("subscriptions/listen"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a server that does not come up is not waited for twice") {
  core::ServerSpec slow = asked();
  slow.timing.start_timeout = std::chrono::seconds(1);
  const auto a = open(slow);
  says(a, request("1", "tools/list"));
  starts();
  now += std::chrono::seconds(1);
  broker.tick(now);
  now += std::chrono::seconds(9);
  broker.tick(now);
  CHECK((!broker.deadline() || *broker.deadline() > now));
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a call that has been answered with questions is not answered once more") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  const std::string wire = hears(server()).at(0);
  const std::string asks =
      R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
      R"("params":{}}}})";
  serves_result(wire, asks);
  CHECK(hears(a).size() == 1);
  serves_result(wire, asks);
  serves_result(wire, "{}");
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"result":nonsense})");
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernServerStage, "who leaves while he is asked is told nothing any more") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(hears(server()).at(0),
                R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
                R"("params":{}}}})");
  CHECK(hears(a).size() == 1);
  happens(broker::SessionClosed{a});
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "a server that has refused initialize is asked what it is for as long as it takes") {
  const auto a = open(spec());
  says(a, request("1", "tools/list"));
  starts();
  serves_error(hears(server()).at(0),
               R"({"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}})");
  const std::string probe = hears(server()).at(0);
  passes(std::chrono::seconds(20));
  CHECK(hears(server()).empty());
  discovers(probe);
  CHECK(hears(server()).back().contains("tools/list"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a listen that ends before it began fails who waited, and nobody else") {
  const auto a = legacy();
  const auto b = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  acknowledge(hears(server()));
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{}})"});
  hears(server());
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"v"}})");
  serves_result(hears(server()).at(0), R"({"resultType":"complete"})");
  CHECK(hears(b).at(0).contains(R"("error":{"code":-32602,)"));
  passes(std::chrono::seconds(1));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})");
  CHECK(hears(a).back().contains(R"("uri":"u")"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a listen is told what it was granted by the process that granted it") {
  const auto a = legacy();
  const auto b = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  acknowledge(hears(server()));
  hears(server());
  says(b, request(R"("l")", "subscriptions/listen",
                  R"("notifications":{"resourceSubscriptions":["u",)"
                  R"("v"]},)"));
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  passes(std::chrono::seconds(1));
  starts();
  discovers(hears(server()).back());
  serves_error(hears(server()).at(0), R"({"code":-32603,"message":"not now"})");
  CHECK(hears(b).at(0).contains(R"("notifications":{})"));
  passes(std::chrono::seconds(1));
  acknowledge(hears(server()));
  hears(a);
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})");
  CHECK(hears(a).size() == 1);
  CHECK(hears(b).empty());
}

TEST_CASE_FIXTURE(ModernServerStage, "a listen is acknowledged without what the server took back before") {
  const auto a = legacy();
  const auto b = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string first = hears(server()).at(0);
  acknowledge({first});
  hears(server());
  says(b,
       request(R"("l")", "subscriptions/listen", R"("notifications":{"resourceSubscriptions":["u","v"]},)"));
  const std::string second = hears(server()).back();
  const auto grants_v = [&](const std::string& listen) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":)"
                     R"({"notifications":{"resourceSubscriptions":["v"]},"_meta":)"
                     R"({"io.modelcontextprotocol/subscriptionId":)" +
                         id_of(listen) + "}}}");
  };
  serves_result(first, R"({"resultType":"complete"})");  // From now on nothing holds any more.
  grants_v(second);
  const std::string third = hears(server()).at(0);
  CHECK(third.contains(R"("resourceSubscriptions":["u","v"])"));
  CHECK(hears(b).empty());
  grants_v(third);
  CHECK(hears(b).at(0).contains(R"("notifications":{"resourceSubscriptions":["v"]})"));
}

TEST_CASE_FIXTURE(ModernServerStage, "after a gap between two listens everybody looks again") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string first = hears(server()).at(0);
  acknowledge({first});
  hears(a);
  hears(server());
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"v"}})");
  const std::string second = hears(server()).at(0);
  serves_result(first, R"({"resultType":"complete"})");
  acknowledge({second});
  const Lines heard = hears(a);
  CHECK(std::ranges::any_of(heard,
                            [](const std::string& line) { return line.contains("tools/list_changed"); }));
  CHECK(std::ranges::any_of(heard, [](const std::string& line) { return line.contains(R"("uri":"u")"); }));
  CHECK(std::ranges::any_of(heard, [](const std::string& line) {
    return line.contains(R"("id":2,)"
                         R"("result":{})");
  }));
}

TEST_CASE_FIXTURE(ModernServerStage, "a client that wants to hear less hears less at once") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}})");
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}})");
  says(a, R"({"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"error"}})");
  hears(a);
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})");
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernServerStage, "who asks for a task where there are none gets the answer") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{}}})");
  serves_result(hears(server()).at(0), R"({"resultType":"complete","content":[]})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"});
}
