#include <doctest/doctest.h>

#include "broker_fixture.h"

using test::Lines;
using test::Stage;

namespace {

std::string call(std::string_view id, std::string_view token = {}) {
  std::string text =
      R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"t")";
  if (!token.empty()) text += R"(,"_meta":{"x":1,"progressToken":)" + std::string(token) + "}";
  return text + "}}";
}
std::string result(std::string_view id, std::string_view value = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(value) + "}";
}
std::string progress(std::string_view token) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
         std::string(token) + R"(,"progress":1}})";
}

}  // namespace

TEST_CASE("the server is initialized once, and each client is answered under the revision it asked for") {
  Stage stage;
  const auto a = stage.open();
  const auto b = stage.open();
  stage.says(a,
             R"({"id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}})");
  stage.says(
      b, R"({"id":"x","method":"initialize","params":{"protocolVersion":"2099-01-01","capabilities":{}}})");
  REQUIRE(stage.started.size() == 1);
  CHECK(stage.hears(a).empty());
  stage.bring_up("{}");
  CHECK(stage.hears(a) ==
        Lines{R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2024-11-05","capabilities":{},)"
              R"("serverInfo":{"name":"s","version":"1"}}})"});
  CHECK(stage.hears(b).at(0).find(R"("protocolVersion":"2025-11-25")") != std::string::npos);
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[1] == R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
}

TEST_CASE("discover is refused at once, also before initialize, and starts nothing") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, R"({"jsonrpc":"2.0","id":"probe","method":"server/discover","params":{}})");
  CHECK(stage.hears(a) ==
        Lines{R"({"jsonrpc":"2.0","id":"probe","error":{"code":-32601,"message":"Method not found",)"
              R"("data":{"server":"files","retryable":false}}})"});
  CHECK(stage.started.empty());
}

TEST_CASE("ids go back byte for byte, whatever they look like and whoever else uses them") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const std::vector<std::string> ids{"0", "-1", "\"\"", "\"1\"", "1", "9007199254740993", "1.0", R"("é")"};
  for (const std::string& id : ids) {
    stage.says(a, call(id));
    stage.says(b, call(id));
  }
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == ids.size() * 2);
  for (std::size_t i = wire.size(); i-- > 0;) {
    stage.serves(stage.server(), result(Stage::id_of(wire[i]), std::to_string(i)));
  }
  Lines expected_a;
  Lines expected_b;
  for (std::size_t i = ids.size(); i-- > 0;) {
    expected_a.push_back(result(ids[i], std::to_string(2 * i)));
    expected_b.push_back(result(ids[i], std::to_string(2 * i + 1)));
  }
  CHECK(stage.hears(a) == expected_a);
  CHECK(stage.hears(b) == expected_b);
}

TEST_CASE("a duplicate id is refused without naming it, and the first call goes on") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, call("5"));
  stage.says(a, call("5"));
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 1);
  CHECK(stage.hears(a).at(0).find(R"("id":null)") != std::string::npos);
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  CHECK(stage.hears(a) == Lines{result("5")});
  stage.says(a, call("5"));
  CHECK(stage.hears(stage.server()).size() == 1);
}

TEST_CASE("only the owner hears progress, under its own token, and none after the answer") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  const auto c = stage.ready();
  stage.says(a, call("1", "1"));
  stage.says(b, call("1", "\"1\""));
  stage.says(c, call("1"));
  const Lines wire = stage.hears(stage.server());
  CHECK(wire[0].find(R"("_meta":{"x":1,"progressToken":)" + Stage::id_of(wire[0]) + "}") !=
        std::string::npos);
  for (const std::string& line : wire) stage.serves(stage.server(), progress(Stage::id_of(line)));
  stage.serves(stage.server(), progress("77"));
  stage.serves(stage.server(), progress("\"invented\""));
  CHECK(stage.hears(a) == Lines{progress("1")});
  CHECK(stage.hears(b) == Lines{progress("\"1\"")});
  CHECK(stage.hears(c).empty());
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  stage.hears(a);
  stage.serves(stage.server(), progress(Stage::id_of(wire[0])));
  CHECK(stage.hears(a).empty());
}

