// Tasks whose client and server are of different eras.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker_fixture.h"
#include "core/limits.h"

namespace {

using test::Lines;

const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                          R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"extensions":{)"
                          R"("io.modelcontextprotocol/tasks":{}}}})";

struct TaskStage : test::Stage {
  void serves_result(const std::string& request, const std::string& result) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + result + "}");
  }
  std::string wire() {
    const Lines heard = hears(server());
    REQUIRE(heard.size() == 1);
    return heard[0];
  }
  std::string heard(core::SessionId client) {
    const Lines all = hears(client);
    REQUIRE(all.size() == 1);
    return all[0];
  }
  // A legacy client on a modern server that has tasks.
  core::SessionId legacy() {
    core::ServerSpec asked = spec();
    asked.probe = true;
    return legacy(asked);
  }
  core::SessionId legacy(const core::ServerSpec& asked) {
    const core::SessionId id = open(asked);
    says(id, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
             R"("capabilities":{"elicitation":{}},"clientInfo":{"name":"old","version":"2"}}})");
    happens(broker::InstanceStarted{server(), 1});
    pending.clear();
    serves_result(wire(), R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"logging":{},)"
                          R"("extensions":{"io.modelcontextprotocol/tasks":{}}}})");
    CHECK(heard(id).contains(R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})"));
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    return id;
  }
  // A modern client on a legacy server that has tasks.
  core::SessionId modern() {
    const core::SessionId id = open();
    asks(id, "0", "server/discover");
    bring_up(R"({"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}})");
    CHECK(heard(id).contains(R"("capabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}},)"
                             R"("tools":{}})"));
    const std::string list = hears(server()).back();
    REQUIRE(list.contains("tools/list"));
    serves_result(list, R"({"tools":[{"name":"may","execution":{"taskSupport":"optional"}},{"name":"not"},)"
                        R"({"name":"must","execution":{"taskSupport":"required"}}]})");
    return id;
  }
  void asks(core::SessionId id, const std::string& number, const std::string& method,
            const std::string& params = {}) {
    says(id, R"({"jsonrpc":"2.0","id":)" + number + R"(,"method":")" + method +
                 R"(",)"
                 R"("params":{)" +
                 params + claim + "}}");
  }
  void calls_as_task(core::SessionId id) {
    says(id, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{"ttl":9}}})");
  }
  void about_task(core::SessionId id, const std::string& number, const std::string& method) {
    says(id, R"({"jsonrpc":"2.0","id":)" + number + R"(,"method":")" + method +
                 R"(","params":{)"
                 R"("taskId":"T"}})");
  }
};

const std::string working = R"("taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                            R"("ttlMs":5,"pollIntervalMs":100)";
const std::string done = R"({"resultType":"complete","taskId":"T","status":"completed","createdAt":"c",)"
                         R"("lastUpdatedAt":"l","ttlMs":5,)"
                         R"("result":{"content":[1]}})";

}  // namespace

TEST_CASE_FIXTURE(TaskStage, "a legacy client's task is one of the modern server's") {
  const auto a = legacy();
  calls_as_task(a);
  const std::string call = wire();
  CHECK(call.contains(R"("extensions":{"io.modelcontextprotocol/tasks":{}})"));
  CHECK(!call.contains(R"("task":)"));
  serves_result(call, R"({"resultType":"task",)" + working + "}");
  CHECK(heard(a) == R"({"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"T","status":"working",)"
                    R"("createdAt":"c",)"
                    R"("lastUpdatedAt":"l","ttl":5,"pollInterval":100}}})");
  about_task(a, "2", "tasks/get");
  serves_result(wire(), R"({"resultType":"complete",)" + working + "}");
  CHECK(heard(a).contains(R"("id":2,"result":{"taskId":"T","status":"working")"));
  about_task(a, "3", "tasks/result");
  passes(std::chrono::milliseconds(0));
  const std::string poll = wire();
  CHECK(poll.contains("tasks/get"));
  serves_result(poll, R"({"resultType":"complete",)" + working + "}");
  passes(std::chrono::milliseconds(100));
  serves_result(wire(), done);
  CHECK(heard(a) == R"({"jsonrpc":"2.0","id":3,"result":{"_meta":{"io.modelcontextprotocol/related-task":)"
                    R"({"taskId":"T"}},"content":[1]}})");
  about_task(a, "4", "tasks/get");
  CHECK(heard(a).contains(R"("status":"completed")"));
  says(a, R"({"jsonrpc":"2.0","id":5,"method":"tasks/list"})");
  CHECK(heard(a).contains(R"("tasks":[{"taskId":"T")"));
  const auto b = open();
  greet(b, "{}", "2025-11-25");
  about_task(b, "1", "tasks/get");
  CHECK(heard(b).contains("Task not found"));
}

