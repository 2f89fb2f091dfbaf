// A legacy server makes a task only if it is asked to: it is, for tools that may be tasks, when the modern
// client knows the extension; a tool that must be one is followed to its end for other clients.
#include <algorithm>

#include "base/contains.h"
#include "broker/calls/calls.h"
#include "broker/questions/questions.h"
#include "broker/tasks/following.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "face/tasks.h"
#include "face/to_modern_client.h"
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

void fetch(State& state, Instance& instance, const std::string& id, Task& task) {
  if (std::exchange(task.fetched, true)) return;
  ask_about_task(state, instance, Purpose::task_result, Method::tasks_result, id, task.owner);
}

// What a legacy server's task came to, and what it asks, is only said to who waits for its result. False:
// there is nothing to be shown before that has come.
bool fetch_if_due(State& state, Instance& instance, const std::string& id, Task& task) {
  const std::string status = proto::json::unquoted(proto::member(task.state, "status"));
  if (status == "cancelled") task.outcome.reset();
  const bool has_result = core::task_ended(task.state) && status != "cancelled";
  if (has_result || status == "input_required") fetch(state, instance, id, task);
  return !has_result || task.outcome.has_value();
}

// The modern call that is answered with what the task comes to, because its client knows no tasks.
Call* follower_of(Instance& instance, const Task& task, const std::string& id) {
  for (const core::CallId wire_id : task.waiters) {
    Call* call = instance.calls.find(wire_id);
    if (call != nullptr && call->era == proto::Era::modern && call->state != CallState::cancelled &&
        call->uri == id)
      return call;
  }
  return nullptr;
}

}  // namespace

void learn_task_tools(Instance& instance, std::string_view raw_result) {
  if (!base::contains(raw_result, "taskSupport")) return;
  proto::each_item(proto::member(raw_result, "tools"), [&](std::string_view tool) {
    const std::string_view support = proto::member(proto::member(tool, "execution"), "taskSupport");
    const std::string name = proto::json::unquoted(proto::member(tool, "name"));
    instance.talk.task_tools.erase(name);
    if (support == R"("optional")" || support == R"("required")")
      instance.talk.task_tools[name] = support == R"("required")";
  });
}

void want_task_tools(State& state, Instance& instance) {
  const bool may_be_asked = instance.life == core::Life::ready && instance.era == proto::Era::legacy;
  if (!may_be_asked || !instance.known.offers_tasks || std::exchange(instance.talk.task_tools_asked, true))
    return;
  const core::CallId call = own_call(instance, Purpose::task_tools);
  state.send(instance.id, proto::request_text(call.text(), proto::name_of(Method::tools_list)));
}

void task_tools_listed(State& state, Instance& instance, const Scanned& message) {
  const std::string_view result = message.of(message.envelope.result);
  learn_task_tools(instance, result);
  const std::string_view cursor = proto::member(result, "nextCursor");
  if (cursor.empty()) return;
  const core::CallId call = own_call(instance, Purpose::task_tools);
  state.send(instance.id, proto::request_text(call.text(), proto::name_of(Method::tools_list),
                                              R"({"cursor":)" + std::string(cursor) + '}'));
}

bool legacy_server_made_task(State& state, Instance& instance, Call& call, const Scanned& message) {
  const std::string_view result = message.of(message.envelope.result);
  const std::string id = result.empty() ? std::string() : core::created_task_of(result);
  if (id.empty()) return false;
  const std::string made(proto::member(result, "task"));
  task_created(state, instance, id, {.owner = call.session, .bridged = true, .state = made});
  if (call.abilities.tasks) {
    answer(state, instance, call.wire_id, face::created_task(made, instance.known.server_info));
    return true;
  }
  Task& task = *instance.talk.tasks.find(id);
  wait_for(instance, call, id, task);
  fetch(state, instance, id, task);
  return true;
}

