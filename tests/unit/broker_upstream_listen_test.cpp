// The one listen at a modern server (core/upstream_listen.h).
#include <doctest/doctest.h>

#include <algorithm>

#include "modern_server_stage.h"

using test::Lines;
using test::ModernServerStage;

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

TEST_CASE("a server that ends by itself after its listen was broken may have changed meanwhile") {
  for (const bool breaks : {false, true}) {
    CAPTURE(breaks);
    ModernServerStage stage;
    const auto a = stage.legacy();
    stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
    const std::string listen = stage.hears(stage.server()).at(0);
    stage.acknowledge({listen});
    if (breaks) stage.serves_result(listen, R"({"resultType":"complete"})");
    stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", "", true});
    stage.hears(a);
    stage.hears(stage.server());
    stage.says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}})");
    stage.come_up();
    const Lines told = stage.hears(a);
    const auto changed = std::ranges::count_if(
        told, [](const std::string& line) { return line.contains("tools/list_changed"); });
    CHECK((changed != 0) == breaks);
  }
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
  SUBCASE("when the first holds until then") {}
  SUBCASE("when the first has broken off") {
    serves_result(first, R"({"resultType":"complete"})");
  }
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}})");
  grants_v(second);
  for (const std::string& line : hears(server())) CHECK(line.contains("cancelled"));  // The first.
  const Lines heard = hears(b);
  CHECK(heard.at(0).contains(R"("notifications":{"resourceSubscriptions":["v"]})"));
  for (const std::string& line : heard) CHECK(!line.contains(R"("uri":"u")"));
}

TEST_CASE_FIXTURE(ModernServerStage, "a refusal counts although the listen before broke off meanwhile") {
  const auto a = legacy();
  const auto b = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string first = hears(server()).at(0);
  acknowledge({first});
  hears(server());
  says(b, request(R"("l")", "subscriptions/listen", R"("notifications":{"resourceSubscriptions":["v"]},)"));
  const std::string second = hears(server()).back();
  serves_result(first, R"({"resultType":"complete"})");
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":)"
                   R"({"notifications":{"resourceSubscriptions":["u"]},"_meta":)"
                   R"({"io.modelcontextprotocol/subscriptionId":)" +
                       id_of(second) + "}}}");
  CHECK(hears(b).at(0).contains(R"("notifications":{})"));
  for (const std::string& line : hears(server())) CHECK(line == "");
}

TEST_CASE_FIXTURE(ModernServerStage,
                  "what a server refuses while it stops is no answer to who waits for the next") {
  const auto a = legacy();
  const auto b = open(asked());
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  const std::string first = hears(server()).at(0);
  happens(broker::RestartWanted{asked().name});
  says(b,
       request(R"("l")", "subscriptions/listen", R"("notifications":{"resourceSubscriptions":["u","v"]},)"));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":)"
                   R"({"notifications":{},"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
                       id_of(first) + "}}}");
  CHECK(hears(b).empty());
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