TEST_CASE_FIXTURE(TaskStage, "a call that asked for no task is answered with what came of the server's") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  serves_result(wire(), R"({"resultType":"task",)" + working + "}");
  CHECK(hears(a).empty());
  passes(std::chrono::milliseconds(100));
  SUBCASE("a result") {
    serves_result(wire(), done);
    CHECK(heard(a) == R"({"jsonrpc":"2.0","id":1,"result":{"content":[1]}})");
  }
  SUBCASE("an error") {
    serves_result(wire(), R"({"taskId":"T","status":"failed","error":{"code":-5,"message":"no"}})");
    CHECK(heard(a) == R"({"jsonrpc":"2.0","id":1,"error":{"code":-5,"message":"no"}})");
  }
  SUBCASE("a question first") {
    serves_result(wire(), R"({"taskId":"T","status":"input_required","pollIntervalMs":100,"inputRequests":)"
                          R"({"k":{"method":"elicitation/create","params":{"message":"?"}}}})");
    const std::string ask = heard(a);
    CHECK(ask.contains(R"("io.modelcontextprotocol/related-task":{"taskId":"T"})"));
    says(a, R"({"jsonrpc":"2.0","id":)" + id_of(ask) + R"(,"result":{"action":"accept"}})");
    const std::string update = wire();
    CHECK(update.contains(R"("method":"tasks/update")"));
    CHECK(update.contains(R"("inputResponses":{"k":{"action":"accept"}})"));
    serves_result(update, R"({"resultType":"complete"})");
    passes(std::chrono::milliseconds(100));
    serves_result(wire(), done);
    CHECK(heard(a).contains(R"("id":1,"result":{"content":[1]})"));
  }
  SUBCASE("the end of the server") {
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
    CHECK(heard(a).contains("SIGSEGV"));
  }
  passes(std::chrono::minutes(1));
}

TEST_CASE_FIXTURE(TaskStage, "a call that was to become a task and did not is a finished one") {
  const auto a = legacy();
  calls_as_task(a);
  serves_result(wire(), R"({"resultType":"complete","content":[2]})");
  const std::string made = heard(a);
  CHECK(made.contains(R"("status":"completed","createdAt":"1970-01-01T00:00:00Z")"));
  const std::size_t at = made.find("hearth-task-");
  const std::string id = made.substr(at, made.find('"', at) - at);
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tasks/result","params":{"taskId":")" + id + "\"}}");
  CHECK(heard(a).contains(R"("content":[2])"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage,
                  "a call that was to become a task and needs what its client has not, is no plain result") {
  const auto client = legacy();
  calls_as_task(client);
  serves_result(wire(), R"({"resultType":"input_required","inputRequests":{"k":{"method":)"
                        R"("sampling/createMessage","params":{}}},"requestState":"s"})");
  CHECK(heard(client).starts_with(R"({"jsonrpc":"2.0","id":1,"error":)"));
  calls_as_task(client);
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(wire()) +
                       R"(,"error":{"code":-32021,"message":"no sampling","data":{}}})");
  const std::string made = heard(client);
  CHECK(made.contains(R"("result":{"task":{)"));
  CHECK(made.contains(R"("status":"failed")"));
}

