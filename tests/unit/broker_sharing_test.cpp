#include <doctest/doctest.h>

#include "broker_fixture.h"
#include "core/limits.h"

using test::Lines;
using test::Stage;

namespace {

std::string request(std::string_view id, std::string_view method, std::string_view params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":)" + std::string(params) + "}";
}
std::string notice(std::string_view method, std::string_view params = "{}") {
  return R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":)" + std::string(params) +
         "}";
}
std::string result(std::string_view id, std::string_view value = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(value) + "}";
}
std::string log_line(std::string_view level) {
  return notice("notifications/message", R"({"level":")" + std::string(level) + R"(","data":1})");
}
std::string subscribe(std::string_view id, std::string_view uri = "file:///a") {
  return request(id, "resources/subscribe", R"({"uri":")" + std::string(uri) + "\"}");
}
std::string updated(std::string_view uri) {
  return notice("notifications/resources/updated", R"({"uri":")" + std::string(uri) + "\"}");
}
constexpr const char* form_asks = R"({"elicitation":{}})";

}  // namespace

TEST_CASE("subscriptions are counted, and updates reach subscribers only") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const auto c = stage.ready();
  stage.says(a, subscribe("1"));
  stage.says(b, subscribe("2"));
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 1);
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  CHECK(stage.hears(a) == Lines{result("1")});
  CHECK(stage.hears(b) == Lines{result("2")});
  stage.serves(stage.server(), updated("file:///a"));
  stage.serves(stage.server(), updated("file:///a/part"));
  stage.serves(stage.server(), updated("file:///ab"));
  CHECK(stage.hears(a) == Lines{updated("file:///a"), updated("file:///a/part")});
  CHECK(stage.hears(b).size() == 2);
  CHECK(stage.hears(c).empty());
  stage.says(a, request("3", "resources/unsubscribe", R"({"uri":"file:///a"})"));
  CHECK(stage.hears(a) == Lines{result("3")});
  CHECK(stage.hears(stage.server()).empty());
  stage.happens(broker::SessionClosed{b});
  CHECK(stage.hears(stage.server()).at(0).find("resources/unsubscribe") != std::string::npos);
}

TEST_CASE("a subscription that is given up before the server has answered is given up") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, subscribe("1"));
  const std::string wire = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.says(a, request("2", "resources/unsubscribe", R"({"uri":"file:///a"})"));
  CHECK(stage.hears(a) == Lines{result("1"), result("2")});
  stage.serves(stage.server(), result(wire));
  CHECK(stage.hears(stage.server()).at(0).find("resources/unsubscribe") != std::string::npos);
  stage.serves(stage.server(), updated("file:///a"));
  CHECK(stage.hears(a).empty());
}

TEST_CASE("a server that asks for roots before its first client is ready waits for that") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, R"({"id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
                R"("capabilities":{"roots":{}}}})");
  stage.bring_up();
  stage.hears(stage.server());
  stage.serves(stage.server(), request("1", "roots/list"));
  CHECK(stage.hears(stage.server()).empty());
  stage.hears(a);
  stage.says(a, notice("notifications/initialized"));
  stage.says(a, result(Stage::id_of(stage.hears(a).at(0)), R"({"roots":[{"uri":"file:///x"}]})"));
  CHECK(stage.hears(stage.server()) == Lines{result("1", R"({"roots":[{"uri":"file:///x"}]})")});
}

TEST_CASE("a subscription that the server refuses is refused to all who asked for it") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.says(a, subscribe("1"));
  stage.says(b, subscribe("1"));
  const std::string wire = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.serves(stage.server(),
               R"({"jsonrpc":"2.0","id":)" + wire + R"(,"error":{"code":-32002,"message":"no"}})");
  CHECK(stage.hears(a).at(0).find(R"("id":1,"error":{"code":-32002)") != std::string::npos);
  CHECK(stage.hears(b).at(0).find(R"("id":1,"error":{"code":-32002)") != std::string::npos);
  stage.serves(stage.server(), updated("file:///a"));
  CHECK(stage.hears(a).empty());
}

TEST_CASE("the server logs for the most talkative session, and each hears what it asked for") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const auto c = stage.ready();
  stage.serves(stage.server(), log_line("debug"));
  CHECK(stage.hears(c).size() == 1);
  stage.hears(a);
  stage.hears(b);
  stage.says(b, request("1", "logging/setLevel", R"({"level":"error"})"));
  stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).at(0))));
  CHECK(stage.hears(b) == Lines{result("1")});
  stage.says(a, request("1", "logging/setLevel", R"({"level":"debug"})"));
  const Lines wire = stage.hears(stage.server());
  CHECK(wire.at(0).find(R"({"level":"debug"})") != std::string::npos);
  stage.serves(stage.server(), result(Stage::id_of(wire.at(0))));
  stage.hears(a);
  stage.serves(stage.server(), log_line("debug"));
  stage.serves(stage.server(), log_line("info"));
  stage.serves(stage.server(), log_line("error"));
  CHECK(stage.hears(a).size() == 3);
  CHECK(stage.hears(b) == Lines{log_line("error")});
  CHECK(stage.hears(c).size() == 2);
  stage.happens(broker::SessionClosed{a});
  CHECK(stage.hears(stage.server()).at(0).find(R"({"level":"error"})") != std::string::npos);
}

