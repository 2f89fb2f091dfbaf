// Tasks of the extension of 2026-07-28, between modern clients and modern servers.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using test::Lines;

const std::string plain = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                          R"("io.modelcontextprotocol/clientCapabilities":{})";
const std::string with_tasks = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                               R"("io.modelcontextprotocol/clientCapabilities":)"
                               R"({"extensions":{"io.modelcontextprotocol/tasks":{}}})";

std::string request(const std::string& id, const std::string& method, const std::string& params,
                    const std::string& claim = with_tasks) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
         R"("_meta":{)" + claim + "}}}";
}

struct TaskStage : test::Stage {
  core::SessionId of(const std::string& principal) {
    const core::SessionId id = broker.admit();
    core::ServerSpec wanted = spec();
    wanted.probe = true;
    happens(broker::SessionOpened{id, wanted, {}, 7, false, principal});
    return id;
  }
  void come_up(const std::string& extensions = R"({"io.modelcontextprotocol/tasks":{}})") {
    happens(broker::InstanceStarted{server(), 100});
    pending.clear();
    result(hears(server()).at(0),
           R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},)"
           R"("extensions":)" +
               extensions + R"(},"ttlMs":5,"cacheScope":"public"})");
  }
  void result(const std::string& asked, const std::string& raw) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(asked) + R"(,"result":)" + raw + "}");
  }
  // The session has a task of that name.
  void has_task(core::SessionId session, const std::string& task) {
    says(session, request("1", "tools/call", R"("name":"slow",)"));
    if (!pending.empty()) come_up();
    result(hears(server()).at(0), R"({"resultType":"task","taskId":")" + task +
                                      R"(","status":"working","createdAt":"2026-01-01T00:00:00Z",)"
                                      R"("lastUpdatedAt":"2026-01-01T00:00:00Z","ttlMs":null})");
    hears(session);
  }
  std::string only(const Lines& lines) {
    REQUIRE(lines.size() == 1);
    return lines[0];
  }
};

