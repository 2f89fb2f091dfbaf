// The manager's API: what it answers, and that it is what its description says.
#include "app/api/control.h"

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker_fixture.h"
#include "proto/json.h"

namespace {

using app::Control;

struct Desk : test::Stage {
  proto::HttpAnswer ask(std::string method, std::string path, std::string body = {}) {
    answer.reset();
    proto::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    if (request.method == "GET" && !body.empty()) request.query = "name=" + std::exchange(body, {});
    request.body = std::move(body);
    control.request(1, request);
    control.settle();
    return answer.value_or(proto::HttpAnswer{.status = 0, .fields = {}, .body = {}});
  }

  void ask_status(transport::ExchangeId exchange) {
    proto::HttpRequest request;
    request.method = "GET";
    request.path = "/status";
    control.request(exchange, request);
  }

  std::optional<proto::HttpAnswer> answer;
  std::vector<transport::ExchangeId> answered;
  std::vector<std::function<void(std::string)>> statuses;  // That are being collected, or have been.
  bool ended = false;
  std::optional<std::string> become;
  std::function<void(const std::optional<base::Error>&)> upgrade_told;
  Control control{
      {.broker = broker,
       .feed = [this](broker::Event event) { happens(std::move(event)); },
       .config = [] { return app::read_config(R"({"mcpServers":{"files":{"command":"f"}}})", "c"); },
       .resolve = [this](const std::string& server,
                         const std::string& project) -> base::Result<core::ServerSpec> {
         if (server != "files") return base::failure("there is no server " + server);
         core::ServerSpec found = spec();
         if (!project.empty()) found.scope_directory = found.directory = project;
         return found;
       },
       .status = [this](auto told) { statuses.push_back(std::move(told)); },
       .shut_down = [this] { ended = true; },
       .upgrade =
           [this](const std::string& program, auto told) {
             become = program;
             upgrade_told = std::move(told);
           },
       .answer =
           [this](transport::ExchangeId exchange, const proto::HttpAnswer& given) {
             answer = given;
             answered.push_back(exchange);
           }}};
};

}  // namespace

TEST_CASE_FIXTURE(Desk, "control: every route is described, and nothing else is") {
  const auto document = proto::json::parse(app::openapi_text());
  REQUIRE(document.root);
  REQUIRE(document.mistakes.empty());
  CHECK(document.root->string_or("openapi", "") == "3.1.0");
  const proto::json::Value& paths = *document.root->find("paths");
  std::size_t described = 0;
  for (const proto::json::Member& path : paths.members) {
    for (const proto::json::Member& method : path.value.members) {
      ++described;
      std::string upper;
      for (const char c : method.key) upper += static_cast<char>(c - 'a' + 'A');
      CAPTURE(path.key);
      const auto routes = Control::routes();
      CHECK(std::ranges::any_of(routes, [&](const Control::Route& route) {
        return route.path == path.key && route.method == upper;
      }));
      // What is described is what comes: a status that stands there, with the content type that stands there.
      const proto::HttpAnswer given = ask(upper, path.key, R"({"name":"files"})");
      if (given.status == 0) continue;  // Waits.
      const proto::json::Value* response = method.value.find("responses")->find(std::to_string(given.status));
      REQUIRE(response != nullptr);
      CHECK(given.fields.get("content-type")
                .starts_with(given.status == 200 ? "application/json" : "application/problem+json"));
    }
  }
  CHECK(described == Control::routes().size());
}

