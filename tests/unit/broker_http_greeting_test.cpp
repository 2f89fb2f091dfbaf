// The first words with a server that speaks HTTP, where it says nothing or refuses.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using test::Lines;
using test::Stage;

const std::string legacy_greeting =
    R"({"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"w","version":"1"}})";
const std::string modern_greeting = R"({"supportedVersions":["2026-07-28"],"capabilities":{}})";

struct GreetingStage : Stage {
  // One that is elsewhere, and that may be a modern one.
  core::ServerSpec far() const {
    core::ServerSpec spec = this->spec();
    spec.name = "far";
    spec.program.clear();
    spec.args.clear();
    spec.link = core::Link::streamable;
    spec.address.url = "https://example.org/mcp";
    spec.probe = true;
    return spec;
  }

  core::SessionId begin() {
    const core::SessionId id = open(far());
    says(id, R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-06-18",)"
             R"("capabilities":{},"clientInfo":{"name":"test","version":"1"}}})");
    return id;
  }
  // The channel that was opened last; its server has come up.
  core::InstanceId channel() {
    for (; seen < actions.size(); ++seen) {
      const auto* start = std::get_if<broker::StartInstance>(&actions[seen]);
      if (start == nullptr) continue;
      const core::InstanceId id = start->instance;
      const bool is_channel = start->channel_of.has_value();
      happens(broker::InstanceStarted{id, 0});
      if (!is_channel) happens(broker::InstanceAnswers{id});
      if (is_channel) last = id;
    }
    return last;
  }
  void answers(core::InstanceId to, const std::string& request, const std::string& what) {
    serves(to, R"({"jsonrpc":"2.0","id":)" + id_of(request) + "," + what + "}");
  }
  void results(core::InstanceId to, const std::string& request, const std::string& result) {
    answers(to, request, R"("result":)" + result);
  }
  void refuses(core::InstanceId to, const std::string& request, int code) {
    answers(to, request, R"("error":{"code":)" + std::to_string(code) + R"(,"message":"no"})");
  }

  // Until it has said nothing for as long as it is waited for: its initialize.
  std::string silent(core::InstanceId to) {
    const Lines first = hears(to);
    REQUIRE(first.size() == 1);
    REQUIRE(first[0].contains("server/discover"));
    passes(std::chrono::seconds(2));
    const Lines wire = hears(to);
    REQUIRE(wire.size() == 2);
    CHECK(wire[0].contains("notifications/cancelled"));
    refuses(to, first[0], -32603);  // As a transport answers a call that was cancelled.
    CHECK(wire[1].contains(R"("method":"initialize")"));
    return wire[1];
  }

  std::size_t seen = 0;
  core::InstanceId last{};
};

}  // namespace

TEST_CASE_FIXTURE(GreetingStage,
                  "a server that is silent on discover over HTTP is greeted after two seconds") {
  const core::SessionId a = begin();
  const core::InstanceId one = channel();
  results(one, silent(one), legacy_greeting);
  CHECK(hears(a).at(0).contains(R"("name":"w")"));
  REQUIRE(count<broker::NoteNoProbe>() == 1);
  for (const broker::Action& action : actions) {
    if (const auto* note = std::get_if<broker::NoteNoProbe>(&action)) {
      CHECK(note->program == "https://example.org/mcp");
      CHECK(note->args.empty());
    }
  }
  // The next session's channel is not made to wait.
  begin();
  const Lines wire = hears(channel());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"("method":"initialize")"));
  CHECK(count<broker::NoteNoProbe>() == 1);
}

TEST_CASE_FIXTURE(GreetingStage,
                  "a server that was silent and refuses initialize is asked once more what it is") {
  const core::SessionId a = begin();
  const core::InstanceId one = channel();
  refuses(one, silent(one), -32601);
  const std::string again = hears(one).at(0);
  CHECK(again.contains("server/discover"));
  SUBCASE("a modern one that had been asleep") {
    results(one, again, modern_greeting);
    CHECK(hears(a).at(0).contains("protocolVersion"));
    CHECK(count<broker::NoteNoProbe>() == 0);
  }
  SUBCASE("one that refuses both") {
    refuses(one, again, -32601);
    happens(broker::InstanceExited{one, "was closed", ""});
    CHECK(hears(a).at(0).contains(R"("error":{"code":-32601,"message":"no"})"));
  }
  SUBCASE("one that is silent again is not waited for") {
    passes(std::chrono::seconds(2));
    happens(broker::InstanceExited{one, "was closed", ""});
    CHECK(hears(a).at(0).contains(R"("error":{"code":-32601,"message":"no"})"));
  }
}

TEST_CASE_FIXTURE(GreetingStage,
                  "a server that refuses initialize and then what it asked to be asked is given up") {
  const core::SessionId a = begin();
  const core::InstanceId one = channel();
  refuses(one, hears(one).at(0), -32601);
  const std::string initialize = hears(one).at(0);
  answers(one, initialize, R"("error":{"code":-32022,"message":"new","data":{"supported":["2026-07-28"]}})");
  refuses(one, hears(one).at(0), -32601);
  happens(broker::InstanceExited{one, "was closed", ""});
  CHECK(hears(a).at(0).contains("-32022"));
}
