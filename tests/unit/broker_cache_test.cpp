// Lists and reads that several clients ask for, at once and one after the other.
#include <doctest/doctest.h>

#include "broker_fixture.h"
#include "core/limits.h"

namespace {

using core::SessionId;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Lines;

std::string said(const std::string& id, const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
}
std::string read(const std::string& id, const std::string& uri = "file:///a") {
  return said(id, "resources/read", R"({"uri":")" + uri + R"("})");
}
std::string cancelled(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}";
}
std::string result(const std::string& id, const std::string& raw) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + raw + "}";
}
std::string changed(const std::string& list) {
  return R"({"jsonrpc":"2.0","method":"notifications/)" + list + R"(/list_changed"})";
}
std::string claim(const std::string& capabilities = "{}") {
  return R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientCapabilities":)" +
         capabilities + "}";
}
std::string modern(const std::string& id, const std::string& method, const std::string& params = {},
                   const std::string& capabilities = "{}") {
  return said(id, method, "{" + params + claim(capabilities) + "}");
}

// Sessions on one legacy server that tells when its lists change.
struct LegacyStage : test::Stage {
  SessionId session(core::ServerSpec wanted) {
    const SessionId id = open(std::move(wanted));
    says(id, said(R"("i")", "initialize",
                  R"({"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{)"
                  R"("name":"c","version":"1"}})"));
    bring_up(
        R"({"tools":{"listChanged":true},"prompts":{},"resources":{"listChanged":true,"subscribe":true}})");
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    hears(server());
    return id;
  }
  SessionId session() { return session(spec()); }
  void answers(const std::string& request, const std::string& raw) {
    serves(server(), result(id_of(request), raw));
  }
  // What the server was sent, which must be one line.
  std::string one() {
    const Lines wire = hears(server());
    REQUIRE(wire.size() == 1);
    return wire[0];
  }
};

// Sessions of both eras on one modern server.
struct ModernStage : LegacyStage {
  core::ServerSpec asked() const {
    core::ServerSpec wanted = spec();
    wanted.probe = true;
    return wanted;
  }
  void come_up() {
    if (pending.empty()) return;
    happens(broker::InstanceStarted{server(), 100});
    pending.clear();
    answers(hears(server()).at(0),
            R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},)"
            R"("resources":{}},"ttlMs":5,"cacheScope":"public"})");
  }
  SessionId legacy() {
    const SessionId id = open(asked());
    says(id, said(R"("i")", "initialize",
                  R"({"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{)"
                  R"("name":"old","version":"1"}})"));
    come_up();
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    hears(server());
    return id;
  }
  SessionId of(const std::string& principal) {
    const SessionId id = broker.admit();
    happens(broker::SessionOpened{id, asked(), {}, 7, false, principal});
    says(id, modern(R"("d")", "server/discover"));
    come_up();
    hears(id);
    hears(server());
    return id;
  }
};

const std::string tools = R"({"tools":[{"name":"t","inputSchema":{}}]})";
const std::string kept_for_all = R"({"resultType":"complete","tools":[],"ttlMs":5000,"cacheScope":"public"})";
const std::string kept_for_one =
    R"({"resultType":"complete","tools":[],"ttlMs":5000,"cacheScope":"private"})";

}  // namespace

TEST_CASE_FIXTURE(LegacyStage, "calls that ask the same at the same time get one answer") {
  const auto a = session();
  const auto b = session();
  says(a, said("7", "tools/list"));
  says(b, said(R"("x")", "tools/list", R"({"_meta":{"traceparent":"00-1"}})"));
  says(b, modern("9", "tools/list"));
  answers(one(), tools);
  CHECK(hears(a) == Lines{result("7", tools)});
  const Lines heard = hears(b);
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == result(R"("x")", tools));
  CHECK(heard[1].starts_with(R"({"jsonrpc":"2.0","id":9,"result":{"resultType":"complete","ttlMs":0,)"));
  CHECK(broker.instances().at(0).merged == 2);
  CHECK(broker.instances().at(0).calls_total == 1);
}

TEST_CASE_FIXTURE(LegacyStage, "the same in other words is the same, at once and later") {
  const auto a = session();
  const auto b = session();
  says(a, said("7", "tools/list", R"({"x":{"m":1,"n":[2]},"_meta":{"acme/t":{"k":"é","l":1}}})"));
  says(b, said("8", "tools/list", R"({"_meta":{"acme/t":{ "l": 1.0, "k":"\u00e9"}},"x":{"n":[2],"m":1}})"));
  answers(one(), tools);
  CHECK(hears(a) == Lines{result("7", tools)});
  CHECK(hears(b) == Lines{result("8", tools)});
  says(b, said("9", "tools/list", R"({"_meta":{"acme/t":{"l":1,"k":"é"}},"x":{"n":[2],"m":1e0}})"));
  CHECK(hears(b) == Lines{result("9", tools)});
  says(b, said("10", "tools/list", R"({"_meta":{"acme/t":{"l":1,"k":"é"}},"x":{"n":[2],"m":2}})"));
  CHECK(one().contains("tools/list"));
}

