// A list that is asked for after a call is never older than that call, whatever the server forgets to tell.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using core::SessionId;
using std::chrono::minutes;
using test::Lines;

std::string said(const std::string& id, const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
}
std::string call(const std::string& id, const std::string& tool) {
  return said(id, "tools/call", R"({"name":")" + tool + R"("})");
}
std::string result(const std::string& id, const std::string& raw) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + raw + "}";
}

const std::string tools = R"({"tools":[{"name":"look","annotations":{"readOnlyHint":true}},)"
                          R"({"name":"write","annotations":{"readOnlyHint":false}},{"name":"plain"}]})";
const std::string newer = R"({"tools":[]})";

struct Server : test::Stage {
  SessionId session() {
    const SessionId id = open();
    says(id, said(R"("i")", "initialize",
                  R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c"}})"));
    bring_up(R"({"tools":{"listChanged":true},"prompts":{"listChanged":true}})");
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    hears(server());
    return id;
  }
  // What the server was sent, which must be one line.
  std::string one() {
    const Lines wire = hears(server());
    REQUIRE(wire.size() == 1);
    return wire[0];
  }
  void answers(const std::string& request, const std::string& raw) {
    serves(server(), result(id_of(request), raw));
  }
  void list(SessionId who, const std::string& raw) {
    says(who, said("1", "tools/list"));
    answers(one(), raw);
    REQUIRE(hears(who) == Lines{result("1", raw)});
  }
  // Whether the next list is asked of the server rather than given again.
  bool asks_anew(SessionId who) {
    says(who, said("2", "tools/list"));
    const Lines wire = hears(server());
    for (const std::string& line : wire) answers(line, newer);
    hears(who);
    return !wire.empty();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Server, "a list that is asked for after a call is never older than that call") {
  const auto a = session();
  const auto b = session();
  list(a, tools);
  CHECK_FALSE(asks_anew(b));
  SUBCASE("of a tool that says nothing of its effects") {
    says(a, call("9", "plain"));
  }
  SUBCASE("of a tool that says it has effects") {
    says(a, call("9", "write"));
  }
  SUBCASE("of a tool that is not in the list") {
    says(a, call("9", "hidden"));
  }
  SUBCASE("of a method that nobody knows") {
    says(a, said("9", "acme/login"));
  }
  answers(one(), R"({"content":[]})");
  CHECK(asks_anew(b));
}

TEST_CASE_FIXTURE(Server, "a call that only reads leaves the lists as they are") {
  const auto a = session();
  list(a, tools);
  says(a, call("9", "look"));
  const std::string wire = one();
  CHECK_FALSE(asks_anew(a));
  answers(wire, R"({"content":[]})");
  CHECK_FALSE(asks_anew(a));
  says(a, said("10", "completion/complete"));
  answers(one(), "{}");
  CHECK_FALSE(asks_anew(a));
  // The hint was of that list.
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  hears(a);
  list(a, R"({"tools":[{"name":"look"}]})");
  says(a, call("11", "look"));
  hears(server());
  CHECK(asks_anew(a));
}

TEST_CASE_FIXTURE(Server, "while a call is under way no list is kept, nor one from before it given again") {
  const auto a = session();
  const auto b = session();
  list(a, tools);
  says(a, call("9", "plain"));
  const std::string wire = one();
  CHECK(asks_anew(b));
  CHECK(asks_anew(b));  // The effect may have come since.
  SUBCASE("until it is answered") {
    answers(wire, R"({"content":[]})");
  }
  SUBCASE("until it fails") {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"error":{"code":1,"message":"x"}})");
  }
  SUBCASE("also after it was cancelled, for as long as it may still run") {
    says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})");
    hears(server());
    CHECK(asks_anew(b));
    CHECK(asks_anew(b));
    passes(minutes(1));
  }
  CHECK(asks_anew(b));
  CHECK_FALSE(asks_anew(b));
}

TEST_CASE_FIXTURE(Server,
                  "a list that was on its way when a call began or ended is given to nobody who asks later") {
  const auto a = session();
  const auto b = session();
  says(a, said("1", "tools/list"));
  const std::string old = one();
  says(a, call("9", "plain"));
  const std::string wire = one();
  says(b, said("1", "tools/list"));  // It does not join the one from before the call.
  const std::string second = one();
  answers(wire, R"({"content":[]})");
  says(b, said("2", "tools/list"));
  const std::string third = one();
  answers(old, tools);
  answers(second, tools);
  answers(third, newer);
  CHECK(hears(b) == Lines{result("1", tools), result("2", newer)});
  CHECK_FALSE(asks_anew(a));
}

TEST_CASE_FIXTURE(Server, "a task that tells how it stands counts as an effect") {
  const auto a = session();
  says(a, said("1", "tools/call", R"({"name":"plain","task":{}})"));
  answers(one(), R"({"task":{"taskId":"t1","status":"working"}})");
  hears(a);
  list(a, tools);
  CHECK_FALSE(asks_anew(a));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tasks/status",)"
                   R"("params":{"taskId":"t1","status":"completed"}})");
  CHECK(asks_anew(a));
}

TEST_CASE("a modern server's list is asked for anew after a call, however long it was to be good") {
  test::Stage stage;
  const std::string claim = R"({"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{}})";
  const auto modern = [&](const std::string& id, const std::string& method, const std::string& more = {}) {
    return said(id, method, claim + more + "}");
  };
  core::ServerSpec spec = stage.spec();
  spec.probe = true;
  const auto a = stage.open(spec);
  stage.says(a, modern("0", "server/discover"));
  stage.happens(broker::InstanceStarted{stage.server(), 100});
  stage.serves(stage.server(), result(test::Stage::id_of(stage.hears(stage.server()).at(0)),
                                      R"({"resultType":"complete","supportedVersions":["2026-07-28"],)"
                                      R"("capabilities":{"tools":{}},"ttlMs":5,"cacheScope":"public"})"));
  stage.hears(stage.server());
  const auto asked = [&](const std::string& text) {
    stage.says(a, text);
    return stage.hears(stage.server());
  };
  const std::string kept = R"({"resultType":"complete","tools":[],"ttlMs":3600000,"cacheScope":"public"})";
  const Lines first = asked(modern("1", "tools/list"));
  REQUIRE(first.size() == 1);
  stage.serves(stage.server(), result(test::Stage::id_of(first[0]), kept));
  CHECK(asked(modern("2", "tools/list")).empty());
  const Lines sent = asked(modern("3", "tools/call", R"(,"name":"t")"));
  REQUIRE(sent.size() == 1);
  stage.serves(stage.server(),
               result(test::Stage::id_of(sent[0]), R"({"resultType":"complete","content":[]})"));
  CHECK(asked(modern("4", "tools/list")).size() == 1);
}
