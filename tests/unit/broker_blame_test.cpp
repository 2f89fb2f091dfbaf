// What servers die of: the breaker, the call that kills, and ends that are none.
#include <doctest/doctest.h>

#include "broker_fixture.h"

using test::Lines;
using test::Stage;

namespace {

using core::SessionId;

std::string call(std::string_view id, std::string_view tool = "bad",
                 std::string_view arguments = R"({"x":1})") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + R"(","arguments":)" + std::string(arguments) + "}}";
}
std::string result(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})";
}

struct BlameStage : Stage {
  // The session calls, and the server dies of it. Returns what the session hears.
  Lines kills(SessionId session, std::string_view tool = "bad") {
    hears(session);
    says(session, call("1", tool));
    if (Lines heard = hears(session); !heard.empty()) return heard;
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    Lines heard = hears(session);
    comes_back();
    return heard;
  }
  void comes_back() {
    passes(std::chrono::seconds(5));
    bring_up();
    hears(server());
  }
  void works(SessionId session) {
    says(session, call("9", "good"));
    serves(server(), result(id_of(hears(server()).back())));
    CHECK(hears(session).back() == R"({"jsonrpc":"2.0","id":9,"result":{}})");
  }
  std::string state() const { return broker.instances().at(0).state; }
};

}  // namespace

TEST_CASE_FIXTURE(BlameStage,
                  "a long call that kills is refused whatever its token, and others of its length are not") {
  const auto a = ready();
  const auto arguments = [](char first, char last) {
    return std::string(R"({"x":")") + first + std::string(100'000, 'x') + last + R"("})";
  };
  int tokens = 0;
  // As agents write it: each call has a progress token of its own.
  const auto asked = [&](std::string_view tool, const std::string& with) {
    return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":)" +
           std::to_string(++tokens) + R"(},"name":")" + std::string(tool) + R"(","arguments":)" + with + "}}";
  };
  for (int i = 0; i < 3; ++i) {
    hears(a);
    says(a, asked("bad", arguments('a', 'z')));
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    comes_back();
  }
  hears(a);
  says(a, asked("bad", arguments('a', 'z')));
  CHECK(hears(a).at(0).contains("the tool bad with these arguments has ended it 3 times in a row"));
  for (const auto& other :
       {asked("bad", arguments('b', 'z')), asked("bad", arguments('a', 'y')),
        asked("bad", R"([)" + arguments('a', 'z') + "]"), asked("good", arguments('a', 'z'))}) {
    says(a, other);
    serves(server(), result(id_of(hears(server()).back())));
    CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{}})"});
  }
}

TEST_CASE_FIXTURE(BlameStage, "one bad call of five sessions is refused, and takes the server from nobody") {
  const auto good = ready();
  std::vector<SessionId> all;
  for (int i = 0; i < 5; ++i) all.push_back(ready());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Lines heard = kills(all[i]);
    REQUIRE(!heard.empty());
    CHECK(heard[0].contains(i < 3 ? "was killed by SIGSEGV while this call was running"
                                  : "the tool bad with these arguments has ended it 3 times in a row"));
    hears(all[i]);
    works(good);
  }
  CHECK(started.size() == 4);
  const broker::InstanceReport report = broker.instances().at(0);
  CHECK(report.state == "ready");
  REQUIRE(report.refused_calls.size() == 1);
  CHECK(report.refused_calls[0].tool == "bad");
  CHECK(report.refused_calls[0].refused == 2);
  // Other arguments are another call, and time or a person gives this one another chance.
  says(all[0], call("2", "bad", R"({"x":2})"));
  CHECK(hears(server()).back().contains(R"("x":2)"));
  happens(broker::RestartWanted{"files"});
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  comes_back();
  says(all[0], call("3"));
  CHECK(hears(server()).back().contains(R"("x":1)"));
}

TEST_CASE_FIXTURE(BlameStage, "the same call in another spelling is the same call, whoever makes it") {
  const auto a = ready();
  for (int i = 0; i < 3; ++i) {
    works(a);
    kills(a);
    hears(a);
  }
  says(a, R"({"id":5,"params":{"_meta":{"progressToken":8},"name":"bad","arguments":{"x":1}},)"
          R"("method":"tools/call"})");
  CHECK(hears(a).at(0).contains("has ended it 3 times"));
}

TEST_CASE_FIXTURE(BlameStage, "a server that works between its crashes is started again at once, for ever") {
  const auto a = ready();
  for (int i = 0; i < 12; ++i) {
    works(a);
    happens(broker::InstanceExited{server(), "exited with status 1", ""});
    CHECK(state() == "restarting");
    passes(std::chrono::milliseconds(250));
    CHECK(started.size() == static_cast<std::size_t>(i) + 2);
    bring_up();
    hears(server());
    hears(a);
  }
  CHECK(state() == "ready");
}

TEST_CASE_FIXTURE(BlameStage,
                  "a server that comes up and dies without an answer is given up after five times") {
  const auto a = ready();
  for (int i = 0; i < 5; ++i) {
    CHECK(broker.instances().at(0).failures == static_cast<std::uint32_t>(i));
    says(a, call("1", "tool" + std::to_string(i)));
    happens(broker::InstanceExited{server(), "exited with status 1", ""});
    if (i < 4) comes_back();
  }
  CHECK(state() == "failed");
  hears(a);
  says(a, call("2"));
  CHECK(hears(a).at(0).contains("exited with status 1"));
}