TEST_CASE("list changes reach every ready session, at once and then once per window") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
  for (int i = 0; i < 1000; ++i) stage.serves(stage.server(), changed);
  CHECK(stage.hears(a) == Lines{changed});
  stage.passes(std::chrono::milliseconds(60));
  CHECK(stage.hears(a) == Lines{changed});
  CHECK(stage.hears(b) == Lines{changed, changed});
  stage.passes(std::chrono::seconds(1));
  CHECK(stage.hears(a).empty());
}

TEST_CASE("a client that does not read loses log lines, keeps the newest progress and every list change") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, request("1", "tools/call", R"({"_meta":{"progressToken":"p"}})"));
  const std::string wire = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.happens(broker::SessionBlocked{a});
  CHECK(stage.count<broker::PauseSession>() == 1);
  for (int i = 1; i <= 100; ++i) {
    stage.serves(stage.server(),
                 notice("notifications/progress",
                        R"({"progressToken":)" + wire + R"(,"progress":)" + std::to_string(i) + "}"));
    stage.serves(stage.server(), log_line("error"));
  }
  stage.serves(stage.server(), notice("notifications/tools/list_changed"));
  CHECK(stage.hears(a).empty());
  stage.happens(broker::SessionUnblocked{a});
  CHECK(stage.hears(a) == Lines{notice("notifications/progress", R"({"progressToken":"p","progress":100})"),
                                R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"});
  CHECK(stage.count<broker::ResumeSession>() == 1);
}

TEST_CASE("a question goes to the only session with a call in flight, and its answer comes back unchanged") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), form_asks);
  const auto b = stage.ready(stage.spec(), form_asks);
  stage.says(a, request("1", "tools/call"));
  stage.says(b, request("1", "tools/list"));
  stage.hears(stage.server());
  stage.serves(stage.server(),
               request("\"q\"", "elicitation/create", R"({"message":"m","requestedSchema":{}})"));
  const Lines asked = stage.hears(a);
  REQUIRE(asked.size() == 1);
  CHECK(stage.hears(b).empty());
  const std::string id = Stage::id_of(asked[0]);
  stage.says(b, result(id, R"({"action":"accept"})"));
  CHECK(stage.hears(stage.server()).empty());
  stage.says(a, R"({"jsonrpc":"2.0","result":{"action":"accept","content":{"x":[1, 2]}},"id":)" + id + "}");
  CHECK(stage.hears(stage.server()) ==
        Lines{R"({"jsonrpc":"2.0","result":{"action":"accept","content":{"x":[1, 2]}},"id":"q"})"});
  stage.says(a, result(id));
  CHECK(stage.hears(stage.server()).empty());
}

