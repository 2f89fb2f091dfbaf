#include "core/tasks.h"

#include <doctest/doctest.h>

#include "core/limits.h"

namespace {

using core::SessionId;
using core::Task;
using core::Tasks;

const SessionId ann{0, 1};
const SessionId ben{1, 1};

Task of(SessionId owner, std::int64_t token = 0) {
  return {.owner = owner, .token = token, .client_token = token != 0 ? "\"t\"" : ""};
}

TEST_CASE("tasks: a task is its owner's alone") {
  Tasks tasks;
  tasks.created("t1", of(ann));
  CHECK(tasks.owns("t1", ann));
  CHECK_FALSE(tasks.owns("t1", ben));
  CHECK_FALSE(tasks.owns("t1", SessionId{ann.index, ann.generation + 1}));
  CHECK_FALSE(tasks.owns("t2", ann));
  CHECK(tasks.find("t2") == nullptr);
}

TEST_CASE("tasks: progress is found by the server's token until the task has ended") {
  Tasks tasks;
  tasks.created("t1", of(ann, 7));
  tasks.created("t2", of(ben, 8));
  REQUIRE(tasks.by_token(7) != nullptr);
  CHECK(tasks.by_token(7)->owner == ann);
  CHECK(tasks.by_token(8)->owner == ben);
  CHECK(tasks.by_token(9) == nullptr);
  tasks.ended("t1");
  CHECK(tasks.by_token(7) == nullptr);
  CHECK(tasks.owns("t1", ann));  // The result may still be asked for.
  tasks.ended("unknown");
}

TEST_CASE("tasks: a session that leaves owns nothing any more") {
  Tasks tasks;
  tasks.created("t1", of(ann));
  tasks.created("t2", of(ben));
  tasks.leave(ann);
  CHECK(tasks.find("t1") == nullptr);
  CHECK(tasks.owns("t2", ben));
  tasks.clear();
  CHECK(tasks.find("t2") == nullptr);
}

TEST_CASE("tasks: one that has to make room is handed back to be finished") {
  Tasks tasks;
  for (std::size_t i = 0; i < core::limits::tasks_per_instance; ++i) {
    Task task = of(ann);
    task.waiters = {core::CallId(static_cast<std::int64_t>(i))};
    CHECK_FALSE(tasks.created(std::to_string(i), std::move(task)));
  }
  const auto oldest = tasks.created("one more", of(ben));
  REQUIRE(oldest);
  CHECK(oldest->first == "0");
  CHECK(oldest->second.waiters == std::vector<core::CallId>{core::CallId{}});
  const auto same = tasks.created("7", of(ben));
  REQUIRE(same);
  CHECK(same->first == "7");
  CHECK(same->second.owner == ann);
  CHECK(tasks.owns("1", ann));  // No other task had to go for that.
}

TEST_CASE("tasks: the oldest large result of a session is given up first, never its last") {
  Tasks tasks;
  const auto finished = [&](const std::string& id, core::SessionId owner, std::size_t size) {
    Task task = of(owner);
    task.outcome = core::Outcome::result(std::string(size, ' '));
    tasks.created(id, std::move(task));
  };
  finished("small", ann, 100);
  finished("another's", ben, 5000);
  tasks.created("without", of(ann));
  CHECK(tasks.old_results(ann).empty());
  CHECK(tasks.old_results(ben).empty());
  finished("first", ann, 5000);
  CHECK(tasks.old_results(ann).empty());
  finished("second", ann, 5000);
  CHECK(tasks.old_results(ann) == std::vector<std::string>{"first"});
}

TEST_CASE("tasks: too many, and the oldest is forgotten first") {
  Tasks tasks;
  for (std::size_t i = 0; i < core::limits::tasks_per_instance; ++i)
    tasks.created(std::to_string(i), of(ann));
  CHECK(tasks.owns("0", ann));
  tasks.created("one more", of(ben));
  CHECK(tasks.find("0") == nullptr);
  CHECK(tasks.owns("1", ann));
  CHECK(tasks.owns("one more", ben));
  tasks.created("and another", of(ben));
  CHECK(tasks.find("1") == nullptr);

  tasks.leave(ann);  // What left does not take up places.
  for (std::size_t i = 2; i < core::limits::tasks_per_instance; ++i)
    tasks.created('b' + std::to_string(i), of(ben));
  CHECK(tasks.owns("one more", ben));
  tasks.created("last", of(ben));
  CHECK(tasks.find("one more") == nullptr);
}

TEST_CASE("tasks: a list shows only one's own, and the rest of it as it was") {
  Tasks tasks;
  tasks.created("t1", of(ann));
  tasks.created("t2", of(ben));
  tasks.created("t3", of(ann));
  const std::string list = R"({"_meta":{"a":1},"tasks":[{"taskId":"t1","status":"working"},{"taskId":"t2"}, )"
                           R"({"taskId":"\u00743"}],)"
                           R"("nextCursor":"x"})";
  const struct {
    SessionId who;
    const char* seen;
  } table[] = {
      {ann, R"({"_meta":{"a":1},"tasks":[{"taskId":"t1","status":"working"},{"taskId":"\u00743"}],)"
            R"("nextCursor":"x"})"},
      {ben, R"({"_meta":{"a":1},"tasks":[{"taskId":"t2"}],"nextCursor":"x"})"},
      {SessionId{9, 1}, R"({"_meta":{"a":1},"tasks":[],"nextCursor":"x"})"},
  };
  for (const auto& row : table) CHECK(tasks.own_only(list, row.who) == row.seen);
}

TEST_CASE("tasks: a list that is none shows nothing") {
  Tasks tasks;
  tasks.created("t1", of(ann));
  for (const char* list : {"", "null", "[]", "{}", R"({"task":[{"taskId":"t1"}]})"}) {
    CAPTURE(list);
    CHECK(tasks.own_only(list, ann) == R"({"tasks":[]})");
  }
  CHECK(tasks.own_only(R"({"tasks":[1,null,{},"t1"]})", ann) == R"({"tasks":[]})");
}

TEST_CASE("tasks: what a result says of a task") {
  CHECK(core::created_task_of(R"({"task":{"taskId":"a\/b","status":"working"}})") == "a/b");
  for (const char* result : {"", "{}", R"({"taskId":"x"})", R"({"task":{}})", R"({"task":{"taskId":1}})",
                             R"({"task":"x"})", "[]"}) {
    CAPTURE(result);
    CHECK(core::created_task_of(result).empty());
  }
  const struct {
    const char* status;
    bool ended;
  } table[] = {{"working", false},  {"input_required", false}, {"completed", true}, {"failed", true},
               {"cancelled", true}, {"Completed", false},      {"", false}};
  for (const auto& row : table) {
    CAPTURE(row.status);
    CHECK(core::task_ended(std::string(R"({"taskId":"t","status":")") + row.status + "\"}") == row.ended);
  }
  CHECK_FALSE(core::task_ended(""));
  CHECK_FALSE(core::task_ended("[]"));
}

TEST_CASE("tasks: the next time follows every change, and only what is due is named") {
  core::Tasks tasks;
  const base::Instant start{std::chrono::hours(1)};
  using std::chrono::seconds;
  CHECK(!tasks.deadline());
  tasks.created("a", {.owner = {1, 1}, .poll_due = start + seconds(2)});
  tasks.created("b", {.owner = {2, 1}, .poll_due = start + seconds(1)});
  tasks.created("c", {.owner = {1, 1}});
  CHECK(tasks.deadline() == start + seconds(1));
  CHECK(tasks.due(start + seconds(1)) == std::vector<std::string>{"b"});
  tasks.find("b")->poll_due.reset();
  CHECK(tasks.deadline() == start + seconds(2));
  tasks.find("c")->asks.push_back(
      {.key = "q1", .server_id = "1", .method = {}, .request = "{}", .due = start + seconds(1)});
  CHECK(tasks.due(start + seconds(2)) == std::vector<std::string>{"a", "c"});
  tasks.leave({1, 1});
  CHECK(!tasks.deadline());
  tasks.find("b")->poll_due = start;
  CHECK(tasks.deadline() == start);
  tasks.created("b", {.owner = {2, 1}});  // Its id is used again.
  CHECK(!tasks.deadline());
}

}  // namespace