TEST_CASE_FIXTURE(LegacyStage, "what is not the same is asked for itself") {
  const auto a = session();
  const auto b = session();
  says(a, said("1", "tools/list"));
  SUBCASE("another list") {
    says(b, said("1", "prompts/list"));
  }
  SUBCASE("another page") {
    says(b, said("1", "tools/list", R"({"cursor":"2"})"));
  }
  SUBCASE("a word for the server") {
    says(b, said("1", "tools/list", R"({"_meta":{"acme/tenant":"b"}})"));
  }
  SUBCASE("progress") {
    says(b, said("1", "tools/list", R"({"_meta":{"progressToken":1}})"));
  }
  SUBCASE("after the list has changed") {
    serves(server(), changed("tools"));
    says(b, said("1", "tools/list"));
  }
  SUBCASE("after a call that may have had an effect") {
    says(b, said("0", "tools/call", R"({"name":"t"})"));
    answers(hears(server()).at(1), "{}");
    says(b, said("1", "tools/list"));
    CHECK(hears(server()).size() == 1);
    return;
  }
  SUBCASE("when the first one hangs") {
    now += core::limits::join_within;
    says(b, said("1", "tools/list"));
  }
  CHECK(hears(server()).size() == 2);
}

TEST_CASE_FIXTURE(LegacyStage, "a call is made for everybody by himself") {
  const auto a = session();
  const auto b = session();
  for (const auto id : {a, b}) {
    says(id, said("1", "tools/call", R"({"name":"t"})"));
    says(id, said("2", "prompts/get", R"({"name":"t"})"));
  }
  CHECK(hears(server()).size() == 4);
}

TEST_CASE_FIXTURE(LegacyStage, "the request goes on for the others when its first client wants it no more") {
  const auto a = session();
  const auto b = session();
  says(a, said("7", "tools/list", R"({"_meta":{"progressToken":"p"}})"));
  says(b, said("8", "tools/list"));
  const std::string wire = one();
  SUBCASE("cancelled") {
    says(a, cancelled("7"));
    says(a, said("7", "ping"));
    CHECK(hears(a) == Lines{result("7", "{}")});
  }
  SUBCASE("left") {
    happens(broker::SessionClosed{a});
  }
  CHECK(hears(server()).empty());
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                       id_of(wire) + R"(,"progress":1}})");
  answers(wire, tools);
  CHECK(hears(a).empty());
  CHECK(hears(b) == Lines{result("8", tools)});
}

TEST_CASE_FIXTURE(LegacyStage, "the server is told to stop when nobody waits any more") {
  const auto a = session();
  const auto b = session();
  const auto c = session();
  says(a, said("7", "tools/list"));
  says(b, said("8", "tools/list"));
  says(c, said("9", "tools/list"));
  const std::string wire = one();
  says(a, cancelled("7"));
  says(b, cancelled("8"));
  CHECK(hears(server()).empty());
  SUBCASE("the last one cancels") {
    says(c, cancelled("9"));
  }
  SUBCASE("the last one leaves") {
    happens(broker::SessionClosed{c});
  }
  CHECK(one().contains(R"("requestId":)" + id_of(wire)));
  answers(wire, tools);
  for (const auto id : {a, b, c}) CHECK(hears(id).empty());
}

TEST_CASE_FIXTURE(LegacyStage, "a joined call that leaves does not disturb the others") {
  const auto a = session();
  const auto b = session();
  says(a, said("7", "tools/list"));
  says(a, said("8", "tools/list"));
  says(b, said("9", "tools/list"));
  says(b, cancelled("9"));
  const std::string wire = one();
  SUBCASE("the first one gets its answers") {
    answers(wire, tools);
    CHECK(hears(a) == Lines{result("7", tools), result("8", tools)});
  }
  SUBCASE("all of a session's own end with it") {
    happens(broker::SessionClosed{a});
    CHECK(one().contains("notifications/cancelled"));
  }
  CHECK(hears(b).empty());
}

