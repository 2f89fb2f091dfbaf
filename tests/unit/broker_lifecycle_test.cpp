#include <doctest/doctest.h>

#include "broker_fixture.h"

using test::Lines;
using test::Page;
using test::Stage;

namespace {

std::string call(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{}})";
}
std::string result(std::string_view id, std::string_view value = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(value) + "}";
}
std::string initialize(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) +
         R"(,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{}}})";
}
bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("after a crash calls in flight fail once, and the server comes back as it was") {
  Stage stage;
  const auto a = stage.ready();
  stage.says(a, R"({"id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
  stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).at(0))));
  stage.says(a, R"({"id":2,"method":"logging/setLevel","params":{"level":"debug"}})");
  stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).at(0))));
  stage.says(a, call("3"));
  stage.hears(stage.server());
  stage.hears(a);
  stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGSEGV", "oops"});
  const Lines failed = stage.hears(a);
  REQUIRE(failed.size() == 1);
  CHECK(holds(failed[0], R"("id":3,"error":{"code":-32603)"));
  CHECK(holds(failed[0], "was killed by SIGSEGV; its last words: oops"));
  stage.says(a, call("4"));
  stage.passes(std::chrono::milliseconds(250));
  stage.bring_up();
  const Lines wire = stage.hears(stage.server());
  REQUIRE(wire.size() == 5);
  CHECK(holds(wire[0], "initialize"));
  CHECK(holds(wire[1], "notifications/initialized"));
  CHECK(holds(wire[2], "resources/subscribe"));
  CHECK(holds(wire[3], R"({"level":"debug"})"));
  CHECK(holds(wire[4], "tools/call"));
  const Lines told = stage.hears(a);
  CHECK(told.size() == 2);  // tools and resources have changed, for all anybody knows.
}

TEST_CASE("a server that cannot be started says so to who asked, and is not tried on end") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  stage.happens(
      broker::InstanceStartFailed{stage.server(), "cannot run /bin/files: No such file or directory"});
  CHECK(holds(stage.hears(a).at(0), "No such file or directory"));
  for (int i = 2; i <= 5; ++i) {
    stage.says(a, initialize(std::to_string(i)));
    stage.happens(broker::InstanceStartFailed{stage.server(), "no"});
  }
  CHECK(stage.started.size() == 5);
  stage.says(a, initialize("6"));
  CHECK(stage.started.size() == 5);
  stage.passes(std::chrono::minutes(1));
  stage.says(a, initialize("7"));
  CHECK(stage.started.size() == 6);
}

TEST_CASE("a crash loop opens the breaker; `hearth restart` closes it") {
  Stage stage;
  const auto a = stage.ready();
  for (int i = 0; i < 4; ++i) {
    stage.happens(broker::InstanceExited{stage.server(), "exited with status 1", ""});
    stage.passes(std::chrono::seconds(5));
    stage.bring_up();
  }
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 1", ""});
  stage.passes(std::chrono::seconds(30));
  CHECK(stage.started.size() == 5);
  stage.hears(a);
  stage.says(a, call("1"));
  CHECK(holds(stage.hears(a).at(0), "exited with status 1"));
  stage.happens(broker::RestartWanted{"files"});
  CHECK(stage.started.size() == 6);
  stage.bring_up();
  stage.says(a, call("2"));
  CHECK(holds(stage.hears(stage.server()).back(), "tools/call"));
}

TEST_CASE("a server that its launcher has left goes on under another pid") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  stage.bring_up();
  stage.happens(broker::InstanceMoved{stage.server(), 77});
  CHECK(stage.broker.instances().at(0).pid == 77);
  stage.says(a, call("2"));
  CHECK(holds(stage.hears(stage.server()).back(), "tools/call"));
}

TEST_CASE("a server that stays silent is given up after the start timeout, which its stderr extends") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  stage.happens(broker::InstanceStarted{stage.server(), 5});
  stage.passes(std::chrono::seconds(50));
  stage.happens(broker::InstanceSpoke{stage.server()});
  stage.passes(std::chrono::seconds(50));
  CHECK(stage.count<broker::StopInstance>() == 0);
  stage.passes(std::chrono::seconds(15));
  CHECK(stage.count<broker::StopInstance>() == 1);
  stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGTERM", ""});
  CHECK(holds(stage.hears(a).at(0), "did not answer initialize within 60 s"));
}