void modern_task_request(State& state, Session& session, Instance& instance, const Scanned& message,
                         Method method, const Asked& asked) {
  const std::string_view raw_id = message.of(message.envelope.id);
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  if (!instance.talk.tasks.owns(id, session.id)) {
    state.reply(session, raw_id,
                proto::error_text(raw_id, Code::invalid_params, "Task not found", {session.server, false}));
    return;
  }
  Task& task = *instance.talk.tasks.find(id);
  if (method == Method::tasks_update) {
    proto::each_member(proto::member(message.of(message.envelope.params), "inputResponses"),
                       [&](std::string_view key, std::string_view raw_answer) {
                         const auto ask = std::ranges::find(task.asks, key, &core::ParkedAsk::key);
                         if (ask == task.asks.end()) return;
                         state.send(instance.id, proto::result_text(ask->server_id, raw_answer));
                         task.asks.erase(ask);
                       });
    state.reply(session, raw_id, proto::result_text(raw_id, R"({"resultType":"complete"})"));
  } else if (method == Method::tasks_get && task.outcome) {
    state.reply(session, raw_id,
                proto::result_text(
                    raw_id, face::detailed_task(task.state, task.outcome, {}, instance.known.server_info)));
  } else {
    forward_call(state, session, instance, message, method, asked);
  }
}

void legacy_task_answered(State& state, Instance& instance, Call call, std::string_view result) {
  Task* task = instance.talk.tasks.find(call.uri);
  if (call.method == Method::tasks_cancel)
    return conclude(state, call, core::Outcome::result(R"({"resultType":"complete"})"));
  if (task == nullptr)  // Forgotten while the server looked for it.
    return conclude(state, call, core::Outcome::error(R"({"code":-32602,"message":"Task not found"})"));
  task->state = result;
  if (!fetch_if_due(state, instance, call.uri, *task)) {
    task->shown_to.push_back(std::move(call));
    return;
  }
  conclude(state, call,
           core::Outcome::result(
               face::detailed_task(task->state, task->outcome, task->asks, instance.known.server_info)));
}

void bridged_task_status(State& state, Instance& instance, const Scanned& message) {
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  Task& task = *instance.talk.tasks.find(id);
  if (task.outcome) return;
  task.state = message.of(message.envelope.params);
  if (fetch_if_due(state, instance, id, task)) tell_listens_of(state, instance, id, task);
}

void task_fetched(State& state, Instance& instance, const Call& call, const Scanned& message) {
  Task* task = instance.talk.tasks.find(call.uri);
  if (task == nullptr) return;
  const std::string_view result = message.of(message.envelope.result);
  if (result.empty()) {
    task->outcome = core::Outcome::error(std::string(message.of(message.envelope.error)));
    task->state = face::legacy_task_with(task->state, "failed");
  } else {
    const std::string meta =
        proto::with_members(proto::member(result, "_meta"), {}, {proto::meta::related_task});
    const std::string kept = meta == "{}" ? std::string() : R"("_meta":)" + meta;
    task->outcome = core::Outcome::result(proto::with_members(result, kept, {"_meta"}));
    task->state = face::legacy_task_with(task->state, "completed");
  }
  task->asks.clear();
  deliver(state, instance, call.uri);
}

bool task_asks_modern_client(State& state, Instance& instance, const Scanned& message, Method method,
                             core::Mode mode) {
  const std::string id = proto::json::unquoted(message.of(message.envelope.related_task));
  Task* task = id.empty() ? nullptr : instance.talk.tasks.find(id);
  const Session* owner = task != nullptr ? state.sessions.find(task->owner) : nullptr;
  if (owner == nullptr || !task->bridged || !proto::input_request(method)) return false;
  if (Call* call = follower_of(instance, *task, id)) {
    if (!core::may_be_asked(call->abilities, method, mode)) return false;
    if (call->state == CallState::following) instance.calls.become(*call, core::Sent{});
    park_ask(state, instance, *call, message, method);
    return true;
  }
  if (!core::may_be_asked(owner->modern_capabilities, method, mode)) return false;
  if (task->asks.size() >= core::limits::asks_per_task) return false;
  task->asks.push_back({.key = "q" + std::to_string(++task->keys),
                        .server_id = std::string(message.of(message.envelope.id)),
                        .method = method,
                        .request = face::input_request(method, message.of(message.envelope.params)),
                        .due = state.now + instance.spec.timing.ask_timeout});
  tell_listens_of(state, instance, id, *task);
  return true;
}

}  // namespace broker
