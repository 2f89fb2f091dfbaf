// Servers that are given one call at a time.
#include <doctest/doctest.h>

#include "core/limits.h"
#include "modern_server_stage.h"

using core::Calls;
using test::Lines;

namespace {

std::string request(const std::string& id, const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
}
std::string call(const std::string& id, const std::string& tool = "create") {
  return request(id, "tools/call", R"({"name":")" + tool + R"("})");
}

struct OneCallStage : test::Stage {
  core::ServerSpec one() const {
    core::ServerSpec wanted = spec();
    wanted.calls = Calls::one;
    return wanted;
  }
  // As the table has it: reads may come together.
  core::ServerSpec memory() const {
    core::ServerSpec wanted = spec();
    wanted.program = "/usr/bin/npx";
    wanted.args = {"-y", "@modelcontextprotocol/server-memory"};
    return wanted;
  }
  core::SessionId client(core::ServerSpec wanted) {
    return ready(std::move(wanted), R"({"elicitation":{}})");
  }
  void ends(core::InstanceId instance, const std::string& wire) {
    serves(instance, R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"result":{}})");
  }
  void ends(const std::string& wire) { ends(server(), wire); }
  // What the server was sent since the last look, if that is one message.
  std::string sent() {
    const Lines wire = hears(server());
    REQUIRE(wire.size() <= 1);
    return wire.empty() ? std::string() : wire.front();
  }
  void learns_read_only(core::SessionId session) {
    says(session, request("0", "tools/list"));
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(sent()) +
                         R"(,"result":{"tools":[{"name":"read","annotations":{"readOnlyHint":true}},)"
                         R"({"name":"create","annotations":{"readOnlyHint":false}}]}})");
    hears(session);
  }
  void asks(const std::string& id) {
    serves(server(), request(id, "elicitation/create"));
    passes(core::limits::questions_together);
  }
  void answers(core::SessionId session, const std::string& question) {
    says(session, R"({"jsonrpc":"2.0","id":)" + id_of(question) + R"(,"result":{"action":"accept"}})");
  }
};

}  // namespace

TEST_CASE_FIXTURE(OneCallStage, "calls of all sessions go one at a time, first come, first served") {
  const auto a = client(one());
  const auto b = client(one());
  says(a, call("1", "first"));
  says(a, call("2", "second"));
  says(b, call("1", "third"));
  says(a, call("3", "fourth"));
  for (const std::string name : {"first", "second", "third", "fourth"}) {
    const std::string wire = sent();
    CHECK(wire.contains(name));
    ends(wire);
  }
  CHECK(hears(a).size() == 3);
  CHECK(hears(b).size() == 1);
  CHECK(sent().empty());
}

TEST_CASE_FIXTURE(OneCallStage, "lists, settings and pings do not wait for a call") {
  const auto a = client(one());
  says(a, call("1"));
  const std::string wire = sent();
  CHECK(!wire.empty());
  for (const std::string method : {"tools/list", "resources/list", "prompts/list", "completion/complete"}) {
    says(a, request("\"" + method + "\"", method));
    CHECK(sent().contains(method));
  }
  says(a, request("2", "ping"));
  CHECK(hears(a).size() == 1);
  says(a, call("3"));
  CHECK(sent().empty());
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK(sent().contains("notifications/cancelled"));
}

TEST_CASE_FIXTURE(OneCallStage, "resources and prompts are read in turn, too") {
  const auto a = client(one());
  says(a, call("1"));
  const std::string wire = sent();
  says(a, request("2", "resources/read", R"({"uri":"x:y"})"));
  says(a, request("3", "prompts/get", R"({"name":"p"})"));
  CHECK(sent().empty());
  ends(wire);
  const std::string read = sent();
  CHECK(read.contains("resources/read"));
  ends(read);
  CHECK(sent().contains("prompts/get"));
}

TEST_CASE_FIXTURE(OneCallStage,
                  "calls that only read come together where the table says so, and never beside others") {
  const auto a = client(memory());
  const auto b = client(memory());
  learns_read_only(a);
  says(a, call("1", "read"));
  says(b, call("1", "read"));
  const Lines reads = hears(server());
  REQUIRE(reads.size() == 2);
  says(a, call("2", "create"));
  says(b, call("2", "read"));
  CHECK(sent().empty());
  ends(reads[0]);
  CHECK(sent().empty());
  ends(reads[1]);
  const std::string create = sent();
  CHECK(create.contains("create"));
  ends(create);
  CHECK(sent().contains("read"));
}

TEST_CASE_FIXTURE(OneCallStage, "a server that nothing is said about gets all calls at once") {
  const auto a = client(spec());
  says(a, call("1"));
  says(a, call("2"));
  CHECK(hears(server()).size() == 2);
  CHECK(broker.instances().at(0).one_at_a_time.empty());
}