TEST_CASE("a cancellation names the server's id; the late answer is swallowed") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.says(a, call("5"));
  stage.says(b, call("5"));
  const Lines wire = stage.hears(stage.server());
  stage.says(a,
             R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"r"}})");
  CHECK(stage.hears(stage.server()) ==
        Lines{R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
              Stage::id_of(wire[0]) + R"(,"reason":"r"}})"});
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  stage.serves(stage.server(), result(Stage::id_of(wire[1])));
  CHECK(stage.hears(a).empty());
  CHECK(stage.hears(b) == Lines{result("5")});
  // Unknown, already answered, and initialize: nobody else hears of it.
  for (const char* id : {"99", "5", "\"init\""}) {
    stage.says(b, R"({"method":"notifications/cancelled","params":{"requestId":)" + std::string(id) + "}}");
  }
  CHECK(stage.hears(stage.server()).empty());
}

TEST_CASE("a session's end cancels its calls, and their late answers reach nobody") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.says(a, call("1", "7"));
  const Lines wire = stage.hears(stage.server());
  stage.happens(broker::SessionClosed{a});
  CHECK(stage.hears(stage.server()).at(0).find(R"("requestId":)" + Stage::id_of(wire[0])) !=
        std::string::npos);
  stage.hears(a);
  stage.serves(stage.server(), progress(Stage::id_of(wire[0])));
  stage.serves(stage.server(), result(Stage::id_of(wire[0])));
  CHECK(stage.hears(a).empty());
  CHECK(stage.hears(b).empty());
}

TEST_CASE("what cannot be read is answered, under its id where that is certain and free") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, "garbage");
  CHECK(stage.hears(a).at(0).find(R"("id":null,"error":{"code":-32700)") != std::string::npos);
  stage.says(a, R"({"jsonrpc":"2.0","id":3,"id":4,"method":"ping"})");
  CHECK(stage.hears(a).at(0).find(R"("code":-32600)") != std::string::npos);
  stage.says(a, "[]");
  CHECK(stage.hears(a).size() == 1);
  CHECK(stage.hears(stage.server()).empty());
}

TEST_CASE("a batch is taken apart, and initialize may not be in one") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), "{}", "2025-03-26");
  stage.says(
      a, "[" + call("1") + "," + call("2") + R"(,{"id":3,"method":"ping"},{"id":4,"method":"initialize"}])");
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 2);
  const Lines own = stage.hears(a);
  REQUIRE(own.size() == 2);
  CHECK(own[0] == result("3"));
  CHECK(own[1].find(R"("id":4,"error")") != std::string::npos);
  stage.serves(stage.server(),
               "[" + result(Stage::id_of(wire[1])) + "," + result(Stage::id_of(wire[0])) + "]");
  CHECK(stage.hears(a) == Lines{result("2"), result("1")});
}

TEST_CASE("a batch of nothings gets one answer, and its messages are passed on") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), "{}", "2025-03-26");
  std::string batch = "[" + call("1");
  for (int i = 0; i < 900; ++i) batch += i % 2 == 0 ? ",1" : ",[]";
  stage.says(a, batch + R"(,{"id":7,"method":8}])");
  REQUIRE(stage.hears(stage.server()).size() == 1);
  const Lines own = stage.hears(a);
  REQUIRE(own.size() == 2);
  CHECK(own[0].find(R"("id":7,"error":{"code":-32600)") != std::string::npos);
  CHECK(own[1].find(R"("id":null,"error":{"code":-32600)") != std::string::npos);
  CHECK(own[1].find("900 of the 902 elements of this batch are no messages") != std::string::npos);
}

TEST_CASE("a batch over the limit is refused whole, and one at the limit is not") {
  Stage stage;
  const auto a = stage.ready(stage.spec(), "{}", "2025-03-26");
  const auto batch_of = [](std::size_t count) {
    const std::string notice = R"({"jsonrpc":"2.0","method":"notifications/x"})";
    std::string batch = "[" + notice;
    for (std::size_t i = 1; i < count; ++i) batch += "," + notice;
    return batch + "]";
  };
  stage.says(a, batch_of(1000));
  CHECK(stage.hears(a).empty());
  CHECK(stage.hears(stage.server()).size() == 1000);
  stage.says(a, batch_of(1001));
  const Lines own = stage.hears(a);
  REQUIRE(own.size() == 1);
  CHECK(own[0].find("a batch of 1001 messages is over the limit of 1000") != std::string::npos);
  CHECK(stage.hears(stage.server()).empty());
}