TEST_CASE_FIXTURE(TaskStage, "a cancelled task stays cancelled") {
  const auto a = legacy();
  calls_as_task(a);
  serves_result(wire(), R"({"resultType":"task",)" + working + "}");
  hears(a);
  about_task(a, "2", "tasks/cancel");
  serves_result(wire(), R"({"resultType":"complete"})");
  CHECK(heard(a).contains(R"("status":"cancelled")"));
  about_task(a, "3", "tasks/get");
  CHECK(heard(a).contains(R"("status":"cancelled")"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage, "a modern client that knows tasks is given the legacy server's") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"not",)");
  CHECK(!wire().contains(R"("task":{})"));
  asks(a, "2", "tools/call", R"("name":"may",)");
  const std::string call = wire();
  CHECK(call.contains(R"("params":{"task":{},"name":"may"})"));
  serves_result(call, R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                      R"("lastUpdatedAt":"l","ttl":5}})");
  CHECK(heard(a).contains(R"("result":{"resultType":"task","taskId":"T","status":"working",)"
                          R"("createdAt":"c",)"
                          R"("lastUpdatedAt":"l","ttlMs":5)"));
  asks(a, "3", "tasks/get", R"("taskId":"T",)");
  const std::string get = wire();
  CHECK(get.contains(R"("method":"tasks/get","params":{"taskId":"T"})"));
  serves_result(get, R"({"taskId":"T","status":"completed","createdAt":"c","lastUpdatedAt":"l","ttl":5})");
  CHECK(hears(a).empty());
  const std::string fetch = wire();
  CHECK(fetch.contains("tasks/result"));
  serves_result(fetch, R"({"content":[3],"_meta":{"io.modelcontextprotocol/related-task":{)"
                       R"("taskId":"T"}}})");
  const std::string shown = heard(a);
  CHECK(shown.contains(R"("id":3,"result":{"resultType":"complete","taskId":"T","status":"completed")"));
  CHECK(shown.contains(R"("result":{"content":[3]})"));
  asks(a, "4", "tasks/get", R"("taskId":"T",)");
  CHECK(heard(a).contains(R"("content":[3])"));
  asks(a, "5", "tasks/get", R"("taskId":"other",)");
  CHECK(heard(a).contains("Task not found"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage, "what a legacy server's task asks is shown with it, and answered by an update") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                        R"("lastUpdatedAt":"l","ttl":5}})");
  hears(a);
  asks(a, "2", "tasks/get", R"("taskId":"T",)");
  serves_result(wire(), R"({"taskId":"T","status":"input_required","createdAt":"c",)"
                        R"("lastUpdatedAt":"l","ttl":5})");
  CHECK(heard(a).contains(R"("status":"working")"));  // Nothing has been asked yet.
  const std::string fetch = wire();
  CHECK(fetch.contains("tasks/result"));
  serves(server(), R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{)"
                   R"("message":"?","_meta":)"
                   R"({"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  asks(a, "3", "tasks/get", R"("taskId":"T",)");
  serves_result(wire(), R"({"taskId":"T","status":"input_required","createdAt":"c",)"
                        R"("lastUpdatedAt":"l","ttl":5})");
  CHECK(heard(a).contains(R"("inputRequests":{"q1":{"method":"elicitation/create","params":{)"
                          R"("message":"?"}}})"));
  asks(a, "4", "tasks/update", R"("taskId":"T","inputResponses":{"q1":{"action":"accept"}},)");
  CHECK(heard(a).contains(R"("result":{"resultType":"complete"})"));
  CHECK(wire() == R"({"jsonrpc":"2.0","id":"q","result":{"action":"accept"}})");
  serves_result(fetch, R"({"content":[4]})");
  asks(a, "5", "tasks/get", R"("taskId":"T",)");
  CHECK(heard(a).contains(R"("result":{"content":[4]})"));
}

TEST_CASE_FIXTURE(TaskStage, "a listen hears how a legacy server's task goes on") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  const std::string state = R"("createdAt":"c","lastUpdatedAt":"l","ttl":5)";
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working",)" + state + "}}");
  heard(a);
  asks(a, R"("l")", "subscriptions/listen", R"("notifications":{"taskIds":["T","other"]},)");
  CHECK(heard(a).contains(R"("notifications":{"taskIds":["T"]})"));
  const auto tells = [&](const std::string& status) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{)"
                     R"("taskId":"T","status":")" +
                         status + R"(","statusMessage":"m",)" + state + "}}");
  };
  tells("working");
  const std::string told = heard(a);
  CHECK(told.contains(R"("method":"notifications/tasks","params":{"_meta":{)"
                      R"("io.modelcontextprotocol/subscriptionId":"l"})"));
  CHECK(told.contains(R"("taskId":"T","status":"working")"));
  CHECK(told.contains(R"("ttlMs":5)"));
  CHECK(!told.contains("resultType"));
  tells("input_required");
  const std::string fetch = wire();
  CHECK(fetch.contains("tasks/result"));
  serves(server(), R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{)"
                   R"("message":"?","_meta":)"
                   R"({"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  CHECK(hears(a).back().contains(R"("inputRequests":{"q1":)"));
  asks(a, "2", "tasks/update", R"("taskId":"T","inputResponses":{"q1":{"action":"accept"}},)");
  heard(a);
  wire();
  tells("completed");
  CHECK(hears(a).empty());  // Not without its result.
  serves_result(fetch, R"({"content":[7]})");
  const std::string done_notice = heard(a);
  CHECK(done_notice.contains(R"("status":"completed")"));
  CHECK(done_notice.contains(R"("result":{"content":[7]})"));
}