TEST_CASE_FIXTURE(Desk, "control: mistakes are told") {
  const struct {
    const char* method;
    const char* path;
    const char* body;
    int status;
    const char* why;
  } table[] = {
      {"GET", "/nowhere", "", 404, "there is no /nowhere"},
      {"POST", "/ping", "", 405, "/ping takes GET, not POST"},
      {"GET", "/start", "", 405, "/start takes POST, not GET"},
      {"POST", "/start", "{", 400, "the body is not JSON"},
      {"POST", "/start", "[1]", 400, "the body must be an object"},
      {"POST", "/start", "{}", 400, "needs \\\"name\\\""},
      {"POST", "/start", R"({"name":1})", 400, "\\\"name\\\" must be a string"},
      {"POST", "/ensure", R"({"name":"files","project":"here"})", 400, "absolute path"},
      {"POST", "/start", R"({"name":"other"})", 404, "there is no server other"},
      {"POST", "/stop", R"({"name":"other"})", 404, "it knows none now"},
      {"POST", "/restart", R"({"name":"other"})", 404, "is known to the daemon"},
  };
  for (const auto& row : table) {
    CAPTURE(row.path);
    CAPTURE(row.body);
    const proto::HttpAnswer given = ask(row.method, row.path, row.body);
    CHECK(given.status == row.status);
    CHECK_MESSAGE(given.body.contains(row.why), given.body);
    CHECK(given.fields.get("content-type") == "application/problem+json");
  }
  CHECK(ask("POST", "/ping").fields.get("allow") == "GET");
}

TEST_CASE_FIXTURE(
    Desk, "control: one status is collected at a time, and requests that come meanwhile share the next") {
  using Exchanges = std::vector<transport::ExchangeId>;
  ask_status(1);
  ask_status(2);
  ask_status(3);
  REQUIRE(statuses.size() == 1);
  CHECK(answered.empty());
  CHECK(ask("GET", "/why").status == 200);  // Nothing else waits for it.
  answered.clear();
  statuses[0]("{}");
  CHECK(answered == Exchanges{1});
  REQUIRE(statuses.size() == 2);
  statuses[1](R"({"daemon":{}})");
  CHECK(answered == Exchanges{1, 2, 3});
  CHECK(answer->status == 200);
  CHECK(answer->body.starts_with(R"({"daemon":{}})"));
  CHECK(statuses.size() == 2);
}

TEST_CASE_FIXTURE(Desk, "control: a caller that hangs up while its status is collected is not answered") {
  using Exchanges = std::vector<transport::ExchangeId>;
  ask_status(1);
  ask_status(2);
  ask_status(3);
  control.gone(1);
  control.gone(2);
  statuses.at(0)("{}");
  CHECK(answered.empty());
  statuses.at(1)("{}");
  CHECK(answered == Exchanges{3});
  ask_status(4);
  control.gone(4);
  statuses.at(2)("{}");
  CHECK(answered == Exchanges{3});
  CHECK(statuses.size() == 3);
}

TEST_CASE_FIXTURE(Desk, "control: a daemon that ends says so to those who wait for its status") {
  ask_status(1);
  ask_status(2);
  control.leave();
  CHECK(answered == std::vector<transport::ExchangeId>{1, 2});
  CHECK(answer->status == 503);
  CHECK(answer->body.contains("the daemon is ending"));
}

TEST_CASE_FIXTURE(Desk, "control: an upgrade is answered when it is certain, or refused with its reason") {
  CHECK(ask("POST", "/upgrade", R"({"program":"/opt/hearthd"})").status == 0);
  CHECK(become == "/opt/hearthd");
  upgrade_told(std::nullopt);
  CHECK(answer->status == 200);
  CHECK(ask("POST", "/upgrade", "").status == 0);
  CHECK(become->empty());
  upgrade_told(base::Error{"it is of another world"});
  CHECK(answer->status == 409);
  CHECK(answer->body.find("it is of another world") != std::string::npos);
  become.reset();
  for (const char* body : {"{}", R"({"program":1})", "{"}) {
    CHECK(ask("POST", "/upgrade", body).status == 400);
    CHECK_FALSE(become);
  }
}

TEST_CASE_FIXTURE(Desk, "control: what another program would not answer holds off an upgrade") {
  CHECK(control.unsettled().empty());
  ask_status(1);
  CHECK(control.unsettled() == "somebody waits for the status");
  statuses.back()("{}");
  CHECK(control.unsettled().empty());
  ask("POST", "/ensure", R"({"name":"files"})");
  CHECK(control.unsettled() == "the server files is being waited for");
}

