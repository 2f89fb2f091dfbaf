// Listens of modern clients, on a legacy server.
#include <doctest/doctest.h>

#include "modern_stage.h"

using test::Lines;
using test::ModernStage;

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

TEST_CASE_FIXTURE(ModernStage, "a listen outlives its daemon, and its client is not told twice") {
  test::Page page;
  const auto a = open(spec(), &page);
  says(a, request(R"("l")", "subscriptions/listen", R"("notifications":{"toolsListChanged":true},)"));
  bring_up(R"({"tools":{"listChanged":true}})");
  CHECK(hears(a).at(0).contains("acknowledged"));
  proto::Journal(page.bytes).call_ended(proto::Journal(page.bytes).slots().back());  // The client has it.
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

TEST_CASE_FIXTURE(ModernStage,
                  "a listen whose client never got the acknowledgement is acknowledged by the next") {
  test::Page page;
  const auto a = open(spec(), &page);
  says(a, request(R"("l")", "subscriptions/listen", R"("notifications":{"toolsListChanged":true},)"));
  bring_up(R"({"tools":{"listChanged":true}})");
  CHECK(hears(a).size() == 1);  // Queued, and not taken by the client when the daemon ends.

  ModernStage next;
  const auto again = next.open(next.spec(), &page);
  next.bring_up(R"({"tools":{"listChanged":true}})");
  const Lines heard = next.hears(again);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].contains("acknowledged"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "a listen that ended before its client heard of it is answered once by the next daemon") {
  test::Page page;
  const auto a = open(spec(), &page);
  says(a, request(R"("l")", "subscriptions/listen", R"("notifications":{"toolsListChanged":true},)"));
  bring_up(R"({"tools":{"listChanged":true}})");
  happens(broker::StopWanted{spec().name});
  CHECK(hears(a).size() == 2);  // Acknowledged and ended; neither reaches the client.
  CHECK(proto::Journal(page.bytes).slots().size() == 2);

  ModernStage next;
  const Lines heard = next.hears(next.open(next.spec(), &page));
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].contains(R"("id":"l","error")"));
}