TEST_CASE_FIXTURE(TaskStage, "modern tasks: what is made goes through, and is named by its principal only") {
  const auto ann = of("ann");
  const auto ben = of("ben");
  has_task(ann, "T");
  for (const char* method : {"tasks/get", "tasks/update", "tasks/cancel"}) {
    CAPTURE(method);
    says(ben, request("2", method, R"("taskId":"T",)"));
    CHECK(only(hears(ben)).contains(R"("code":-32602)"));
    CHECK(hears(server()).empty());
    says(ann, request("2", method, R"("taskId":"T",)"));
    const std::string asked = only(hears(server()));
    CHECK(asked.contains(R"("taskId":"T")"));
    result(asked, R"({"resultType":"complete"})");
    CHECK(only(hears(ann)) == R"({"jsonrpc":"2.0","id":2,"result":{"resultType":"complete"}})");
  }
  const auto again = of("ann");  // The session that made it may have left since.
  happens(broker::SessionClosed{ann});
  hears(server());
  says(again, request("3", "tasks/get", R"("taskId":"T",)"));
  CHECK(only(hears(server())).contains("tasks/get"));
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: a client that has not declared the extension is told so") {
  const auto ann = of("ann");
  has_task(ann, "T");
  says(ann, request("2", "tasks/get", R"("taskId":"T",)", plain));
  CHECK(only(hears(ann)).contains(R"("code":-32021)"));
  says(ann, request("3", "subscriptions/listen", R"("notifications":{"taskIds":["T"]},)", plain));
  CHECK(only(hears(ann))
            .contains(R"("requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}})"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: a server without the extension knows no such methods") {
  const auto ann = of("ann");
  says(ann, request("1", "tools/list", ""));
  come_up("{}");
  hears(server());
  says(ann, request("2", "tasks/get", R"("taskId":"T",)"));
  CHECK(only(hears(ann)).contains(R"("code":-32601)"));
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: a listen hears of its own principal's") {
  const auto ann = of("ann");
  const auto ben = of("ben");
  has_task(ann, "A");
  has_task(ben, "B");
  says(ann, request(R"("l")", "subscriptions/listen", R"("notifications":{"taskIds":["A","B"]},)"));
  const std::string first = only(hears(server()));
  CHECK(first.contains(R"("notifications":{"taskIds":["A"]})"));
  CHECK(first.contains(R"("extensions":{"io.modelcontextprotocol/tasks":{}})"));
  CHECK(hears(ann).empty());
  const auto acknowledge = [&](const std::string& listen, const std::string& tasks) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":)"
                     R"({"notifications":{"taskIds":)" +
                         tasks + R"(},"_meta":{"io.modelcontextprotocol/subscriptionId":)" + id_of(listen) +
                         "}}}");
  };
  acknowledge(first, R"(["A"])");
  CHECK(only(hears(ann)).contains(R"("notifications":{"taskIds":["A"]})"));
  says(ben, request(R"("m")", "subscriptions/listen", R"("notifications":{"taskIds":["B"]},)"));
  const std::string second = only(hears(server()));
  CHECK(second.contains(R"("notifications":{"taskIds":["A","B"]})"));
  acknowledge(second, R"(["A","B"])");
  CHECK(only(hears(ben)).contains(R"("taskIds":["B"])"));
  hears(server());
  const auto tell = [&](const std::string& task, const std::string& status) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":")" + task +
                         R"(","status":")" + status +
                         R"(","_meta":{"io.modelcontextprotocol/subscriptionId":)" + id_of(second) + "}}}");
  };
  tell("A", "working");
  CHECK(only(hears(ann)).contains(R"("io.modelcontextprotocol/subscriptionId":"l")"));
  CHECK(hears(ben).empty());
  tell("B", "completed");
  CHECK(only(hears(ben)).contains(R"("status":"completed")"));
  tell("C", "working");
  CHECK(hears(ann).empty());
  CHECK(hears(ben).empty());
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: a listen that is refused for a task is opened without it") {
  const auto ann = of("ann");
  has_task(ann, "A");
  says(ann, request(R"("l")", "subscriptions/listen", R"("notifications":{"taskIds":["A"]},)"));
  const std::string listen = only(hears(server()));
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(listen) +
                       R"(,"error":{"code":-32602,"message":"Unknown task"}})");
  CHECK(only(hears(ann)).contains(R"("notifications":{})"));
  passes(std::chrono::minutes(2));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(TaskStage,
                  "modern tasks: a listen that waits for the next process hears of nobody's tasks") {
  const auto ann = of("ann");
  const auto ben = of("ben");
  has_task(ann, "A");
  happens(broker::RestartWanted{spec().name});
  says(ben, request(R"("l")", "subscriptions/listen", R"("notifications":{"taskIds":["A"]},)"));
  serves(server(),
         R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"A","status":"working"}})");
  happens(broker::InstanceExited{server(), "ended", ""});
  pending.clear();
  come_up();
  const std::string told = only(hears(ben));
  CHECK(told.contains(R"("notifications":{})"));
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: one that a legacy client had made is its principal's, too") {
  const auto ann = of("ann");
  says(ann, R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
            R"("capabilities":{},"clientInfo":{"name":"old","version":"2"}}})");
  come_up();
  says(ann, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  says(ann, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","task":{}}})");
  result(hears(server()).back(), R"({"resultType":"task","taskId":"L","status":"working","createdAt":"c",)"
                                 R"("lastUpdatedAt":"l","ttlMs":null})");
  const auto ben = of("ben");
  says(ben, request("3", "tasks/get", R"("taskId":"L",)"));
  CHECK(only(hears(ben)).contains(R"("code":-32602)"));
}

TEST_CASE_FIXTURE(TaskStage, "modern tasks: a task that the server does not know costs nobody a resource") {
  const auto ann = of("ann");
  says(ann, request("1", "tools/list", ""));
  happens(broker::InstanceStarted{server(), 100});
  pending.clear();
  result(hears(server()).at(0),
         R"({"supportedVersions":["2026-07-28"],"capabilities":{"resources":{"subscribe":)"
         R"(true},"extensions":{"io.modelcontextprotocol/tasks":{}}}})");
  hears(server());
  says(ann, request(R"("l")", "subscriptions/listen",
                    R"("notifications":{"taskIds":["X"],"resourceSubscriptions":["u"]},)"));
  const std::string both = hears(server()).back();
  CHECK(both.contains(R"("taskIds":["X"])"));
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(both) +
                       R"(,"error":{"code":-32602,)"
                       R"("message":"Unknown task"}})");
  const std::string again = only(hears(server()));
  CHECK(again.contains(R"("notifications":{"resourceSubscriptions":["u"]})"));
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":)"
                   R"({"notifications":{"resourceSubscriptions":["u"]},"_meta":)"
                   R"({"io.modelcontextprotocol/subscriptionId":)" +
                       id_of(again) + "}}}");
  CHECK(only(hears(ann)).contains(R"("notifications":{"resourceSubscriptions":["u"]})"));
}

}  // namespace