TEST_CASE_FIXTURE(TaskStage, "a listen hears that a task is lost with its server") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  heard(a);
  asks(a, R"("l")", "subscriptions/listen", R"("notifications":{"taskIds":["T"]},)");
  heard(a);
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  const std::string told = heard(a);
  CHECK(told.contains(R"("taskId":"T","status":"failed")"));
  CHECK(told.contains(R"("error":{"code":-32603)"));
}

TEST_CASE_FIXTURE(TaskStage, "what a legacy client's task asks is no question of a modern call's") {
  const auto a = modern();
  const auto b = open();
  greet(b, R"({"elicitation":{}})", "2025-11-25");
  calls_as_task(b);
  serves_result(hears(server()).back(),
                R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                R"("ttl":5}})");
  hears(b);
  asks(a, "1", "tools/call", R"("name":"not",)");
  hears(server());
  serves(server(), R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{)"
                   R"("message":"?","_meta":)"
                   R"({"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  passes(std::chrono::seconds(1));
  CHECK(hears(a).empty());
  CHECK(heard(b).contains("elicitation/create"));
}

TEST_CASE_FIXTURE(TaskStage, "what a task's client has not said it can answer is declined") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  heard(a);
  for (const std::string question :
       {R"("elicitation/create","params":{"mode":"url",)", R"("sampling/createMessage","params":{)",
        R"("acme/ask",)"
        R"("params":{)"}) {
    CAPTURE(question);
    serves(server(), R"({"jsonrpc":"2.0","id":7,"method":)" + question +
                         R"("_meta":{"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
    const std::string told = wire();
    CHECK((told.contains(R"("action":"cancel")") || told.contains(R"("error")")));
  }
}

TEST_CASE_FIXTURE(TaskStage, "what a followed task asks is asked in the answer to its call") {
  modern();
  const auto b = open();
  const std::string elicits = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                              R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}})";
  const auto call = [&](const std::string& id, const std::string& more) {
    says(b, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"must",)" + more +
                elicits + "}}");
  };
  call("1", "");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                        R"("lastUpdatedAt":"l","ttl":5}})");
  const std::string fetch = wire();
  serves(server(), R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{)"
                   R"("message":"?","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  passes(std::chrono::seconds(1));
  const std::string asked = heard(b);
  CHECK(asked.contains(R"("inputRequests":{"q1":{"method":"elicitation/create","params":{)"
                       R"("message":"?"}}})"));
  const std::size_t ticket = asked.find(R"("requestState":")");
  REQUIRE(ticket != std::string::npos);
  call("2", R"("inputResponses":{"q1":{"action":"accept"}},)" +
                asked.substr(ticket, asked.find('"', ticket + 17) + 1 - ticket) + ',');
  CHECK(wire() == R"({"jsonrpc":"2.0","id":"q","result":{"action":"accept"}})");
  serves_result(fetch, R"({"content":[6]})");
  const std::string told = heard(b);
  CHECK(told.contains(R"("id":2,"result":{"resultType":"complete")"));
  CHECK(told.contains(R"("content":[6])"));
}

