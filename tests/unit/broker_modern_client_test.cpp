// Modern clients on a legacy server.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using test::Lines;

const std::string claim = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                          R"("io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},)"
                          R"("io.modelcontextprotocol/clientCapabilities":{)"
                          R"("elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}})";

struct ModernStage : test::Stage {
  // `params`: members beside _meta, with a comma behind them; `meta`: beside the claim, with a comma before.
  static std::string request(const std::string& id, const std::string& method, const std::string& params = {},
                             const std::string& meta = {}) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
           R"("_meta":{)" + claim + meta + "}}}";
  }
  static std::string call(const std::string& id, const std::string& more = {}, const std::string& meta = {}) {
    return request(id, "tools/call", R"("name":"t","arguments":{"x":1},)" + more, meta);
  }
  // A modern client on a server that runs and has been asked something.
  core::SessionId modern() {
    const core::SessionId id = open();
    says(id, request(R"("d")", "server/discover"));
    bring_up(
        R"({"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true,"listChanged":true},)"
        R"("logging":{},"tasks":{"list":{}}})");
    hears(id);
    hears(server());
    return id;
  }
  void serves_result(const std::string& request, const std::string& result) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + result + "}");
  }
  void asks(const std::string& id, const std::string& method, const std::string& params) {
    serves(server(),
           R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}");
  }
  static std::string ticket_of(const std::string& answer) {
    const auto document = proto::json::parse(answer);
    const auto* result = document.root->find("result");
    REQUIRE(result != nullptr);
    CHECK(result->string_or("resultType", "") == "input_required");
    return std::string(result->string_or("requestState", ""));
  }
  std::string asked_in_a_round(core::SessionId client) {
    passes(std::chrono::milliseconds(20));
    const Lines heard = hears(client);
    REQUIRE(heard.size() == 1);
    return heard[0];
  }
};

}  // namespace

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
  says(b, call("1"));  // From now on a line may be about either.
  logs("error");
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage,
                  "a question ends the call with a ticket; who comes back with it gets the answer") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("\"e\"", "elicitation/create",
       R"({"message":"Sure?","requestedSchema":{"type":"object"},"_meta":{"progressToken":3}})");
  asks("4", "sampling/createMessage", R"({"messages":[],"maxTokens":1})");
  CHECK(hears(a).empty());  // There may be more.
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains(R"("inputRequests":{"q1":{"method":"elicitation/create","params":{"message":"Sure?",)"
                       R"("requestedSchema":{"type":"object"}}},"q2":{"method":"sampling/createMessage",)"));
  const std::string ticket = ticket_of(round);
  says(a, call("2", R"("requestState":")" + ticket +
                        R"(","inputResponses":{"q1":{"action":"accept","content":{"y":1}},)"
                        R"("q2":{"role":"assistant"},"z":1},)"));
  CHECK(hears(server()) ==
        Lines{R"({"jsonrpc":"2.0","id":"e","result":{"action":"accept","content":{"y":1}}})",
              R"({"jsonrpc":"2.0","id":4,"result":{"role":"assistant"}})"});
  serves_result(wire, R"({"content":[]})");
  const Lines heard = hears(a);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].starts_with(R"({"jsonrpc":"2.0","id":2,"result":{"resultType":"complete")"));
}

TEST_CASE_FIXTURE(ModernStage, "a ticket presented twice is answered twice and runs nothing") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  const std::string back =
      R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"decline"}},)";
  says(a, call("2", back));
  serves_result(wire, R"({"content":[]})");
  const std::string first = hears(a).at(0);
  hears(server());
  says(a, call("3", back));
  const std::string again = hears(a).at(0);
  CHECK(again.substr(again.find("result")) == first.substr(first.find("result")));
  CHECK(hears(server()).empty());
  passes(std::chrono::minutes(3));
  says(a, call("4", back));
  CHECK(hears(a).at(0).contains("-32602"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a ticket is good for its call only") {
  const auto a = modern();
  const auto b = open();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = R"("requestState":")" + ticket_of(asked_in_a_round(a)) + R"(",)";
  hears(server());
  const std::string others[] = {request("2", "tools/call", R"("name":"t","arguments":{"x":2},)" + ticket),
                                request("2", "prompts/get", R"("name":"t","arguments":{"x":1},)" + ticket),
                                call("2", R"("requestState":"hearth-0000",)")};
  for (const std::string& other : others) {
    says(a, other);
    CHECK(hears(a).at(0).contains("invalid or expired requestState"));
  }
  CHECK(hears(server()).empty());
  // Another connection of the same person may bring it back.
  says(b, call("9", ticket + R"("inputResponses":{"q1":{"action":"cancel"}},)"));
  CHECK(hears(server()).at(0).contains(R"({"action":"cancel"})"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "what is not answered is asked again, and further questions make further rounds") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"one"})");
  const std::string first = ticket_of(asked_in_a_round(a));
  asks("2", "elicitation/create", R"({"message":"two"})");  // While the client is away.
  CHECK(hears(a).empty());
  says(a, call("2", R"("requestState":")" + first + R"(",)"));
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains("one"));
  CHECK(round.contains("two"));
  const std::string second = ticket_of(round);
  CHECK(second != first);
  says(a, call("3", R"("requestState":")" + second +
                        R"(","inputResponses":{"q1":{"action":"accept"},"q2":{"action":"accept"}},)"));
  CHECK(hears(server()).size() == 2);
  // The earlier ticket still tells what it told.
  says(a, call("4", R"("requestState":")" + first + R"(",)"));
  CHECK(ticket_of(hears(a).at(0)) == second);
  serves_result(wire, R"({"content":[]})");
  CHECK(hears(a).at(0).contains(R"("id":3)"));
}