TEST_CASE("an ambiguous question is refused, and calls take turns from then on") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), form_asks);
  const auto b = stage.ready(stage.spec(), form_asks);
  stage.says(a, request("1", "tools/call"));
  stage.says(b, request("1", "tools/call"));
  const Lines wire = stage.hears(stage.server());
  stage.serves(stage.server(), request("9", "elicitation/create"));
  CHECK(stage.hears(stage.server()) == Lines{result("9", R"({"action":"cancel"})")});
  CHECK(stage.hears(a).empty());
  CHECK(stage.hears(b).empty());
  for (const std::string& line : wire) stage.serves(stage.server(), result(Stage::id_of(line)));

  stage.says(a, request("2", "tools/call"));
  stage.says(b, request("2", "tools/call"));
  stage.says(b, request("3", "tools/list"));
  const Lines turn = stage.hears(stage.server());
  REQUIRE(turn.size() == 2);
  CHECK(turn[1].find("tools/list") != std::string::npos);
  stage.hears(a);
  stage.serves(stage.server(), request("10", "elicitation/create"));
  CHECK(stage.hears(a).size() == 1);
  stage.serves(stage.server(), result(Stage::id_of(turn[0])));
  CHECK(stage.hears(stage.server()).size() == 1);
}

TEST_CASE("a session that cannot answer is never asked, and a capable one's call is not taken for its call") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready(stage.spec(), form_asks);
  stage.says(a, request("1", "tools/call"));
  stage.hears(stage.server());
  stage.serves(stage.server(), request("9", "elicitation/create"));
  stage.serves(stage.server(), request("8", "sampling/createMessage"));
  const Lines answers = stage.hears(stage.server());
  CHECK(answers.at(0) == result("9", R"({"action":"cancel"})"));
  CHECK(answers.at(1).find(R"("code":-1)") != std::string::npos);
  stage.says(b, request("1", "tools/call"));
  stage.hears(stage.server());
  stage.serves(stage.server(), request("7", "elicitation/create"));
  CHECK(stage.hears(b).empty());
}

TEST_CASE("a call that was cancelled a moment ago may still be asking") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), form_asks);
  const auto b = stage.ready(stage.spec(), form_asks);
  stage.says(a, request("1", "tools/call"));
  stage.says(a, notice("notifications/cancelled", R"({"requestId":1})"));
  stage.says(b, request("1", "tools/call"));
  stage.serves(stage.server(), request("9", "elicitation/create"));
  CHECK(stage.hears(b).empty());
  const std::string cancelled = Stage::id_of(stage.hears(stage.server()).front());
  SUBCASE("until it has ended") {
    stage.serves(stage.server(), result(cancelled));
    CHECK(stage.hears(b).at(0).contains("elicitation/create"));
  }
  SUBCASE("or has had its time") {
    stage.passes(core::limits::ending);
    CHECK(stage.hears(b).at(0).contains("elicitation/create"));
  }
  SUBCASE("and may take its question back") {
    stage.serves(stage.server(), notice("notifications/cancelled", R"({"requestId":9})"));
    stage.serves(stage.server(), result(cancelled));
    stage.passes(core::limits::ending);
    CHECK(stage.hears(b).empty());
    stage.serves(stage.server(), request("9", "elicitation/create"));  // The id is free again.
    CHECK(stage.hears(b).size() == 1);
  }
  SUBCASE("but asks with the id of another question in vain") {
    stage.hears(stage.server());
    stage.serves(stage.server(), request("9", "elicitation/create"));
    CHECK(stage.hears(stage.server()).at(0).contains("belongs to one that is still running"));
  }
}

TEST_CASE("a question is not declined because of a call that is over") {
  enum class Over { client_left, cancelled };
  enum class Then { answered, silent };
  for (const Over over : {Over::client_left, Over::cancelled}) {
    for (const Then then : {Then::answered, Then::silent}) {
      CAPTURE(over);
      CAPTURE(then);
      Stage stage;
      const auto a = stage.ready(stage.spec(), form_asks);
      const auto b = stage.ready(stage.spec(), form_asks);
      stage.says(a, request("1", "tools/call"));
      const std::string first = Stage::id_of(stage.hears(stage.server()).at(0));
      stage.serves(stage.server(), request("9", "elicitation/create"));
      CHECK(stage.hears(a).size() == 1);
      if (over == Over::client_left) {
        stage.happens(broker::SessionClosed{a});
        CHECK(stage.hears(stage.server()).back() == result("9", R"({"action":"cancel"})"));
      } else {
        stage.says(a, notice("notifications/cancelled", R"({"requestId":1})"));
        stage.hears(stage.server());
      }
      stage.says(b, request("1", "tools/call"));
      stage.says(b, request("2", "tools/list"));
      // What leads to no question needs no turn.
      const Lines meanwhile = stage.hears(stage.server());
      REQUIRE(meanwhile.size() == 1);
      CHECK(meanwhile[0].contains("tools/list"));
      if (then == Then::answered) {
        stage.serves(stage.server(), result(first));
      } else {
        stage.passes(core::limits::ending);
      }
      CHECK(stage.hears(stage.server()).at(0).contains("tools/call"));
      stage.serves(stage.server(), request("8", "elicitation/create"));
      CHECK(stage.hears(b).at(0).contains("elicitation/create"));
      CHECK(stage.hears(stage.server()).empty());
    }
  }
}