TEST_CASE_FIXTURE(OneCallStage, "an entry can have the table's server treated like any other") {
  core::ServerSpec many = memory();
  many.calls = Calls::many;
  const auto a = client(many);
  says(a, call("1"));
  says(a, call("2"));
  CHECK(hears(server()).size() == 2);
  SUBCASE("but not for sessions that did not ask for that") {
    const auto b = client(memory());
    says(b, call("1"));
    CHECK(sent().empty());
  }
}

TEST_CASE_FIXTURE(OneCallStage, "one session that wants it makes it so for all, whoever came first") {
  for (const bool entry_first : {true, false}) {
    CAPTURE(entry_first);
    OneCallStage stage;
    const auto a = stage.client(entry_first ? stage.one() : stage.spec());
    const auto b = stage.client(entry_first ? stage.spec() : stage.one());
    REQUIRE(stage.started.size() == 1);
    stage.says(a, call("1"));
    stage.says(b, call("1"));
    CHECK(!stage.sent().empty());
  }
}

TEST_CASE_FIXTURE(OneCallStage, "a cancelled call counts until it is answered, or for a moment") {
  const auto a = client(one());
  const auto b = client(one());
  says(a, call("1"));
  const std::string wire = sent();
  says(b, call("1"));
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK(sent().contains("notifications/cancelled"));
  SUBCASE("it is answered") {
    ends(wire);
    CHECK(sent().contains("create"));
  }
  SUBCASE("it is not") {
    passes(core::limits::ending - std::chrono::milliseconds(1));
    CHECK(sent().empty());
    passes(std::chrono::milliseconds(2));
    CHECK(sent().contains("create"));
  }
}

TEST_CASE_FIXTURE(OneCallStage,
                  "a session that leaves gives its turn and its place in the line to the others") {
  const auto a = client(one());
  const auto b = client(one());
  const auto c = client(one());
  says(a, call("1", "of_a"));
  sent();
  says(b, call("1", "of_b"));
  says(c, call("1", "of_c"));
  happens(broker::SessionClosed{b});
  happens(broker::SessionClosed{a});
  CHECK(sent().contains("notifications/cancelled"));
  passes(core::limits::ending);
  CHECK(sent().contains("of_c"));
}

TEST_CASE_FIXTURE(OneCallStage, "a waiting call that is cancelled is never sent") {
  const auto a = client(one());
  says(a, call("1"));
  const std::string wire = sent();
  says(a, call("2", "unwanted"));
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}})");
  says(a, call("3", "wanted"));
  ends(wire);
  CHECK(sent().contains("wanted"));
}

TEST_CASE_FIXTURE(OneCallStage,
                  "calls that wait when the server dies go to the next process, one at a time") {
  const auto a = client(one());
  says(a, call("1"));
  says(a, call("2", "second"));
  says(a, call("3", "third"));
  sent();
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  CHECK(hears(a).size() == 1);
  passes(std::chrono::seconds(1));
  bring_up();
  const Lines wire = hears(server());
  REQUIRE(!wire.empty());
  CHECK(wire.back().contains("second"));
  ends(wire.back());
  CHECK(sent().contains("third"));
}

TEST_CASE_FIXTURE(OneCallStage, "while a person is asked others have their turn, but not the same session") {
  const auto a = client(one());
  const auto b = client(one());
  says(a, call("1"));
  const std::string first = sent();
  says(a, call("2", "of_a"));
  says(b, call("1", "of_b"));
  asks("9");
  const std::string question = hears(a).at(0);
  const std::string other = sent();
  CHECK(other.contains("of_b"));
  answers(a, question);
  CHECK(sent().empty());
  ends(other);
  CHECK(sent().contains("accept"));
  ends(first);
  CHECK(sent().contains("of_a"));
}

TEST_CASE_FIXTURE(OneCallStage, "a call behind one that waits for its own session's person goes at once") {
  const auto a = client(one());
  const auto b = client(one());
  says(a, call("1"));
  sent();
  asks("9");
  says(a, call("2", "of_a"));
  CHECK(sent().empty());
  says(b, call("1", "of_b"));
  CHECK(sent().contains("of_b"));
}

TEST_CASE_FIXTURE(OneCallStage, "a resource that a client needs for its answer is read while it is asked") {
  const auto a = client(one());
  says(a, call("1"));
  sent();
  asks("9");
  says(a, request("2", "resources/read", R"({"uri":"x:y"})"));
  CHECK(sent().contains("resources/read"));
}