TEST_CASE("a batch of a revision that has none is refused whole") {
  for (const char* revision : {"2024-11-05", "2025-06-18", "2025-11-25"}) {
    CAPTURE(revision);
    Stage stage;
    const auto a = stage.ready(stage.spec(), "{}", revision);
    stage.says(a, "[" + call("1") + "," + call("2") + ",3]");
    const Lines own = stage.hears(a);
    REQUIRE(own.size() == 1);
    CHECK(own[0].find(R"("id":null,"error":{"code":-32600)") != std::string::npos);
    CHECK(own[0].find("only revision 2025-03-26 has batches") != std::string::npos);
    CHECK(stage.hears(stage.server()).empty());
  }
  Stage stage;
  const auto fresh = stage.open();
  stage.says(fresh, "[" + call("1") + "]");
  CHECK(stage.hears(fresh).size() == 1);
}

TEST_CASE("requests behind initialize wait for the server; so does nobody else's") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a,
             R"({"id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{}}})");
  stage.says(a, call("2"));
  stage.says(a, call("3"));
  stage.says(a, R"({"method":"notifications/cancelled","params":{"requestId":3}})");
  stage.bring_up("{}");
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 3);
  CHECK(wire[0].find("initialize") != std::string::npos);
  CHECK(wire[1].find("initialized") != std::string::npos);
  CHECK(wire[2].find("tools/call") != std::string::npos);
}

TEST_CASE("an over-long message fails its call and nothing else") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, call("1"));
  const Lines wire = stage.hears(stage.server());
  stage.happens(broker::InstanceLine{
      stage.server(), {.bytes = {}, .overlong = true, .length = 1 << 30, .id = Stage::id_of(wire[0])}});
  CHECK(stage.hears(a).at(0).find("is over the limit") != std::string::npos);
  stage.happens(broker::SessionLine{
      a, {.bytes = {}, .overlong = true, .length = 1 << 30, .id = "9", .has_method = true}});
  CHECK(stage.hears(a).at(0).find(R"("id":9,"error")") != std::string::npos);
  CHECK(stage.hears(stage.server()).empty());
}

TEST_CASE("tasks belong to the session that made them") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.says(
      a, R"({"id":1,"method":"tools/call","params":{"name":"t","task":{},"_meta":{"progressToken":"p"}}})");
  const std::string wire = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.serves(stage.server(), result(wire, R"({"task":{"taskId":"T","status":"working"}})"));
  stage.hears(a);
  stage.serves(stage.server(), progress(wire));
  CHECK(stage.hears(a) == Lines{progress("\"p\"")});
  stage.says(b, R"({"id":1,"method":"tasks/get","params":{"taskId":"T"}})");
  CHECK(stage.hears(b).at(0).find("-32602") != std::string::npos);
  CHECK(stage.hears(stage.server()).empty());
  stage.says(b, R"({"id":2,"method":"tasks/list"})");
  const std::string list = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.serves(stage.server(),
               result(list, R"({"tasks":[{"taskId":"T","status":"working"}],"nextCursor":"c"})"));
  CHECK(stage.hears(b) == Lines{result("2", R"({"tasks":[],"nextCursor":"c"})")});
  const std::string status =
      R"({"method":"notifications/tasks/status","params":{"taskId":"T","status":"completed"}})";
  stage.serves(stage.server(), status);
  CHECK(stage.hears(a) == Lines{status});
  CHECK(stage.hears(b).empty());
  stage.serves(stage.server(), progress(wire));
  CHECK(stage.hears(a).empty());
}

TEST_CASE("progress that was kept for a client with many streams goes on that of its call") {
  Stage stage;
  const core::SessionId a = stage.broker.admit();
  stage.happens(broker::SessionOpened{a, stage.spec(), {}, 7, true});
  stage.greet(a, "{}", "2025-11-25");
  stage.says(a, call("1", "\"p\""));
  const std::string wire = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.happens(broker::SessionBlocked{a});
  stage.serves(stage.server(), progress(wire));
  CHECK(stage.hears(a).empty());
  stage.broker.on(broker::SessionUnblocked{a}, stage.now);
  const broker::SendToSession* sent = nullptr;
  for (const broker::Action& action : stage.broker.outbox()) {
    if (const auto* one = std::get_if<broker::SendToSession>(&action)) sent = one;
  }
  REQUIRE(sent != nullptr);
  CHECK(sent->message.text() == progress("\"p\""));
  CHECK(sent->concerns == "1");
}