TEST_CASE_FIXTURE(Desk, "control: ensure answers when the server is ready") {
  CHECK(ask("POST", "/ensure", R"({"name":"files"})").status == 0);
  bring_up();
  control.settle();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body.contains(R"("state":"idle")"));
  CHECK(ask("POST", "/ensure", R"({"name":"files"})").status == 200);
  CHECK(count<broker::StartInstance>() == 1);
  CHECK(ask("POST", "/ensure", R"({"name":"files","project":"/other"})").status == 0);
  CHECK(count<broker::StartInstance>() == 2);
}

TEST_CASE_FIXTURE(Desk, "control: ensure says why a server cannot be had") {
  CHECK(ask("POST", "/ensure", R"({"name":"files"})").status == 0);
  happens(broker::InstanceStartFailed{server(), "cannot start the server files: no such file"});
  control.settle();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->body.contains("no such file"));
}

TEST_CASE_FIXTURE(Desk, "control: a caller that hangs up is not answered") {
  CHECK(ask("POST", "/ensure", R"({"name":"files"})").status == 0);
  control.gone(1);
  bring_up();
  control.settle();
  CHECK_FALSE(answer);
}

TEST_CASE_FIXTURE(Desk, "control: stopping by project leaves others running") {
  ask("POST", "/start", R"({"name":"files"})");
  bring_up();
  ask("POST", "/start", R"({"name":"files","project":"/other"})");
  bring_up();
  CHECK(ask("POST", "/stop", R"({"name":"files","project":"/other"})").status == 0);
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{started.back(), "exited with status 0", ""});
  control.settle();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(ask("POST", "/stop-all").status == 0);
  CHECK(count<broker::StopInstance>() == 2);
  happens(broker::InstanceExited{started.front(), "exited with status 0", ""});
  control.settle();
  CHECK(answer->status == 200);
  CHECK(ask("POST", "/shutdown").status == 200);
  CHECK(ended);
}

TEST_CASE_FIXTURE(Desk, "control: a restart is answered when the old process has ended") {
  ready();
  CHECK(ask("POST", "/restart", R"({"name":"files"})").status == 0);
  control.gone(1);
  CHECK(ask("POST", "/restart", R"({"name":"files"})").status == 0);
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  control.settle();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(count<broker::StartInstance>() == 2);
}

TEST_CASE_FIXTURE(Desk, "control: why of a name that sessions use, and of one that nobody has") {
  core::ServerSpec own = spec();
  ready(own);
  own.name = "mine";
  ready(own);
  own.name = "fresh";
  own.program = "/bin/fresh";
  open(own);
  for (const std::string name : {"files", "mine"}) {
    const std::string body = ask("GET", "/why", name).body;
    CAPTURE(body);
    CHECK(body.contains(R"("name":"files")"));
    CHECK(body.contains(R"("server":"mine")"));
    CHECK(body.contains(R"("unplaced":[])"));
  }
  const std::string fresh = ask("GET", "/why", "fresh").body;
  CAPTURE(fresh);
  CHECK(fresh.contains(R"("groups":[],"unplaced":[{)"));
  const proto::HttpAnswer none = ask("GET", "/why", "nobody");
  CHECK(none.status == 404);
  CHECK(none.body.contains("no server named nobody is known to the daemon; there are: files, fresh, mine"));
}

TEST_CASE_FIXTURE(Desk, "control: a server that is being stopped starts again if it is wanted") {
  ask("POST", "/start", R"({"name":"files"})");
  bring_up();
  ask("POST", "/stop", R"({"name":"files"})");
  CHECK(ask("POST", "/ensure", R"({"name":"files"})").status == 0);
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  CHECK(count<broker::StartInstance>() == 2);
  bring_up();
  control.settle();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  passes(std::chrono::minutes(6));
  CHECK(count<broker::StopInstance>() == 2);  // No session needed it for its idle time.
}
