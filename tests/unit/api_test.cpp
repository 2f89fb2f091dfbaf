#include "app/api/api.h"

#include <doctest/doctest.h>

#include <set>

#include "broker_fixture.h"

namespace {

using proto::json::Value;
using namespace std::chrono_literals;

struct Told {
  explicit Told(std::string text) : document(proto::json::parse(text)) { REQUIRE(document.root); }
  const Value& list(std::string_view key) const {
    const Value* found = document.root->find(key);
    REQUIRE(found != nullptr);
    return *found;
  }
  proto::json::Document document;
};

std::int64_t number(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  REQUIRE(value != nullptr);
  REQUIRE(value->integer());
  return *value->integer();
}

std::string status_of(const test::Stage& stage) {
  return app::status_json(stage.broker, {.home = "/h", .started = stage.now - 5s, .now = stage.now},
                          {.daemon = 4096});
}

TEST_CASE("api: the status of an empty daemon") {
  const test::Stage stage;
  const Told told(status_of(stage));
  const Value& daemon = told.list("daemon");
  CHECK(number(daemon, "pid") > 1);
  CHECK(number(daemon, "uptimeMs") == 5000);
  CHECK(number(daemon, "memoryBytes") == 4096);
  CHECK(daemon.string_or("home", "") == "/h");
  CHECK(told.list("servers").items.empty());
  CHECK(told.list("sessions").items.empty());
}

TEST_CASE("api: limits of a server, those that nothing keeps, and the budget") {
  test::Stage stage;
  stage.ready();
  core::ServerSpec spec = stage.spec();
  spec.args = {"limited"};
  spec.limits = {.memory = 1 << 20, .cpu = 1500, .processes = 200};
  stage.ready(spec);
  const auto not_kept = [](const base::ResourceLimits& limits) {
    return std::vector<std::string>{"not kept: " + base::shown(limits, base::Resource::cpu)};
  };
  const Told told(app::status_json(
      stage.broker,
      {.home = "/h", .started = stage.now, .now = stage.now, .budget = 4096, .not_kept = not_kept},
      {.daemon = 1, .servers = {{stage.started[0], 1000}, {stage.started[1], 500}}}));
  const std::vector<Value>& servers = told.list("servers").items;
  REQUIRE(servers.size() == 2);
  CHECK(servers[0].find("limits") == nullptr);
  CHECK(servers[0].find("limitsNotKept") == nullptr);
  const Value* limits = servers[1].find("limits");
  REQUIRE(limits != nullptr);
  CHECK(number(*limits, "memoryBytes") == 1 << 20);
  CHECK(limits->find("cpu")->text == "1.5");
  CHECK(number(*limits, "processes") == 200);
  CHECK(servers[1].find("limitsNotKept")->items.at(0).text == "not kept: 1.5 processors");
  const Value* budget = told.list("daemon").find("budget");
  REQUIRE(budget != nullptr);
  CHECK(number(*budget, "memoryBytes") == 4096);
  CHECK(number(*budget, "usedBytes") == 1500);
}

TEST_CASE("api: the status of one server and two sessions") {
  test::Stage stage;
  core::ServerSpec spec = stage.spec();
  spec.args = {"a b", "\"c\""};
  const auto first = stage.ready(spec);
  stage.ready(spec);
  stage.says(first, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}})");
  stage.passes(2s);

  const Told told(status_of(stage));
  REQUIRE(told.list("servers").items.size() == 1);
  const Value& server = told.list("servers").items[0];
  CHECK(server.string_or("name", "") == "files");
  CHECK(server.string_or("state", "") == "ready");
  CHECK(server.string_or("scope", "") == "project");
  CHECK(server.string_or("scopeDirectory", "") == "/project");
  CHECK(server.string_or("serverVersion", "") == "s 1");
  CHECK(server.string_or("revision", "") == "2025-11-25");
  CHECK(server.string_or("trouble", "x").empty());
  CHECK(number(server, "instance") == 1);
  CHECK(number(server, "pid") == 100);
  CHECK(number(server, "sessions") == 2);
  CHECK(number(server, "calls") == 1);
  CHECK(number(server, "callsTotal") == 1);
  CHECK(number(server, "fromCache") == 0);
  CHECK(number(server, "merged") == 0);
  CHECK(number(server, "waiting") == 0);
  CHECK(number(server, "restarts") == 0);
  CHECK(number(server, "dropped") == 0);
  CHECK(number(server, "failures") == 0);
  CHECK(server.find("refusedCalls")->items.empty());
  CHECK(number(server, "uptimeMs") == 2000);
  REQUIRE(server.find("command")->items.size() == 3);
  CHECK(server.find("command")->items[0].text == "/bin/files");
  CHECK(server.find("command")->items[2].text == "\"c\"");

  REQUIRE(told.list("sessions").items.size() == 2);
  std::set<std::int64_t> ids;
  std::int64_t calls = 0;
  for (const Value& session : told.list("sessions").items) {
    ids.insert(number(session, "id"));
    calls += number(session, "calls");
    CHECK(session.string_or("server", "") == "files");
    CHECK(session.string_or("client", "") == "test 1");
    CHECK(session.string_or("project", "") == "/project");
    CHECK(session.string_or("scope", "") == "project");
    CHECK(number(session, "pid") == 7);
    CHECK(number(session, "ageMs") == 2000);
  }
  CHECK(ids.size() == 2);
  CHECK(calls == 1);
}

