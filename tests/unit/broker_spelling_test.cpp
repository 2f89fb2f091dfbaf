// Ids and tokens that come back in another spelling, and what is dropped all the same.
#include <doctest/doctest.h>

#include "modern_server_stage.h"

using test::Lines;
using test::Stage;

namespace {

// The same number as text, and as a floating point number.
std::string as_text(const std::string& id) {
  return '"' + id + '"';
}
std::string as_decimal(const std::string& id) {
  return id + ".0";
}
std::string result(const std::string& id) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})";
}
std::string call(const std::string& id, const std::string& token = {}) {
  const std::string meta = token.empty() ? "" : R"(,"_meta":{"progressToken":)" + token + "}";
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t")" + meta + "}}";
}
std::vector<std::string> logged(const Stage& stage) {
  std::vector<std::string> lines;
  for (const broker::Action& action : stage.actions) {
    if (const auto* log = std::get_if<broker::Log>(&action)) lines.push_back(log->text);
  }
  return lines;
}

}  // namespace

TEST_CASE("an answer whose id comes back as text or with a point is the answer") {
  for (const auto& spelt : {as_text, as_decimal}) {
    Stage stage;
    const auto a = stage.open();
    stage.says(
        a, R"({"id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{}}})");
    stage.happens(broker::InstanceStarted{stage.server(), 100});
    stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":)" +
                                     spelt(Stage::id_of(stage.hears(stage.server()).at(0))) +
                                     R"(,"result":{"protocolVersion":"2025-06-18","capabilities":{}}})");
    CHECK(stage.hears(a).size() == 1);
    stage.says(a, call("\"x\""));
    const std::string id = Stage::id_of(stage.hears(stage.server()).back());
    stage.serves(stage.server(), result(spelt(id)));
    CHECK(stage.hears(a) == Lines{R"({"jsonrpc":"2.0","id":"x","result":{}})"});
    CHECK(stage.broker.instances().at(0).dropped == 0);
  }
}

TEST_CASE("progress whose token comes back in another spelling reaches the client under its own") {
  for (const auto& spelt : {as_text, as_decimal}) {
    for (const std::string own : {"7", R"("seven")"}) {
      Stage stage;
      const auto a = stage.ready();
      stage.says(a, call("1", own));
      const std::string id = Stage::id_of(stage.hears(stage.server()).at(0));
      const auto progress = [](const std::string& token) {
        return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + token +
               R"(,"progress":1}})";
      };
      stage.serves(stage.server(), progress(spelt(id)));
      CHECK(stage.hears(a) == Lines{progress(own)});
    }
  }
}

TEST_CASE("a client's answer to a question, and its progress, may be spelt otherwise") {
  for (const auto& spelt : {as_text, as_decimal}) {
    Stage stage;
    const auto a = stage.ready(stage.spec(), R"({"elicitation":{}})");
    stage.says(a, call("1"));
    stage.hears(stage.server());
    stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create",)"
                                 R"("params":{"message":"?","requestedSchema":{"type":"object",)"
                                 R"("properties":{}},"_meta":{"progressToken":4}}})");
    const std::string ask = Stage::id_of(stage.hears(a).at(0));
    const std::string progress =
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)";
    stage.says(a, progress + spelt("4") + R"(,"progress":1}})");
    CHECK(stage.hears(stage.server()) == Lines{progress + R"(4,"progress":1}})"});
    stage.says(a, R"({"jsonrpc":"2.0","id":)" + spelt(ask) + R"(,"result":{"action":"decline"}})");
    CHECK(stage.hears(stage.server()) ==
          Lines{R"({"jsonrpc":"2.0","id":"q","result":{"action":"decline"}})"});
  }
}

TEST_CASE("what belongs to nobody is logged once of each kind, with its beginning, and counted") {
  Stage stage;
  const auto a = stage.ready();
  stage.ready();
  const std::string answer =
      R"({"jsonrpc":"2.0","id":"7x","result":{"filler":")" + std::string(200, 'y') + "\"}}";
  for (int i = 0; i < 3; ++i) {
    stage.serves(stage.server(), answer);
    stage.serves(stage.server(), R"({"jsonrpc":"2.0","method":"notifications/own"})");
    stage.serves(stage.server(),
                 R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":99}})");
  }
  const auto lines = logged(stage);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "files: dropped an answer to an unknown call: " + answer.substr(0, 100) +
                        "… (logged once; \"dropped\" in hearth status --json counts them)");
  CHECK(lines[1].contains(R"(belongs to no session: {"jsonrpc":"2.0","method":"notifications/own"} ()"));
  CHECK(lines[2].contains("progress of an unknown call"));
  CHECK(stage.broker.instances().at(0).dropped == 9);
  CHECK(stage.hears(a).empty());
}