TEST_CASE_FIXTURE(LegacyStage, "an error is everybody's") {
  const auto a = session();
  const auto b = session();
  says(a, read("1"));
  says(b, read("2"));
  const std::string wire = one();
  SUBCASE("the server's") {
    serves(server(),
           R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"error":{"code":-32002,"message":"no"}})");
    CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"no"}})"});
    CHECK(hears(b) == Lines{R"({"jsonrpc":"2.0","id":2,"error":{"code":-32002,"message":"no"}})"});
  }
  SUBCASE("its end") {
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    CHECK(hears(a).at(0).contains("SIGSEGV while this call was running"));
    CHECK(hears(b).at(0).contains("SIGSEGV while this call was running"));
  }
  SUBCASE("that it cannot be read") {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"result":{"x":})");
    CHECK(hears(a).at(0).contains("could not be read"));
    CHECK(hears(b).at(0).contains("could not be read"));
  }
  SUBCASE("but not if it depends on the asking client") {
    serves(server(),
           R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"error":{"code":-32042,"message":"go"}})");
    CHECK(hears(a).size() == 1);
    CHECK(hears(b).empty());
    const std::string again = one();
    CHECK(id_of(again) != id_of(wire));
    answers(again, "{}");
    CHECK(hears(b) == Lines{result("2", "{}")});
  }
}

TEST_CASE_FIXTURE(LegacyStage, "an answer under the id of one that was never sent is nobody's") {
  const auto a = session();
  const auto b = session();
  says(a, said("7", "tools/list"));
  says(b, said("8", "tools/list"));
  const std::string wire = one();
  const std::string next = std::to_string(std::stoll(id_of(wire)) + 1);
  serves(server(), result(next, "{}"));
  CHECK(hears(b).empty());
  CHECK(broker.instances().at(0).dropped == 1);
  answers(wire, tools);
  CHECK(hears(b) == Lines{result("8", tools)});
}

TEST_CASE_FIXTURE(LegacyStage, "a question because of a read is put to the one whose read was sent") {
  const auto a = session();
  const auto b = session();
  says(a, read("1"));
  says(b, read("2"));
  const std::string first = one();
  serves(server(), said("5", "elicitation/create", R"({"message":"?","requestedSchema":{}})"));
  const Lines asked = hears(a);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].contains("elicitation/create"));
  CHECK(hears(b).empty());
  const std::string second = one();  // The other read is its own from now on.
  CHECK(second.contains("resources/read"));
  answers(first, R"({"contents":[1]})");
  answers(second, R"({"contents":[2]})");
  CHECK(hears(a) == Lines{result("1", R"({"contents":[1]})")});
  CHECK(hears(b) == Lines{result("2", R"({"contents":[2]})")});
  says(a, read("3"));
  says(b, read("4"));
  CHECK(hears(server()).size() == 2);
}

TEST_CASE_FIXTURE(LegacyStage, "a list is kept where the server tells of its changes") {
  const auto a = session();
  const auto b = session();
  const auto list = [&](SessionId who, const std::string& expected) {
    says(who, said("1", "tools/list"));
    if (!expected.empty()) answers(one(), expected);
    CHECK(hears(server()).empty());
    return hears(who).at(0);
  };
  CHECK(list(a, tools) == result("1", tools));
  CHECK(list(b, "") == result("1", tools));
  says(b, modern("2", "tools/list"));
  CHECK(hears(b).at(0).contains(R"("ttlMs":0,"cacheScope":"private")"));
  CHECK(broker.instances().at(0).from_cache == 2);
  const std::string newer = R"({"tools":[]})";
  SUBCASE("until it tells") {
    serves(server(), changed("tools"));
    hears(a);
    CHECK(list(a, newer) == result("1", newer));
  }
  SUBCASE("until it is another process") {
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    passes(seconds(1));
    bring_up(R"({"tools":{"listChanged":true}})");
    hears(server());
    hears(a);
    CHECK(list(a, newer) == result("1", newer));
  }
  SUBCASE("and not for ever") {
    now += core::limits::legacy_list_kept;
    CHECK(list(a, newer) == result("1", newer));
  }
}

TEST_CASE_FIXTURE(LegacyStage, "what a legacy server does not tell of is not kept") {
  core::ServerSpec wanted = spec();
  std::string method = "tools/list", answer = tools;
  SUBCASE("prompts without listChanged") {
    method = "prompts/list";
  }
  SUBCASE("resources, that are often made up when asked for") {
    method = "resources/list";
  }
  SUBCASE("a page") {
    answer = R"({"tools":[],"nextCursor":"2"})";
  }
  SUBCASE("an error") {
    answer = {};
  }
  SUBCASE("anything, where the entry says so") {
    wanted.cache = false;
  }
  const auto a = session(wanted);
  says(a, said("1", method));
  if (answer.empty()) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(one()) + R"(,"error":{"code":1,"message":"x"}})");
  } else {
    answers(one(), answer);
  }
  hears(a);
  says(a, said("2", method));
  CHECK(one().contains(method));
}