TEST_CASE_FIXTURE(TaskStage, "a followed task is cancelled with its call") {
  SUBCASE("a legacy server's") {
    modern();
    const auto b = open();
    says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"must","_meta":{)"
            R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
            R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
    serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                          R"("lastUpdatedAt":"l","ttl":5}})");
    wire();
    SUBCASE("by the client") {
      says(b, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
    }
    SUBCASE("by its leaving") {
      happens(broker::SessionClosed{b});
    }
    CHECK(wire().contains(R"("tasks/cancel","params":{"taskId":"T"}})"));
  }
  SUBCASE("a modern server's") {
    const auto a = legacy();
    says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
    serves_result(wire(), R"({"resultType":"task",)" + working + "}");
    std::string poll;
    SUBCASE("between two looks at it") {}
    SUBCASE("while it is looked at") {
      passes(std::chrono::milliseconds(100));
      poll = wire();
    }
    says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
    const std::string told = wire();
    if (!poll.empty()) {
      serves_result(poll, R"({"taskId":"T","status":"input_required","inputRequests":)"
                          R"({"k":{"method":"elicitation/create","params":{"message":"?"}}}})");
    }
    CHECK(told.contains(R"("tasks/cancel")"));
    CHECK(told.contains(R"("taskId":"T")"));
    serves_result(told, R"({"resultType":"complete"})");
    passes(std::chrono::seconds(30));
    CHECK(hears(server()).empty());
  }
}

TEST_CASE_FIXTURE(TaskStage, "a tool that must be a task is followed to its end for who knows none") {
  const auto a = modern();
  const auto b = open();
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"must","_meta":{)"
          R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  const std::string call = wire();
  CHECK(call.contains(R"("task":{})"));
  serves_result(call, R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                      R"("lastUpdatedAt":"l","ttl":5}})");
  CHECK(hears(b).empty());
  serves_result(wire(), R"({"content":[5]})");
  CHECK(heard(b).contains(R"("resultType":"complete")"));
  asks(a, "9", "tasks/get", R"("taskId":"T",)");
  CHECK(heard(a).contains("Task not found"));
}

TEST_CASE_FIXTURE(TaskStage,
                  "a server is asked how a task is at least once a minute, and not without pause") {
  const auto a = legacy();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  const auto with_interval = [](const std::string& interval) {
    return R"({"resultType":"task","taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
           R"("ttlMs":5,"pollIntervalMs":)" +
           interval + "}";
  };
  serves_result(wire(), with_interval("9223372036854775807"));
  CHECK(hears(server()).empty());
  for (const char* interval : {"9223372036854775", "-9223372036854775808", "1e300", "0"}) {
    CAPTURE(interval);
    passes(core::limits::task_poll_most);
    const Lines polls = hears(server());
    REQUIRE(polls.size() == 1);
    serves_result(polls[0], with_interval(interval));
    CHECK(hears(server()).empty());
    passes(core::limits::task_poll_least - std::chrono::milliseconds(1));
    CHECK(hears(server()).empty());
  }
}

TEST_CASE_FIXTURE(TaskStage, "a task that its server has lost ends for those who wait for it") {
  const auto a = legacy();
  const auto lost = [](const std::string& poll) {
    return R"({"jsonrpc":"2.0","id":)" + id_of(poll) + R"(,"error":{"code":-32602,"message":"gone"}})";
  };
  SUBCASE("a call's") {
    says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
    serves_result(wire(), R"({"resultType":"task",)" + working + "}");
    passes(std::chrono::milliseconds(100));
    SUBCASE("which it does not say") {
      for (const char* nothing : {"{}", R"({"resultType":"complete"})", R"({"taskId":"T"})"}) {
        CAPTURE(nothing);
        serves_result(wire(), nothing);
        CHECK(heard(a).contains("was asked how a task stands, and did not say"));
        says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
        serves_result(wire(), R"({"resultType":"task",)" + working + "}");
        passes(std::chrono::milliseconds(100));
      }
      serves_result(wire(), done);
    }
    SUBCASE("which it says") {
      serves(server(), lost(wire()));
      CHECK(heard(a).contains(R"("id":1,"error":{"code":-32602,"message":"gone"})"));
    }
    passes(std::chrono::minutes(2));
    CHECK(hears(server()).empty());
  }
  SUBCASE("one that its client has") {
    calls_as_task(a);
    serves_result(wire(), R"({"resultType":"task",)" + working + "}");
    hears(a);
    about_task(a, "2", "tasks/get");
    serves_result(wire(), "{}");
    CHECK(heard(a).contains(R"("id":2,"error")"));
    about_task(a, "3", "tasks/result");
    passes(std::chrono::milliseconds(0));
    serves(server(), lost(wire()));
    CHECK(heard(a).contains(R"("id":3,"error")"));
    about_task(a, "4", "tasks/get");
    CHECK(heard(a).contains(R"("status":"failed")"));
  }
}

