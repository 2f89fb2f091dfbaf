// Modern servers, with clients of both eras.
#include <doctest/doctest.h>

#include "modern_server_stage.h"

using test::Lines;
using test::ModernServerStage;

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

TEST_CASE_FIXTURE(ModernServerStage, "a server that says nothing to the question is not asked it again") {
  const auto a = open(asked());
  says(a, request(R"("d")", "server/discover"));
  starts();
  hears(server());
  passes(std::chrono::seconds(2));
  serves_result(
      hears(server()).at(0),
      R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"l","version":"1"}})");
  CHECK(hears(a).at(0).contains(R"("name":"l")"));
  CHECK(count<broker::NoteNoProbe>() == 1);
  hears(server());
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  says(a, request("1", "tools/list"));
  passes(std::chrono::seconds(1));
  starts();
  CHECK(hears(server()).at(0).contains(R"("initialize")"));
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
  const std::string& first = wire.back();
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
    CHECK(
        hears(a).at(0).contains(R"(agrees with Hearth on no protocol revision; it offers [\"2026-07-28\"])"));
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

TEST_CASE_FIXTURE(ModernServerStage, "a call that asks for a task where there are none gets the answer") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{}}})");
  serves_result(hears(server()).at(0), R"({"resultType":"complete","content":[]})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"content":[]}})"});
}