TEST_CASE_FIXTURE(LegacyStage, "an answer from before a change is not kept") {
  const auto a = session();
  says(a, said("1", "tools/list"));
  const std::string wire = one();
  serves(server(), changed("tools"));
  answers(wire, tools);
  says(a, said("2", "tools/list"));
  CHECK(one().contains("tools/list"));
}

TEST_CASE_FIXTURE(LegacyStage, "where the entry says so every request is sent") {
  core::ServerSpec wanted = spec();
  wanted.cache = false;
  const auto a = session(wanted);
  const auto b = session(wanted);
  says(a, said("1", "tools/list"));
  says(b, said("1", "tools/list"));
  CHECK(hears(server()).size() == 2);
}

TEST_CASE_FIXTURE(LegacyStage, "calls that wait for a server to start get one answer, too") {
  const auto a = open();
  says(a, modern("1", "tools/list"));
  says(a, modern("2", "tools/list"));
  bring_up();
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 3);  // initialize, initialized
  answers(wire[2], tools);
  CHECK(hears(a).size() == 2);
}

TEST_CASE_FIXTURE(ModernStage, "a modern server's answer is good for as long as it says") {
  const auto a = of("");
  const auto b = legacy();
  says(a, modern("1", "tools/list"));
  answers(one(), kept_for_all);
  CHECK(hears(a) == Lines{result("1", kept_for_all)});
  now += milliseconds(1500);
  says(a, modern("2", "tools/list"));
  CHECK(hears(a) ==
        Lines{result("2", R"({"ttlMs":3500,"resultType":"complete","tools":[],"cacheScope":"public"})")});
  says(b, said("3", "tools/list"));
  CHECK(hears(b) == Lines{result("3", R"({"tools":[]})")});
  CHECK(hears(server()).empty());
  now += milliseconds(3500);
  says(a, modern("4", "tools/list"));
  CHECK(one().contains("tools/list"));
}

TEST_CASE_FIXTURE(ModernStage, "an answer that says nothing of its age is not kept") {
  const auto a = of("");
  std::string answer;
  SUBCASE("no ttlMs") {
    answer = R"({"resultType":"complete","tools":[],"cacheScope":"public"})";
  }
  SUBCASE("none to speak of") {
    answer = R"({"resultType":"complete","tools":[],"ttlMs":0})";
  }
  SUBCASE("less than that") {
    answer = R"({"resultType":"complete","tools":[],"ttlMs":-1})";
  }
  SUBCASE("no number") {
    answer = R"({"resultType":"complete","tools":[],"ttlMs":"5000"})";
  }
  SUBCASE("a result of a kind that is not known") {
    answer = R"({"resultType":"x","ttlMs":5000})";
  }
  says(a, modern("1", "tools/list"));
  answers(one(), answer);
  says(a, modern("2", "tools/list"));
  CHECK(one().contains("tools/list"));
}