TEST_CASE_FIXTURE(ModernStage, "a call that ends while its client is away is told when that comes back") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  serves_result(wire, R"({"content":[],"isError":true})");
  CHECK(hears(a).empty());
  hears(server());
  says(a, call("2", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  CHECK(hears(a).at(0).contains(R"("isError":true)"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage, "nobody comes back: the server is told, and the ticket is worth nothing") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  asks("2", "sampling/createMessage", R"({"messages":[],"maxTokens":1})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  hears(server());
  passes(std::chrono::minutes(10));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 3);
  CHECK(wire[0] == R"({"jsonrpc":"2.0","id":1,"result":{"action":"cancel"}})");
  CHECK(wire[1].contains(R"("code":-1)"));
  CHECK(wire[2].contains("notifications/cancelled"));
  says(a, call("2", R"("requestState":")" + ticket + R"(",)"));
  CHECK(hears(a).at(0).contains("-32602"));
}

TEST_CASE_FIXTURE(ModernStage, "a client that leaves for good gives up what it had parked") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  asked_in_a_round(a);
  hears(server());
  happens(broker::SessionClosed{a});
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[1].contains("notifications/cancelled"));
}

TEST_CASE_FIXTURE(ModernStage, "the server ends while a client is away: that is what it hears") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  CHECK(hears(a).empty());
  says(a, call("2", R"("requestState":")" + ticket + R"(",)"));
  CHECK(hears(a).at(0).contains("SIGSEGV"));
}

TEST_CASE_FIXTURE(ModernStage, "what the client has not declared it is not asked") {
  const auto a = modern();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{)"
          R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  hears(server());
  asks("1", "elicitation/create", R"({"message":"?"})");
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"action":"cancel"}})"});
  passes(std::chrono::seconds(1));
  CHECK(hears(a).empty());
  serves(server(), R"({"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"nobody to ask"}})");
  CHECK(hears(a).at(0).contains(R"("code":-32021,)"));
}

TEST_CASE_FIXTURE(ModernStage, "roots are asked for in a round, and join those of others") {
  const auto a = modern();
  says(a, call("1"));
  hears(server());
  asks("1", "roots/list", "{}");
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains(R"({"q1":{"method":"roots/list"}})"));
  says(a, call("2", R"("requestState":")" + ticket_of(round) +
                        R"(","inputResponses":{"q1":{"roots":[{"uri":"file:///w"}]}},)"));
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"roots":[{"uri":"file:///w"}]}})"});
}

