// A modern server decides by itself that a call becomes a task. A legacy client that asked for one is given
// it; for one that did not, the task is followed to its end and the call answered with what came of it.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/questions/questions.h"
#include "broker/tasks/following.h"
#include "broker/tasks/tasks.h"
#include "face/tasks.h"
#include "face/to_modern_server.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Task;
using proto::Code;
using proto::Method;

namespace {

// Seconds since 1970 as 2025-11-25 wants to read them.
std::string written_time(const State& state) {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(state.now - state.begun);
  const std::chrono::sys_seconds when{std::chrono::seconds(state.options.unix_time) + since};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{when - day};
  const auto two = [](auto number) {
    const std::string text = std::to_string(number);
    return text.size() < 2 ? '0' + text : text;
  };
  return std::to_string(static_cast<int>(date.year())) + '-' + two(static_cast<unsigned>(date.month())) +
         '-' + two(static_cast<unsigned>(date.day())) + 'T' + two(time.hours().count()) + ':' +
         two(time.minutes().count()) + ':' + two(time.seconds().count()) + 'Z';
}

// What the server wants to know is asked of a legacy client that waits for the result.
void ask_its_client(State& state, Instance& instance, const std::string& id, const Scanned& message) {
  const auto wanted = face::read_input_required(message.of(message.envelope.result));
  Task& task = *instance.talk.tasks.find(id);
  const auto waits = [&](core::CallId wire_id) {
    const Call* call = instance.calls.find(wire_id);
    return call != nullptr && call->state == CallState::following && call->uri == id;
  };
  const auto waiter = std::ranges::find_if(task.waiters, waits);
  task.poll_due = next_look(state, task);
  if (!wanted || waiter == task.waiters.end() || instance.rounds.contains(*waiter)) return;
  std::vector<face::InputRequest> requests = wanted->requests;
  for (face::InputRequest& request : requests) request.params = face::related_to(request.params, id);
  task.poll_due.reset();
  ask_in_round(state, instance, *instance.calls.find(*waiter), requests);
}

}  // namespace

void modern_server_made_task(State& state, Instance& instance, Call& call, std::string_view raw_result) {
  const std::string id = proto::json::unquoted(proto::member(raw_result, "taskId"));
  const std::string made = face::legacy_task(raw_result);
  task_created(state, instance, id, {.owner = call.session, .bridged = true, .state = made});
  if (const Session* session = state.sessions.find(call.session))
    state.task_owners.created(session->server, id, session->principal);
  if (call.task) return answer(state, instance, call.wire_id, R"({"task":)" + made + '}');
  Task& task = *instance.talk.tasks.find(id);
  wait_for(instance, call, id, task);
  task.poll_due = next_look(state, task);
}

void task_done_at_once(State& state, Instance& instance, const Call& call, std::string_view raw_result) {
  const std::string id = "hearth-task-" + call.wire_id.text();
  std::string done = face::finished_task(id, written_time(state));
  if (proto::member(raw_result, "isError") == "true") done = face::legacy_task_with(done, "failed");
  task_created(state, instance, id,
               {.owner = call.session,
                .bridged = true,
                .state = done,
                .outcome = core::Outcome::result(face::legacy_result(raw_result))});
  answer(state, instance, call.wire_id, R"({"task":)" + done + '}');
  keep_result(state, instance, id);
}

void legacy_task_request(State& state, Session& session, Instance& instance, const Scanned& message,
                         Method method) {
  const std::string_view raw_id = message.of(message.envelope.id);
  const auto reply = [&](const std::string& result) {
    state.reply(session, raw_id, proto::result_text(raw_id, result));
  };
  if (method == Method::tasks_list) {
    std::string list;
    instance.talk.tasks.each([&](const std::string& /*id*/, const Task& task) {
      if (task.owner == session.id) list.append(list.empty() ? "" : ",").append(task.state);
    });
    return reply(R"({"tasks":[)" + list + "]}");
  }
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  Task& task = *instance.talk.tasks.find(id);
  if (method == Method::tasks_result) {
    const core::CallId wire_id = hold_call(state, session, instance, message, method);
    wait_for(instance, *instance.calls.find(wire_id), id, task);
    if (task.outcome) return deliver(state, instance, id);
    task.poll_due = state.now;
  } else if (!task.outcome) {
    forward_call(state, session, instance, message, method);
  } else if (method == Method::tasks_get) {
    reply(task.state);
  } else {
    state.reply(session, raw_id,
                proto::error_text(raw_id, Code::invalid_params, "Task has ended", {session.server, false}));
  }
}

void modern_task_answered(State& state, Instance& instance, core::CallId wire_id, const Scanned& message) {
  const Method method = instance.calls.find(wire_id)->method;
  const std::string_view result = message.of(message.envelope.result);
  const std::string asked_for = instance.calls.find(wire_id)->uri;
  Task* task = instance.talk.tasks.find(asked_for);
  if (task == nullptr || message.envelope.error.present()) {
    const std::string_view error = message.of(message.envelope.error);
    return fail(state, instance, wire_id,
                error.empty() ? R"({"code":-32602,"message":"Task not found"})" : std::string(error));
  }
  if (method == Method::tasks_get) {
    const std::string lost = why_lost(instance, message);
    if (!lost.empty()) return fail(state, instance, wire_id, lost);
  }
  if (method == Method::tasks_cancel) {
    task->state = face::legacy_task_with(task->state, "cancelled");
    task->outcome = face::outcome_of(task->state);
  } else {
    task->state = face::legacy_task(result);
    task->outcome = face::outcome_of(result);
  }
  answer(state, instance, wire_id, task->state);
  if (task->outcome) deliver(state, instance, asked_for);
}

void task_polled(State& state, Instance& instance, const Call& call, const Scanned& message) {
  Task* task = instance.talk.tasks.find(call.uri);
  if (task == nullptr || task->left || task->outcome) return;
  const std::string_view result = message.of(message.envelope.result);
  const std::string lost = why_lost(instance, message);
  if (!lost.empty()) {
    task->outcome = core::Outcome::error(lost);
    task->state = face::legacy_task_with(task->state, "failed");
  } else {
    task->state = face::legacy_task(result);
    task->outcome = face::outcome_of(result);
  }
  if (task->outcome) return deliver(state, instance, call.uri);
  task->poll_due = next_look(state, *task);
  if (!proto::member(result, "inputRequests").empty()) ask_its_client(state, instance, call.uri, message);
}

bool answers_task(State& state, Instance& instance, core::CallId wire_id, std::string_view responses) {
  const std::string id = instance.calls.find(wire_id)->uri;  // The table may grow when the server is asked.
  Task* task = id.empty() ? nullptr : instance.talk.tasks.find(id);
  if (task == nullptr) return false;
  ask_about_task(state, instance, Purpose::task_told, Method::tasks_update, id, task->owner, responses);
  task->poll_due = next_look(state, *task);
  return true;
}

void tasks_tick(State& state, Instance& instance) {
  const std::vector<std::string> due = instance.talk.tasks.due(state.now);
  for (const std::string& id : due) task_asks_due(state, instance, *instance.talk.tasks.find(id));
  for (const std::string& id : due) {
    Task& task = *instance.talk.tasks.find(id);
    if (!task.poll_due || state.now < *task.poll_due) continue;
    task.poll_due.reset();
    ask_about_task(state, instance, Purpose::task_poll, Method::tasks_get, id, task.owner);
  }
}

}  // namespace broker
