#include <doctest/doctest.h>

#include "broker_fixture.h"
#include "core/noise.h"

using core::Noise;
using test::Lines;
using test::Stage;

namespace {

// What the daemon's log has been given, and what sessions were told to show on stderr.
Lines logged(Stage& stage) {
  Lines lines;
  for (const broker::Action& action : stage.actions) {
    if (const auto* log = std::get_if<broker::Log>(&action)) lines.push_back(log->text);
  }
  return lines;
}
Lines told(Stage& stage, core::SessionId session) {
  Lines lines;
  for (const broker::Action& action : stage.actions) {
    const auto* tell = std::get_if<broker::TellSession>(&action);
    if (tell != nullptr && tell->session == session) lines.push_back(tell->text);
  }
  return lines;
}

}  // namespace

TEST_CASE("noise is told of at the first, at powers of ten, and in sum") {
  Noise noise;
  CHECK(noise.add() == Noise::Worth::a_look);
  int numbers = 0;
  for (int i = 1; i < 1'000'000; ++i) numbers += noise.add() == Noise::Worth::its_number ? 1 : 0;
  CHECK(numbers == 6);
  CHECK(noise.count() == 1'000'000);
  CHECK(noise.end() == 0);  // The last power of ten was the sum.
  CHECK(noise.add() == Noise::Worth::a_look);
  CHECK(noise.add() == Noise::Worth::nothing);
  CHECK(noise.end() == 2);
  CHECK(noise.end() == 0);
}

TEST_CASE("lines that are no messages are logged once and then counted") {
  Stage stage;
  const auto a = stage.ready();
  const auto b = stage.ready();
  stage.actions.clear();
  stage.serves(stage.server(), "Server running on stdio");
  REQUIRE(logged(stage).size() == 1);
  CHECK(logged(stage)[0].starts_with(
      "files: skipped a line on its stdout that is no message: \"Server running "));
  CHECK(logged(stage)[0].ends_with("; further ones are only counted"));
  for (const auto session : {a, b}) {
    REQUIRE(told(stage, session).size() == 1);
    CHECK(told(stage, session)[0] == "server " + logged(stage)[0]);
  }

  stage.actions.clear();
  for (int i = 0; i < 999; ++i) stage.serves(stage.server(), "more of it");
  CHECK(logged(stage) == Lines{"files: 10 lines on its stdout were no messages so far",
                               "files: 100 lines on its stdout were no messages so far",
                               "files: 1000 lines on its stdout were no messages so far"});
  CHECK(told(stage, a).empty());
  CHECK(stage.broker.instances().at(0).dropped == 1000);

  stage.serves(stage.server(), "and the last");
  stage.actions.clear();
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  const Lines end = logged(stage);
  CHECK(std::ranges::count(end, "files: 1001 lines on its stdout were no messages, until it ended") == 1);
}

TEST_CASE("sessions hear of a banner once, not with every start of the server") {
  Stage stage;
  const auto a = stage.ready();
  stage.serves(stage.server(), "banner");
  stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGSEGV", ""});
  stage.says(a, R"({"id":1,"method":"tools/list"})");
  stage.passes(std::chrono::seconds(1));
  stage.bring_up();
  stage.actions.clear();
  stage.serves(stage.server(), "banner");
  CHECK(logged(stage).size() == 1);
  CHECK(told(stage, a).empty());
}

TEST_CASE("what is shown of noise is short, plain text, and never a part of a message") {
  const auto shown = [](std::string line) {
    Stage stage;
    static_cast<void>(stage.ready());
    stage.actions.clear();
    stage.serves(stage.server(), std::move(line));
    REQUIRE(logged(stage).size() == 1);
    const std::string text = logged(stage)[0];
    const std::size_t from = text.find("no message: ") + 12;
    return text.substr(from, text.rfind(" (") - from);
  };
  CHECK(shown("\x1b[31mred\x1b[0m \xE2\x9C\x93 \xff \xC2\x9B\x7f") == "\"?[31mred?[0m \xE2\x9C\x93 ? ??\"");
  CHECK(shown(std::string(100, 'x')) == '"' + std::string(60, 'x') + "\" … (100 bytes)");
  CHECK(shown(R"({"jsonrpc":"2.0","id":1,"result":{"secret":"hush")") == "49 bytes");
}