TEST_CASE("a server that hangs at every start opens the breaker as well") {
  Stage stage;
  const auto a = stage.open();
  for (int i = 1; i <= 5; ++i) {
    stage.says(a, initialize(std::to_string(i)));
    stage.happens(broker::InstanceStarted{stage.server(), 5});
    stage.passes(std::chrono::seconds(61));
    stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGTERM", ""});
  }
  stage.says(a, initialize("6"));
  CHECK(stage.started.size() == 5);
}

TEST_CASE("a server's own refusal of initialize is passed on as it is") {
  Stage stage;
  const auto a = stage.open();
  stage.says(a, initialize("1"));
  stage.happens(broker::InstanceStarted{stage.server(), 5});
  const std::string id = Stage::id_of(stage.hears(stage.server()).at(0));
  stage.serves(stage.server(),
               R"({"id":)" + id + R"(,"error":{"code":-32602,"message":"bad","data":{"k":1}}})");
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  CHECK(stage.hears(a) ==
        Lines{R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bad","data":{"k":1}}})"});
}

TEST_CASE("without sessions a server stops after its idle time, and not a moment before") {
  Stage stage;
  const auto a = stage.ready();
  stage.happens(broker::SessionClosed{a});
  stage.passes(std::chrono::minutes(5) - std::chrono::microseconds(1));
  CHECK(stage.count<broker::StopInstance>() == 0);
  const auto b = stage.ready();
  CHECK(stage.started.size() == 1);
  stage.happens(broker::SessionClosed{b});
  stage.passes(std::chrono::minutes(5));
  CHECK(stage.count<broker::StopInstance>() == 1);
  // Somebody comes while it stops: it waits for the end and gets a new one.
  const auto c = stage.open();
  stage.says(c, initialize("1"));
  CHECK(holds(stage.hears(c).at(0), "protocolVersion"));
  stage.says(c, call("2"));
  CHECK(stage.started.size() == 1);
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  CHECK(stage.started.size() == 2);
  stage.bring_up();
  CHECK(holds(stage.hears(stage.server()).back(), "tools/call"));
}

TEST_CASE("a private server ends with its session") {
  Stage stage;
  core::ServerSpec spec = stage.spec();
  spec.scope = core::Scope::session;
  const auto a = stage.ready(spec);
  stage.ready(spec);
  CHECK(stage.started.size() == 2);
  stage.happens(broker::SessionClosed{a});
  stage.passes(base::Duration::zero());
  CHECK(stage.count<broker::StopInstance>() == 1);
}

TEST_CASE("different credentials never share, other differences do and are told") {
  Stage stage;
  core::ServerSpec one = stage.spec();
  one.environment = {{"API_TOKEN", "a"}, {"COLUMNS", "80"}};
  core::ServerSpec two = one;
  two.environment.set("API_TOKEN", "b");
  core::ServerSpec three = one;
  three.environment.set("COLUMNS", "100");
  stage.ready(one);
  stage.ready(two);
  stage.ready(three);
  CHECK(stage.started.size() == 2);
  const broker::SharingReport report = stage.broker.sharing();
  REQUIRE(report.apart.size() == 1);
  CHECK(report.apart[0].because.at(0).what == "env API_TOKEN");
  CHECK(report.groups.at(0).sessions.size() == 2);
  CHECK(report.groups.at(0).ignored.at(0).what == "env COLUMNS");
}

TEST_CASE("a stopped server starts again when it is needed, and only then") {
  Stage stage;
  const auto a = stage.ready();
  stage.happens(broker::StopWanted{"files"});
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  stage.passes(std::chrono::seconds(10));
  CHECK(stage.started.size() == 1);
  stage.says(a, call("1"));
  CHECK(stage.started.size() == 2);
}

TEST_CASE("a stop answers what a restart was to serve") {
  Stage stage;
  const auto a = stage.ready();
  stage.happens(broker::RestartWanted{"files"});
  stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///x"}})");
  CHECK(stage.hears(a).empty());
  stage.happens(broker::StopWanted{"files"});
  CHECK(holds(stage.hears(a).at(0), "was stopped on request"));
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  CHECK(stage.started.size() == 1);
}