TEST_CASE("api: a session of a server of the user's has no project") {
  test::Stage stage;
  core::ServerSpec spec = stage.spec();
  spec.scope = core::Scope::user;
  spec.scope_directory.clear();
  stage.ready(spec);
  const Told told(status_of(stage));
  CHECK(told.list("sessions").items.at(0).string_or("project", "x").empty());
  CHECK(told.list("sessions").items.at(0).string_or("scope", "") == "user");
}

TEST_CASE("api: why two share and two do not, without values") {
  test::Stage stage;
  core::ServerSpec spec = stage.spec();
  spec.environment = {{"API_KEY", "sesame"}, {"LANG", "C"}};
  stage.ready(spec);
  spec.environment.set("LANG", "de");
  stage.ready(spec);
  spec.environment.set("API_KEY", "opened");
  stage.ready(spec);

  const std::string text = app::why_json(stage.broker, std::nullopt);
  for (const char* secret : {"sesame", "opened"}) CHECK(text.find(secret) == std::string::npos);
  const Told told(text);
  REQUIRE(told.list("groups").items.size() == 2);
  const Value& shared = told.list("groups").items[0];
  CHECK(shared.find("sessions")->items.size() == 2);
  REQUIRE(shared.find("ignored")->items.size() == 1);
  CHECK(shared.find("ignored")->items[0].string_or("what", "") == "env LANG");
  REQUIRE(told.list("apart").items.size() == 1);
  const Value& because = *told.list("apart").items[0].find("because");
  REQUIRE(because.items.size() == 1);
  CHECK(because.items[0].string_or("what", "") == "env API_KEY");
  CHECK(because.items[0].string_or("here", "") != because.items[0].string_or("there", ""));
}

TEST_CASE("api: why says what was declared to the server, and what was not") {
  test::Stage stage;
  stage.ready(stage.spec(), R"({"elicitation":{}})");
  stage.ready(stage.spec(), R"({"elicitation":{"url":{}},"sampling":{}})");
  const Told told(app::why_json(stage.broker, std::nullopt));
  const auto names = [&](std::string_view key) {
    std::vector<std::string> all;
    for (const Value& name : told.list("groups").items.at(0).find(key)->items) all.push_back(name.text);
    return all;
  };
  CHECK(names("declared") == std::vector<std::string>{"roots", "elicitation by form"});
  CHECK(names("undeclared") == std::vector<std::string>{"elicitation by URL", "sampling"});
}

TEST_CASE("api: why, of one name only") {
  test::Stage stage;
  core::ServerSpec spec = stage.spec();
  stage.ready(spec);
  spec.name = "other";
  spec.program = "/bin/other";
  stage.ready(spec);
  CHECK(Told(app::why_json(stage.broker, std::nullopt)).list("groups").items.size() == 2);
  const Told told(app::why_json(stage.broker, "other"));
  REQUIRE(told.list("groups").items.size() == 1);
  CHECK(told.list("groups").items[0].string_or("name", "") == "other");
  CHECK(Told(app::why_json(stage.broker, "nobody")).list("groups").items.empty());
}

}  // namespace