TEST_CASE_FIXTURE(ModernStage, "calls of modern clients that can lead to questions take turns one by one") {
  const auto a = modern();
  says(a, call("1"));
  says(a, call("2"));
  const Lines both = hears(server());
  REQUIRE(both.size() == 2);
  asks("1", "elicitation/create", R"({"message":"?"})");  // Of which of the two?
  CHECK(hears(server()).size() == 1);
  serves_result(both[0], "{}");
  serves_result(both[1], "{}");
  hears(a);
  says(a, call("3"));
  says(a, call("4"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  asks("2", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  const std::string next = hears(server()).at(0);  // Who waits for answers asks nothing, so another may.
  CHECK(next.contains("tools/call"));
  says(a, call("5", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  CHECK(hears(server()).empty());  // Until that one is through.
  serves_result(next, "{}");
  CHECK(hears(a).at(0).contains(R"("id":4)"));
  CHECK(hears(server()).at(0).contains(R"({"action":"accept"})"));
  serves_result(wire[0], "{}");
  CHECK(hears(a).at(0).contains(R"("id":5)"));
}

TEST_CASE_FIXTURE(ModernStage, "who comes back and goes before its turn has come is cancelled") {
  core::ServerSpec serial = spec();
  serial.interactive = core::Interactive::serialise;
  const auto a = open(serial);
  says(a, request(R"("d")", "server/discover"));
  bring_up();
  hears(server());
  hears(a);
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  says(a, call("2"));
  hears(server());
  says(a, call("3", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}})");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[0].contains(R"("action":"cancel")"));
  CHECK(wire[1].contains("notifications/cancelled"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "a URL that must be visited first becomes a question, and the call is made anew") {
  const auto a = modern();
  says(a, call("1"));
  const std::string error =
      R"("error":{"code":-32042,"message":"go",)"
      R"("data":{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://x","message":"Go"}]}}})";
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).at(0)) + "," + error);
  const std::string round = hears(a).at(0);
  CHECK(round.contains(
      R"({"q1":{"method":"elicitation/create","params":{"mode":"url","url":"https://x","message":"Go"}}})"));
  const std::string ticket = ticket_of(round);
  says(a, call("2", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  const std::string anew = hears(server()).at(0);
  CHECK(anew.contains(R"("params":{"name":"t","arguments":{"x":1}})"));
  serves_result(anew, "{}");
  CHECK(hears(a).at(0).contains(R"("id":2)"));
}

TEST_CASE_FIXTURE(ModernStage, "a listen is acknowledged with what the server can tell, and hears no more") {
  const auto a = modern();
  says(a, request(R"("l")", "subscriptions/listen",
                  R"("notifications":{"toolsListChanged":true,)"
                  R"("promptsListChanged":true,"resourceSubscriptions":["u","v"]},)"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[0].contains(R"("resources/subscribe","params":{"uri":"u"})"));
  serves_result(wire[0], "{}");
  CHECK(hears(a).empty());
  serves(server(),
         R"({"jsonrpc":"2.0","id":)" + id_of(wire[1]) + R"(,"error":{"code":-32602,"message":"no v"}})");
  CHECK(hears(a) ==
        Lines{R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":)"
              R"({"io.modelcontextprotocol/subscriptionId":"l"},"notifications":{"toolsListChanged":true,)"
              R"("resourceSubscriptions":["u"]}}})"});
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/list_changed"})");
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})");
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"v"}})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":)"
                          R"({"io.modelcontextprotocol/subscriptionId":"l"}}})",
                          R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"_meta":)"
                          R"({"io.modelcontextprotocol/subscriptionId":"l"},"uri":"u"}})"});
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"l"}})");
  CHECK(hears(server()).at(0).contains(R"("resources/unsubscribe","params":{"uri":"u"})"));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  passes(std::chrono::seconds(1));
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage,
                  "a listen outlives a crash of its server, and is told that anything may have changed") {
  const auto a = modern();
  says(a, request("1", "subscriptions/listen",
                  R"("notifications":{"toolsListChanged":true,"resourceSubscriptions":["u"]},)"));
  serves_result(hears(server()).at(0), "{}");
  hears(a);
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  passes(std::chrono::seconds(1));
  bring_up(R"({"tools":{"listChanged":true},"resources":{"subscribe":true}})");
  const Lines heard = hears(a);
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].contains("tools/list_changed"));
  CHECK(heard[1].contains("resources/updated"));
  CHECK(hears(server()).back().contains("resources/subscribe"));
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

TEST_CASE_FIXTURE(ModernStage, "a listen outlives its daemon, and its client is not told twice") {
  test::Page page;
  const auto a = open(spec(), &page);
  says(a, request(R"("l")", "subscriptions/listen", R"("notifications":{"toolsListChanged":true},)"));
  bring_up(R"({"tools":{"listChanged":true}})");
  CHECK(hears(a).at(0).contains("acknowledged"));
  says(a, call("7"));  // In flight when the daemon ends.

  ModernStage next;
  const auto again = next.open(next.spec(), &page);
  const Lines owed = next.hears(again);
  REQUIRE(owed.size() == 1);
  CHECK(owed[0].contains(R"("id":7,"error")"));
  next.bring_up(R"({"tools":{"listChanged":true}})");
  const Lines heard = next.hears(again);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].contains(
      R"(tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"l"})"));
  next.says(again, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"l"}})");

  ModernStage last;
  last.open(last.spec(), &page);
  CHECK(last.started.empty());
}