TEST_CASE_FIXTURE(OneCallStage, "people are told that calls go one at a time, and why") {
  client(memory());
  CHECK(broker.instances().at(0).one_at_a_time == "it reads, changes and writes its whole file in each call");
  CHECK(broker.sharing().groups.at(0).one_at_a_time == broker.instances().at(0).one_at_a_time);
  OneCallStage stage;
  stage.client(stage.one());
  CHECK(stage.broker.instances().at(0).one_at_a_time == "a session asked for that (calls: one)");
}

TEST_CASE_FIXTURE(test::ModernServerStage,
                  "a call that a modern server is answered questions for is made again in its turn") {
  core::ServerSpec wanted = asked();
  const auto a = legacy();
  wanted.calls = Calls::one;
  const auto b = open(wanted);
  greet(b, "{}", "2025-11-25");
  says(a, call("1"));
  const std::string first = hears(server()).back();
  serves_result(first, R"({"resultType":"input_required","requestState":"s","inputRequests":{"e":{"method":)"
                       R"("elicitation/create","params":{"message":"?","requestedSchema":{}}}}})");
  const std::string question = hears(a).at(0);
  says(b, call("1", "of_b"));
  const std::string other = hears(server()).back();
  CHECK(other.contains("of_b"));
  says(a, R"({"jsonrpc":"2.0","id":)" + id_of(question) + R"(,"result":{"action":"accept"}})");
  CHECK(hears(server()).empty());
  serves_result(other, R"({"resultType":"complete","content":[]})");
  const Lines again = hears(server());
  REQUIRE(again.size() == 1);
  CHECK(again[0].contains("inputResponses"));
}

// Over HTTP each session has a conversation of its own, and the process is still one.
namespace {

struct OneCallOnWeb : OneCallStage {
  core::ServerSpec web() const {
    core::ServerSpec wanted = one();
    wanted.link = core::Link::streamable;
    wanted.args = {"--port", "${port}"};
    wanted.address.path = "/mcp";
    return wanted;
  }
  // A session on a channel of its own.
  std::pair<core::SessionId, core::InstanceId> on_web() {
    const core::SessionId session = open(web());
    says(session, R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":)"
                  R"("2025-06-18","capabilities":{"elicitation":{}},)"
                  R"("clientInfo":{"name":"test","version":"1"}}})");
    if (process == core::InstanceId{}) {
      process = pending.at(0);
      pending.erase(pending.begin());
      happens(broker::InstanceStarted{process, 100});
      happens(broker::InstanceAnswers{process});
    }
    const core::InstanceId channel = pending.at(0);
    bring_up();
    says(session, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(session);
    hears(channel);
    return {session, channel};
  }
  core::InstanceId process;
};

}  // namespace

TEST_CASE_FIXTURE(OneCallOnWeb,
                  "calls go one at a time over all conversations with a server, in their order") {
  const auto [a, to_a] = on_web();
  const auto [b, to_b] = on_web();
  const auto [c, to_c] = on_web();
  says(a, call("1"));
  says(c, call("1"));
  says(b, call("1"));
  says(a, call("2"));
  const Lines first = hears(to_a);
  REQUIRE(first.size() == 1);
  CHECK(hears(to_b).empty());
  CHECK(hears(to_c).empty());
  ends(to_a, first[0]);
  CHECK(hears(to_a).empty());
  CHECK(hears(to_b).empty());
  const Lines second = hears(to_c);
  REQUIRE(second.size() == 1);
  ends(to_c, second[0]);
  const Lines third = hears(to_b);
  REQUIRE(third.size() == 1);
  ends(to_b, third[0]);
  CHECK(hears(to_a).size() == 1);
}

TEST_CASE_FIXTURE(OneCallOnWeb, "a call whose conversation has ended may still be running for a moment") {
  const auto [a, to_a] = on_web();
  const auto [b, to_b] = on_web();
  says(a, call("1"));
  CHECK(hears(to_a).size() == 1);
  says(b, call("1"));
  happens(broker::SessionClosed{a});
  passes(std::chrono::milliseconds(1));
  happens(broker::InstanceExited{to_a, "was closed", ""});
  CHECK(hears(to_b).empty());
  passes(core::limits::ending);
  CHECK(hears(to_b).size() == 1);
}

TEST_CASE_FIXTURE(OneCallOnWeb, "a person who is asked in one conversation does not hold up the others") {
  const auto [a, to_a] = on_web();
  const auto [b, to_b] = on_web();
  says(a, call("1"));
  says(b, call("1"));
  const std::string first = hears(to_a).at(0);
  serves(to_a, request("9", "elicitation/create"));
  passes(core::limits::questions_together);
  const Lines other = hears(to_b);
  REQUIRE(other.size() == 1);
  answers(a, hears(a).at(0));
  CHECK(hears(to_a).empty());
  ends(to_b, other[0]);
  CHECK(hears(to_a).size() == 1);
}