TEST_CASE_FIXTURE(ModernStage, "what is private is for one principal only, kept or under way") {
  const auto a = of("alice");
  const auto also_a = of("alice");
  const auto b = of("bob");
  says(a, modern("1", "tools/list"));
  says(also_a, modern("2", "tools/list"));
  says(b, modern("3", "tools/list"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  answers(wire[0], kept_for_one);
  CHECK(hears(also_a) == Lines{result("2", kept_for_one)});
  CHECK(hears(b).empty());
  says(b, modern("4", "prompts/list"));
  answers(one(), kept_for_one);
  says(also_a, modern("5", "tools/list"));
  CHECK(hears(server()).empty());
  says(also_a, modern("6", "prompts/list"));
  const std::string prompts = one();
  answers(prompts, kept_for_all);
  now += milliseconds(1);
  const auto c = of("carol");
  says(c, modern("7", "prompts/list"));
  CHECK(hears(server()).empty());
  CHECK(hears(c).at(0).contains(R"("ttlMs":4999)"));
}

TEST_CASE_FIXTURE(ModernStage, "declared extensions make a difference, other capabilities none") {
  const auto a = of("");
  says(a, modern("1", "tools/list", {}, R"({"elicitation":{}})"));
  says(a, modern("2", "tools/list", {}, R"({"sampling":{}})"));
  says(a, modern("3", "tools/list", {}, R"({"extensions":{"io.x/ui":{}}})"));
  CHECK(hears(server()).size() == 2);
}

TEST_CASE_FIXTURE(ModernStage, "a read is kept until it is told that the resource has changed") {
  const auto a = of("");
  const auto b = legacy();
  const std::string answer = R"({"resultType":"complete","contents":[],"ttlMs":5000,"cacheScope":"private"})";
  says(a, modern("1", "resources/read", R"("uri":"file:///a",)"));
  answers(one(), answer);
  says(b, read("2"));
  CHECK(hears(b) == Lines{result("2", R"({"contents":[]})")});
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///b"}})");
  says(b, read("3"));
  CHECK(hears(server()).empty());
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}})");
  says(b, read("4"));
  CHECK(one().contains("resources/read"));
}

TEST_CASE_FIXTURE(ModernStage, "what brings answers along, or is asked for some, is nobody else's") {
  const auto a = of("");
  const auto b = legacy();
  const std::string required =
      R"({"resultType":"input_required","requestState":"s","inputRequests":{"e":{"method":)"
      R"("elicitation/create","params":{"message":"?"}}},"ttlMs":5000,"cacheScope":"public"})";
  says(a, modern("1", "resources/read", R"("uri":"file:///a",)"));
  says(b, read("2"));
  answers(one(), required);
  CHECK(hears(a) == Lines{result("1", required)});
  answers(one(), required);
  CHECK(hears(b).at(0).contains("elicitation/create"));
  const std::string back = R"("uri":"file:///a","requestState":"s","inputResponses":{},)";
  says(a, modern("3", "resources/read", back));
  answers(one(), kept_for_all);
  says(a, modern("4", "resources/read", back));
  says(a, modern("5", "resources/read", R"("uri":"file:///a",)"));
  says(a, modern("6", "resources/read", R"("uri":"file:///a",)"));
  CHECK(hears(server()).size() == 3);
}

TEST_CASE_FIXTURE(ModernStage, "a capability that one lacks the other may have") {
  const auto a = of("");
  const auto b = of("");
  says(a, modern("1", "resources/read", R"("uri":"u",)"));
  says(b, modern("2", "resources/read", R"("uri":"u",)", R"({"elicitation":{}})"));
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(one()) + R"(,"error":{"code":-32021,"message":"m"}})");
  CHECK(hears(a).at(0).contains("-32021"));
  CHECK(hears(b).empty());
  answers(one(), kept_for_all);
  CHECK(hears(b) == Lines{result("2", kept_for_all)});
}

TEST_CASE_FIXTURE(ModernStage, "the first client may be of another era than those who go on") {
  const auto a = of("");
  const auto b = legacy();
  SUBCASE("modern, then legacy") {
    says(a, modern("1", "tools/list"));
    says(b, said("2", "tools/list"));
    says(a, cancelled("1"));
    answers(one(), kept_for_all);
    CHECK(hears(b) == Lines{result("2", R"({"tools":[]})")});
  }
  SUBCASE("legacy, then modern") {
    says(b, said("2", "tools/list"));
    says(a, modern("1", "tools/list"));
    says(b, cancelled("2"));
    answers(one(), kept_for_all);
    CHECK(hears(a) == Lines{result("1", kept_for_all)});
  }
}

TEST_CASE_FIXTURE(ModernStage, "each client is given it in a form that it knows") {
  const auto a = of("");
  const auto b = legacy();
  const std::string answer =
      R"({"resultType":"complete","tools":[{"name":"t","inputSchema":{},"outputSchema":{"type":"string"}}],)"
      R"("ttlMs":5000,"cacheScope":"public"})";
  says(a, modern("1", "tools/list"));
  says(b, said("2", "tools/list"));
  answers(one(), answer);
  says(b, said("3", "tools/list"));
  CHECK(hears(server()).empty());
  CHECK(hears(a) == Lines{result("1", answer)});
  const Lines heard = hears(b);
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].contains(R"("outputSchema":{"type":"object")"));
  CHECK(heard[1].substr(heard[1].find("result")) == heard[0].substr(heard[0].find("result")));
}

TEST_CASE_FIXTURE(ModernStage, "a cursor that fails takes all pages with it") {
  const auto a = of("");
  says(a, modern("1", "tools/list"));
  answers(one(),
          R"({"resultType":"complete","tools":[],"nextCursor":"2","ttlMs":5000,"cacheScope":"public"})");
  says(a, modern("2", "tools/list", R"("cursor":"2",)"));
  serves(server(),
         R"({"jsonrpc":"2.0","id":)" + id_of(one()) + R"(,"error":{"code":-32602,"message":"old"}})");
  says(a, modern("3", "tools/list"));
  CHECK(one().contains("tools/list"));
}