TEST_CASE("the daemon retires when nobody has come for its idle time, once") {
  Stage stage;
  const auto a = stage.ready();
  stage.passes(std::chrono::hours(1));
  CHECK(stage.count<broker::Retire>() == 0);
  stage.happens(broker::SessionClosed{a});
  stage.passes(std::chrono::minutes(10));
  CHECK(stage.count<broker::Retire>() == 0);  // The server has been told to stop and is not gone yet.
  stage.happens(broker::InstanceExited{stage.server(), "exited with status 0", ""});
  CHECK(stage.count<broker::Retire>() == 1);
  stage.passes(std::chrono::hours(1));
  CHECK(stage.count<broker::Retire>() == 1);
}

TEST_CASE("a server that does not read stops the sessions that feed it, those that come later too") {
  Stage stage;
  stage.ready();
  stage.happens(broker::InstanceBlocked{stage.server()});
  CHECK(stage.count<broker::PauseSession>() == 1);
  core::ServerSpec other = stage.spec();
  other.args = {"other"};
  stage.ready(other);
  CHECK(stage.count<broker::PauseSession>() == 1);
  stage.open();
  const auto late = stage.open();
  stage.says(late, initialize("1"));
  CHECK(stage.count<broker::PauseSession>() == 2);
  stage.happens(broker::InstanceUnblocked{stage.started.front()});
  CHECK(stage.count<broker::ResumeSession>() == 2);
}

TEST_CASE("a session outlives its daemon: what was in flight is answered once, what was set up is replayed") {
  Page page;
  {
    Stage stage;
    const auto a = stage.open(stage.spec(), &page);
    stage.greet(a, "{}", "2025-03-26");
    stage.says(a, R"({"id":1,"method":"resources/subscribe","params":{"uri":"u"}})");
    stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).at(0))));
    proto::Journal(page.bytes).call_ended(proto::Journal(page.bytes).slots().back());
    stage.says(a, call("\"x\""));
    stage.says(a, call("\"" + std::string(100, 'l') + "\""));
  }
  Stage next;
  // The initialize answer was never marked as written: it is owed too. Mark it, as a daemon that wrote it
  // would have.
  proto::Journal written(page.bytes);
  const auto ids = written.calls();
  const auto slots = written.slots();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == "\"init\"") written.call_ended(slots[i]);
  }
  const auto a = next.open(next.spec(), &page);
  const Lines lost = next.hears(a);
  REQUIRE(lost.size() == 2);
  CHECK(holds(lost[0], R"("id":"x","error")"));
  CHECK(holds(lost[1], R"("id":"lll)"));
  next.bring_up();
  const Lines wire = next.hears(next.server());
  REQUIRE(wire.size() == 3);
  CHECK(holds(wire[2], "resources/subscribe"));
  CHECK(next.hears(a).size() == 3);  // Any list may have changed.
  next.says(a, call("\"x\""));
  CHECK(holds(next.hears(next.server()).at(0), "tools/call"));
}

TEST_CASE("an unsubscribed session stays so under the next daemon, even if a server refused in between") {
  Page page;
  {
    Stage stage;
    const auto a = stage.open(stage.spec(), &page);
    stage.greet(a, "{}", "2025-03-26");
    const std::string about_u = R"(","params":{"uri":"u"}})";
    stage.says(a, R"({"id":1,"method":"resources/subscribe)" + about_u);
    stage.serves(stage.server(), result(Stage::id_of(stage.hears(stage.server()).at(0))));
    stage.happens(broker::InstanceExited{stage.server(), "was killed by SIGSEGV", ""});
    stage.passes(std::chrono::seconds(1));
    stage.bring_up();
    const std::string again = stage.hears(stage.server()).back();
    REQUIRE(holds(again, "resources/subscribe"));
    stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":)" + Stage::id_of(again) +
                                     R"(,"error":{"code":-32603,"message":"no"}})");
    stage.says(a, R"({"id":2,"method":"resources/unsubscribe)" + about_u);
  }
  Stage next;
  next.open(next.spec(), &page);
  next.bring_up();
  for (const std::string& line : next.hears(next.server())) CHECK(!holds(line, "resources/subscribe"));
}

TEST_CASE("an initialize that the old daemon never answered is answered by the next") {
  Page page;
  {
    Stage stage;
    const auto a = stage.open(stage.spec(), &page);
    stage.says(a, initialize("1"));
  }
  Stage next;
  const auto a = next.open(next.spec(), &page);
  next.bring_up();
  const Lines heard = next.hears(a);
  REQUIRE(heard.size() == 1);
  CHECK(holds(heard[0], R"("id":1,"result":{"protocolVersion":"2025-06-18")"));
}
