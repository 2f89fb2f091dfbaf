// Servers that ask: whose turn it is, and what others may do while a person is asked.
#include <doctest/doctest.h>

#include "broker_fixture.h"
#include "core/limits.h"

using test::Lines;

namespace {

struct DialogStage : test::Stage {
  core::SessionId client(core::ServerSpec wanted) {
    return ready(std::move(wanted), R"({"elicitation":{}})");
  }
  core::SessionId client() { return client(spec()); }
  std::string calls(core::SessionId session, const std::string& id) {
    says(session, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t"}})");
    const Lines wire = hears(server());
    return wire.empty() ? std::string() : wire.back();
  }
  void asks(const std::string& id) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"elicitation/create","params":{}})");
  }
  void answers(core::SessionId session, const std::string& question) {
    says(session, R"({"jsonrpc":"2.0","id":)" + id_of(question) + R"(,"result":{"action":"accept"}})");
  }
  void ends(const std::string& wire) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(wire) + R"(,"result":{}})");
  }
  static std::string answered(const std::string& id) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"action":"accept"}})";
  }
  std::string logged() const {
    std::string all;
    for (const broker::Action& action : actions) {
      if (const auto* log = std::get_if<broker::Log>(&action)) all += log->text + '\n';
    }
    return all;
  }
};

}  // namespace

TEST_CASE_FIXTURE(DialogStage, "calls take turns from a server's first question on, which is remembered") {
  const auto a = client();
  const auto b = client();
  const std::string first = calls(a, "1");
  asks("9");
  answers(a, hears(a).at(0));
  CHECK(hears(server()) == Lines{answered("9")});
  CHECK(calls(b, "1").empty());
  ends(first);
  CHECK(hears(server()).at(0).contains("tools/call"));
  CHECK(count<broker::NoteAsks>() == 1);
}

TEST_CASE_FIXTURE(DialogStage, "calls of a server that is known to ask take turns from the start") {
  core::ServerSpec known = spec();
  known.asks = true;
  const auto a = client(known);
  const auto b = client(known);
  const std::string first = calls(a, "1");
  CHECK(calls(b, "1").empty());
  asks("9");
  CHECK(hears(a).size() == 1);
  CHECK(count<broker::NoteAsks>() == 0);
}

TEST_CASE_FIXTURE(DialogStage,
                  "a question that could belong to several calls is declined, and they are named") {
  const auto a = client();
  const auto b = client();
  calls(a, "1");
  calls(b, R"("two")");
  const std::size_t said_before = count<broker::TellSession>();
  serves(server(), R"({"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}})");
  const std::string told = hears(server()).at(0);
  for (const std::string& text : {told, logged()}) {
    CAPTURE(text);
    CHECK(text.contains("tools/call 1 of test 1 (process 7) or tools/call "));
    CHECK(text.contains("take turns from now on"));
  }
  CHECK(logged().contains("files: declined sampling/createMessage (id 9)"));
  CHECK(told.contains("files: declined sampling/createMessage (id 9)"));
  CHECK(count<broker::TellSession>() == said_before + 2);
}

TEST_CASE_FIXTURE(DialogStage, "another session has its turn while a person is asked") {
  const auto a = client();
  const auto b = client();
  const std::string first = calls(a, "1");
  asks("9");
  const std::string dialog = hears(a).at(0);
  CHECK(calls(b, "1").empty());  // There may be more questions.
  passes(core::limits::questions_together);
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  const std::string second = wire[0];
  CHECK(second.contains("tools/call"));
  SUBCASE("and is asked what its own call needs") {
    asks("10");
    CHECK(hears(a).empty());
    const std::string other = hears(b).at(0);
    answers(a, dialog);
    CHECK(hears(server()).empty());  // Before it is known whether that call asks for more.
    passes(core::limits::questions_together);
    CHECK(hears(server()) == Lines{answered("9")});
    answers(b, other);
    CHECK(hears(server()).empty());
    asks("11");
    CHECK(hears(b).empty());
    CHECK(hears(a).size() == 1);
    ends(first);
    CHECK(hears(server()) == Lines{answered("10")});
  }
  SUBCASE("and the answer waits until its calls are over") {
    answers(a, dialog);
    CHECK(hears(server()).empty());
    asks("10");
    CHECK(hears(b).size() == 1);
    ends(second);
    CHECK(hears(server()) == Lines{answered("9")});
  }
  SUBCASE("and an answer that nobody gave waits, too") {
    passes(std::chrono::minutes(10));
    CHECK(hears(server()).empty());
    ends(second);
    CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":9,"result":{"action":"cancel"}})"});
  }
  SUBCASE("and what was answered is told to the server if its client leaves") {
    answers(a, dialog);
    happens(broker::SessionClosed{a});
    const Lines told = hears(server());
    REQUIRE(told.size() == 2);
    CHECK(told[0] == answered("9"));
    CHECK(told[1].contains("notifications/cancelled"));
  }
  SUBCASE("and what was answered is forgotten with the server") {
    answers(a, dialog);
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    hears(server());
    passes(std::chrono::seconds(1));
    bring_up();
    for (const std::string& line : hears(server())) CHECK(!line.contains(R"("accept")"));
  }
}

TEST_CASE_FIXTURE(DialogStage, "a session one of whose calls still works keeps its turn") {
  const auto a = client();
  const auto b = client();
  calls(a, "1");
  calls(a, "2");
  asks("9");
  hears(a);
  CHECK(calls(b, "1").empty());
  passes(std::chrono::seconds(1));
  CHECK(hears(server()).empty());
  asks("10");
  CHECK(hears(a).size() == 1);
  passes(core::limits::questions_together);
  CHECK(hears(server()).at(0).contains("tools/call"));
}

TEST_CASE_FIXTURE(DialogStage, "a call that waits already has its turn when a person is asked") {
  core::ServerSpec known = spec();
  known.asks = true;
  const auto a = client(known);
  const auto b = client(known);
  const std::string first = calls(a, "1");
  calls(b, "1");
  ends(first);
  CHECK(hears(server()).size() == 1);
  CHECK(calls(a, "2").empty());
  asks("9");
  CHECK(hears(b).size() == 1);
  passes(core::limits::questions_together);
  CHECK(hears(server()).at(0).contains("tools/call"));
}

TEST_CASE_FIXTURE(DialogStage, "one dialog soon after another lets others have their turn, too") {
  const auto a = client();
  const auto b = client();
  const std::string before = calls(b, "1");
  asks("8");
  answers(b, hears(b).at(0));
  ends(before);
  hears(server());
  passes(core::limits::questions_together / 2);
  calls(b, "2");
  asks("9");
  CHECK(calls(a, "1").empty());
  passes(core::limits::questions_together);
  CHECK(hears(server()).at(0).contains("tools/call"));
}
