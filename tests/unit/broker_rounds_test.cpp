// What modern servers want to know, asked of legacy clients (core/round.h).
#include <doctest/doctest.h>

#include "modern_server_stage.h"

using test::Lines;
using test::ModernServerStage;

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
                  "a call that is made again wants the log lines that its session wants by then") {
  const auto a = legacy();
  const auto b = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(hears(server()).at(0), R"({"resultType":"input_required","requestState":"s"})");
  for (const auto session : {a, b})
    says(session, R"({"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"info"}})");
  passes(std::chrono::seconds(1));
  CHECK(hears(server()).at(0).contains("logLevel"));
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  hears(a);
  hears(b);
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}})");
  CHECK(hears(a).empty());  // Of which of the two?
  CHECK(hears(b).empty());
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

TEST_CASE_FIXTURE(ModernServerStage, "a session that leaves while it is asked is told nothing any more") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(hears(server()).at(0),
                R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
                R"("params":{}}}})");
  CHECK(hears(a).size() == 1);
  happens(broker::SessionClosed{a});
  CHECK(hears(a).empty());
}