TEST_CASE_FIXTURE(TaskStage, "a followed task has its turn until it has ended, as its call has") {
  core::ServerSpec one = spec();
  one.probe = true;
  one.calls = core::Calls::one;
  const auto a = legacy(one);
  const auto call = [&](const std::string& id) {
    says(a, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t"}})");
  };
  call("1");
  call("2");
  serves_result(wire(), R"({"resultType":"task",)" + working + "}");
  CHECK(hears(server()).empty());
  passes(std::chrono::milliseconds(100));
  SUBCASE("by its result") {
    serves_result(wire(), done);
  }
  SUBCASE("by its loss") {
    serves_result(wire(), "{}");
  }
  CHECK(heard(a).contains(R"("id":1)"));
  CHECK(wire().contains(R"("method":"tools/call")"));
}

TEST_CASE_FIXTURE(TaskStage, "the progress of a followed task reaches the client of its call") {
  const auto progress = [&](const std::string& call) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                         id_of(call) + R"(,"progress":1}})");
  };
  SUBCASE("a legacy server's") {
    modern();
    const auto b = open();
    says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"must","_meta":{)"
            R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"p",)"
            R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
    const std::string call = wire();
    serves_result(call, R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                        R"("lastUpdatedAt":"l","ttl":5}})");
    const std::string fetch = wire();
    progress(call);
    CHECK(heard(b).contains(R"("progressToken":"p","progress":1)"));
    serves_result(fetch, R"({"content":[5]})");
    hears(b);
    progress(call);  // It is over.
    CHECK(hears(b).empty());
  }
  SUBCASE("a modern server's") {
    const auto a = legacy();
    says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{)"
            R"("progressToken":"p"}}})");
    const std::string call = wire();
    serves_result(call, R"({"resultType":"task",)" + working + "}");
    progress(call);
    CHECK(heard(a).contains(R"("progressToken":"p","progress":1)"));
  }
}

TEST_CASE_FIXTURE(TaskStage, "a task's question that nobody answers in time is declined, and shown no more") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  heard(a);
  const auto question = [&](const std::string& id) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id +
                         R"(,"method":"elicitation/create","params":{"message":"?",)"
                         R"("_meta":{"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  };
  question("7");
  passes(std::chrono::minutes(6));
  question("8");
  CHECK(hears(server()).empty());
  SUBCASE("one after the other") {
    passes(std::chrono::minutes(4));
    CHECK(wire() == R"({"jsonrpc":"2.0","id":7,"result":{"action":"cancel"}})");
    passes(std::chrono::minutes(6));
    CHECK(wire() == R"({"jsonrpc":"2.0","id":8,"result":{"action":"cancel"}})");
  }
  SUBCASE("when the client leaves, and the task with it") {
    happens(broker::SessionClosed{a});
    const Lines told = hears(server());
    REQUIRE(told.size() == 3);
    CHECK(told[0] == R"({"jsonrpc":"2.0","id":7,"result":{"action":"cancel"}})");
    CHECK(told[1] == R"({"jsonrpc":"2.0","id":8,"result":{"action":"cancel"}})");
    CHECK(told[2].contains(R"("method":"tasks/cancel","params":{"taskId":"T"})"));
  }
}

TEST_CASE_FIXTURE(TaskStage, "a task's questions are bounded") {
  const auto a = modern();
  asks(a, "1", "tools/call", R"("name":"may",)");
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  heard(a);
  for (std::size_t i = 0; i <= core::limits::asks_per_task; ++i) {
    CHECK(hears(server()).empty());
    serves(server(), R"({"jsonrpc":"2.0","id":)" + std::to_string(i + 1) +
                         R"(,"method":"elicitation/create","params":{"message":"?",)"
                         R"("_meta":{"io.modelcontextprotocol/related-task":{"taskId":"T"}}}})");
  }
  CHECK(wire().contains(R"("action":"cancel")"));
}