TEST_CASE("a question nobody answers in time is answered for the server and withdrawn from the client") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), form_asks);
  stage.says(a, request("1", "tools/call"));
  stage.hears(stage.server());
  stage.serves(stage.server(), request("9", "elicitation/create"));
  stage.hears(a);
  stage.passes(std::chrono::minutes(11));
  CHECK(stage.hears(a).at(0).find("notifications/cancelled") != std::string::npos);
  CHECK(stage.hears(stage.server()) == Lines{result("9", R"({"action":"cancel"})")});
}

TEST_CASE("a server that asks for roots gets the union, and hears when it changes") {
  Stage stage;
  core::ServerSpec joint = stage.spec();
  joint.roots = core::RootsRule::joint;
  const auto a = stage.ready(joint, R"({"roots":{"listChanged":true}})");
  const auto b = stage.ready(joint, R"({"roots":{}})");
  const auto c = stage.ready(joint);
  stage.serves(stage.server(), request("1", "roots/list"));
  const std::string ask_a = Stage::id_of(stage.hears(a).at(0));
  const std::string ask_b = Stage::id_of(stage.hears(b).at(0));
  CHECK(stage.hears(c).empty());
  stage.says(a, result(ask_a, R"({"roots":[{"uri":"file:///x","name":"X"}]})"));
  CHECK(stage.hears(stage.server()).empty());
  stage.says(b, result(ask_b, R"({"roots":[{"uri":"file:///x"},{"uri":"file:///y"}]})"));
  CHECK(stage.hears(stage.server()) ==
        Lines{result("1", R"({"roots":[{"uri":"file:///x","name":"X"},{"uri":"file:///y"}]})")});
  stage.says(b, notice("notifications/roots/list_changed"));
  stage.says(b, result(Stage::id_of(stage.hears(b).at(0)), R"({"roots":[]})"));
  CHECK(stage.hears(stage.server()).at(0).find("notifications/roots/list_changed") != std::string::npos);
  stage.serves(stage.server(), request("2", "roots/list"));
  CHECK(stage.hears(stage.server()) == Lines{result("2", R"({"roots":[{"uri":"file:///x","name":"X"}]})")});
}

TEST_CASE("pings are answered here, on both sides") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, request("1", "ping"));
  CHECK(stage.hears(a) == Lines{result("1")});
  stage.serves(stage.server(), request("\"p\"", "ping"));
  CHECK(stage.hears(stage.server()) == Lines{result("\"p\"")});
}

TEST_CASE("unknown methods, fields and notices pass through untouched") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, R"({"vendor": [ 1 ],"method":"x/y","jsonrpc":"2.0","id":"k","params":{"_meta":{"z":{}}}})");
  const Lines wire = stage.hears(stage.server());
  const std::string id = Stage::id_of(wire.at(0));
  CHECK(wire.at(0) ==
        R"({"vendor": [ 1 ],"method":"x/y","jsonrpc":"2.0","id":)" + id + R"(,"params":{"_meta":{"z":{}}}})");
  stage.says(a, notice("x/notice"));
  CHECK(stage.hears(stage.server()) == Lines{notice("x/notice")});
  stage.serves(stage.server(),
               R"({"id":)" + id + R"(,"error":{"code":1,"message":"","data":{"q":1}},"more":true})");
  CHECK(stage.hears(a) == Lines{R"({"id":"k","error":{"code":1,"message":"","data":{"q":1}},"more":true})"});
  // A notice nobody knows reaches the only session there ever was, and nobody where it could concern several.
  stage.serves(stage.server(), notice("x/other"));
  CHECK(stage.hears(a) == Lines{notice("x/other")});
  const auto b = stage.ready();
  stage.serves(stage.server(), notice("x/other"));
  CHECK(stage.hears(a).empty());
  CHECK(stage.hears(b).empty());
}