TEST_CASE_FIXTURE(BlameStage, "a call that was running beside the one that kills is not refused for it") {
  const auto a = ready();
  const auto b = ready();
  for (int i = 0; i < 3; ++i) {
    if (i > 0) says(b, call("7", "slow"));
    kills(a);
    hears(a);
    hears(b);
  }
  CHECK(kills(a).at(0).contains("has ended it 3 times"));
  says(b, call("8", "slow"));
  CHECK(hears(server()).back().contains("slow"));
}

TEST_CASE_FIXTURE(BlameStage,
                  "the call is refused at once also while the server is about to be started again") {
  const auto a = ready();
  const auto b = ready();
  for (int i = 0; i < 2; ++i) {
    kills(a);
    hears(a);
  }
  says(a, call("1"));
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  hears(a);
  hears(b);
  says(b, call("4"));
  CHECK(hears(b).at(0).contains("has ended it 3 times"));
  CHECK(state() == "restarting");
}

TEST_CASE_FIXTURE(BlameStage, "a server that is stopped has not died of what it was doing") {
  const auto a = ready();
  for (int i = 0; i < 3; ++i) {
    says(a, call("1"));
    happens(broker::StopWanted{"files"});
    happens(broker::InstanceExited{server(), "was killed by SIGTERM", ""});
    says(a, call("2", "good"));
    bring_up();
    hears(server());
  }
  hears(a);
  says(a, call("3"));
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(BlameStage,
                  "a server that ends with status 0 and nothing to do is started when somebody asks") {
  const auto a = ready();
  for (std::size_t i = 1; i <= 8; ++i) {
    works(a);
    happens(broker::InstanceExited{server(), "exited with status 0", "", true});
    const broker::InstanceReport report = broker.instances().at(0);
    CHECK(report.state == "stopped");
    CHECK(report.trouble.empty());
    CHECK(report.failures == 0);
    passes(std::chrono::seconds(30));
    CHECK(started.size() == i);
    says(a, call("2", "good"));
    CHECK(started.size() == i + 1);  // Without a pause.
    bring_up();
    serves(server(), result(id_of(hears(server()).back())));
    // Lists are not told to have changed, or asking for them would begin it all again.
    CHECK(hears(a) == Lines{result("2")});
  }
}

TEST_CASE_FIXTURE(BlameStage, "one that has changed meanwhile is looked at again") {
  const auto a = ready();
  happens(broker::InstanceExited{server(), "exited with status 0", "", true});
  says(a, call("1", "good"));
  bring_up(R"({"tools":{"listChanged":true}})");
  CHECK(hears(a).at(0).contains("notifications/tools/list_changed"));
}

TEST_CASE_FIXTURE(BlameStage,
                  "status 0 is a crash all the same with a call under way, or before it is ready") {
  const auto a = ready();
  says(a, call("1"));
  happens(broker::InstanceExited{server(), "exited with status 0", "", true});
  CHECK(hears(a).at(0).contains("exited with status 0 while this call was running"));
  CHECK(state() == "restarting");
  passes(std::chrono::seconds(1));
  happens(broker::InstanceStarted{server(), 100});
  happens(broker::InstanceExited{server(), "exited with status 0", "", true});
  CHECK(broker.instances().at(0).failures == 2);
}

TEST_CASE_FIXTURE(BlameStage, "a call that a server has not read when it ends goes to the next one") {
  const auto a = ready();
  for (int i = 0; i < 8; ++i) {
    works(a);
    says(a, call("5", "good"));
    const std::string unread = hears(server()).back();
    happens(broker::InstanceExited{server(), "exited with status 0", "", true, {proto::Message(unread)}});
    CHECK(hears(a).empty());
    bring_up();
    const Lines wire = hears(server());
    REQUIRE(!wire.empty());
    CHECK(wire.back() == unread);
    serves(server(), result(id_of(unread)));
    CHECK(hears(a) == Lines{result("5")});
  }
  CHECK(broker.instances().at(0).failures == 0);
}

TEST_CASE_FIXTURE(BlameStage, "one that never reads its calls is given up all the same") {
  const auto a = ready();
  says(a, call("5", "good"));
  for (int i = 0; i < 5; ++i) {
    const Lines wire = hears(server());
    REQUIRE(!wire.empty());
    const proto::Message unread(wire.back());
    happens(broker::InstanceExited{server(), "exited with status 0", "", true, {unread}});
    passes(std::chrono::seconds(5));
    bring_up();
  }
  CHECK(state() == "failed");
  CHECK(hears(a).back().contains(R"("id":5,"error")"));
}

TEST_CASE_FIXTURE(BlameStage, "a server that is stopped after a crash has not failed") {
  const auto a = ready();
  SUBCASE("running again") {
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    passes(std::chrono::seconds(1));
    bring_up();
    happens(broker::StopWanted{"files"});
    happens(broker::InstanceExited{server(), "exited with status 0", ""});
  }
  SUBCASE("about to") {
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    happens(broker::StopWanted{"files"});
  }
  CHECK(state() == "stopped");
  CHECK(broker.instances().at(0).trouble == "was stopped");
  says(a, call("1", "good"));
  CHECK(started.size() >= 2);
}