TEST_CASE_FIXTURE(TaskStage,
                  "a call whose task has to make room for others is told so, and the task is gone") {
  const auto a = modern();
  asks(a, "0", "tools/call", R"("name":"may",)");  // Becomes the task T.
  serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  hears(a);
  const auto b = open();
  says(b, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"must","_meta":{)"
          R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  serves_result(wire(), R"({"task":{"taskId":"F","status":"working","createdAt":"c","lastUpdatedAt":"l",)"
                        R"("ttl":5}})");
  hears(server());
  asks(a, "3", "tasks/get", R"("taskId":"T",)");
  const std::string look = wire();
  for (std::size_t i = 0; i < core::limits::tasks_per_instance; ++i) {
    asks(a, std::to_string(100 + i), "tools/call", R"("name":"may",)");
    serves_result(wire(), R"({"task":{"taskId":"more)" + std::to_string(i) +
                              R"(","status":"working","createdAt":"c","lastUpdatedAt":"l","ttl":5}})");
    hears(a);
  }
  const std::string told = heard(b);
  CHECK(told.contains(R"("id":1,"error")"));
  CHECK(told.contains("not followed any more"));
  serves_result(look, R"({"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l","ttl":5})");
  CHECK(heard(a).contains(R"("id":3,"error":{"code":-32602,"message":"Task not found"})"));
}

TEST_CASE_FIXTURE(TaskStage, "a task whose id is used again ends for those who wait for the first") {
  modern();
  const auto b = open();
  const auto call = [&](const std::string& id) {
    says(b, R"({"jsonrpc":"2.0","id":)" + id +
                R"(,"method":"tools/call","params":{"name":"must","_meta":{)"
                R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
    serves_result(wire(), R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                          R"("lastUpdatedAt":"l","ttl":5}})");
    return wire();
  };
  call("1");
  const std::string fetch = call("2");
  CHECK(heard(b).contains(R"("id":1,"error")"));
  serves_result(fetch, R"({"content":[5]})");
  CHECK(heard(b).contains(R"("content":[5])"));
}

TEST_CASE_FIXTURE(TaskStage, "results of finished tasks are kept in bounds, the latest for longest") {
  const auto a = legacy();
  const core::Allowance& kept = core::limits::allowances[static_cast<std::size_t>(core::Kept::task_result)];
  const std::string large(kept.session.bytes * 2 / 5, 'x');
  std::vector<std::string> tasks;
  for (int i = 0; i < 3; ++i) {
    calls_as_task(a);
    serves_result(wire(),
                  R"({"resultType":"complete","content":[{"type":"text","text":")" + large + R"("}]})");
    const std::string answer = heard(a);
    const std::size_t at = answer.find("hearth-task-");
    tasks.push_back(answer.substr(at, answer.find('"', at) - at));
  }
  const auto result_of = [&](const std::string& task) {
    says(a, R"({"jsonrpc":"2.0","id":9,"method":"tasks/result","params":{"taskId":")" + task + R"("}})");
    return heard(a);
  };
  CHECK(result_of(tasks[0]).contains("its result is not kept any more"));
  CHECK(result_of(tasks[1]).contains(large));
  CHECK(result_of(tasks[2]).contains(large));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage, "a log line may be a followed task's, and is no other call's then") {
  const auto calls = [&](core::SessionId id) {
    says(id, R"({"jsonrpc":"2.0","id":8,"method":"logging/setLevel","params":{"level":"debug"}})");
    says(id, R"({"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t"}})");
    hears(id);
    return wire();
  };
  const auto logs = [&] {
    serves(server(),
           R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})");
  };
  const auto a = legacy();
  serves_result(calls(a), R"({"resultType":"task",)" + working + "}");
  logs();
  CHECK(heard(a).contains("notifications/message"));
  core::ServerSpec asked = spec();
  asked.probe = true;
  const auto b = open(asked);
  says(b, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
          R"("capabilities":{},"clientInfo":{"name":"other","version":"2"}}})");
  says(b, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  calls(b);
  logs();
  CHECK(hears(a).empty());
  CHECK(hears(b).empty());
}
