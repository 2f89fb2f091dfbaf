// Tasks whose client and server are of different eras (face/tasks.h).
//
// A modern server decides by itself that a call becomes a task. A legacy client that asked for one is given
// it; for one that did not, the task is followed to its end and the call answered with what came of it. A
// legacy server makes a task only if it is asked to: it is, for tools that may be tasks, when the modern
// client knows the extension; a tool that must be one is followed to its end for other clients.
#include <algorithm>
#include <charconv>

#include "broker/parking.h"
#include "broker/state.h"
#include "core/limits.h"
#include "face/content.h"
#include "face/modern_client.h"
#include "face/modern_server.h"
#include "face/tasks.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Task;
using proto::Code;
using proto::Method;

constexpr std::string_view result_key = R"("result":)";
constexpr std::string_view error_key = R"("error":)";

std::string id_params(std::string_view id) {
  return R"({"taskId":)" + proto::json::quoted(id) + '}';
}

base::Instant next_look(const State& state, const Task& task) {
  const std::int64_t said = face::poll_after(task.state, core::limits::task_poll.count());
  return state.now + std::clamp(std::chrono::milliseconds(said), core::limits::task_poll_least,
                                core::limits::task_poll_most);
}

// A request of ours about a task of that session's.
void ask_server(State& state, Instance& instance, Purpose purpose, Method method, const std::string& id,
                SessionId owner, std::string_view responses = {}) {
  const std::int64_t call = own_call(instance, purpose, id);
  std::string params = id_params(id);
  const Session* session = state.sessions.find(owner);
  if (instance.era == proto::Era::modern) {
    const std::string own = face::own_claim(state.options.version, instance.first);
    const std::string claim =
        face::claim_with_tasks(session != nullptr && !session->claim.empty() ? session->claim : own);
    params = face::modern_params(
        params, {.claim = claim, .token = {}, .level = {}, .responses = responses, .request_state = {}});
  }
  state.send(instance.id, proto::request_text(std::to_string(call), proto::name_of(method), params));
}

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

// Modern clients that listen to it are told how the task is.
void tell_listens_of(State& state, Instance& instance, const std::string& id, const Task& task) {
  if (instance.era == proto::Era::modern) return;
  tell_task(state, instance, id, face::task_notice(task.state, task.outcome, task.asks));
}

// Gives the task's outcome to the calls that wait for it.
void deliver(State& state, Instance& instance, const std::string& id) {
  Task& task = *instance.tasks.find(id);
  task.poll_due.reset();
  const SessionId owner = task.owner;
  const std::string outcome = task.outcome;
  const std::string shown = task.state;
  const std::vector<std::int64_t> waiters = std::exchange(task.waiters, {});
  const std::vector<Call> shown_to = std::exchange(task.shown_to, {});
  tell_listens_of(state, instance, id, task);
  for (const std::int64_t wire_id : waiters) {
    const Call* call = instance.calls.find(wire_id);
    if (call == nullptr || call->state == CallState::cancelled || call->uri != id) continue;
    if (outcome.starts_with(error_key)) {
      fail(state, instance, wire_id, outcome.substr(error_key.size()));
      continue;
    }
    std::string result = outcome.substr(result_key.size());
    if (call->era == proto::Era::modern) {
      result = face::complete_result(result, call->method, instance.server_info);
    } else if (call->method == Method::tasks_result) {
      result = face::related_to(result, id);
    }
    answer(state, instance, wire_id, result);
  }
  for (const Call& call : shown_to) {
    conclude(state, call,
             std::string(result_key) + face::detailed_task(shown, outcome, {}, instance.server_info));
  }
  bound_results(instance, owner);
}

void wait_for(Instance& instance, Call& call, const std::string& id, Task& task) {
  instance.calls.become(call, CallState::asking);
  call.uri = id;
  task.waiters.push_back(call.wire_id);
}

void fetch(State& state, Instance& instance, const std::string& id, Task& task) {
  if (std::exchange(task.fetched, true)) return;
  ask_server(state, instance, Purpose::task_result, Method::tasks_result, id, task.owner);
}

// What a legacy server's task came to, and what it asks, is only said to who waits for its result. False:
// there is nothing to be shown before that has come.
bool fetch_if_due(State& state, Instance& instance, const std::string& id, Task& task) {
  const std::string status = proto::json::unquoted(proto::member(task.state, "status"));
  if (status == "cancelled") task.outcome.clear();
  const bool has_result = core::task_ended(task.state) && status != "cancelled";
  if (has_result || status == "input_required") fetch(state, instance, id, task);
  return !has_result || !task.outcome.empty();
}

// What the server wants to know is asked of a legacy client that waits for the result.
void ask_its_client(State& state, Instance& instance, const std::string& id, const Scanned& message) {
  const auto wanted = face::read_input_required(message.of(message.envelope.result));
  Task& task = *instance.tasks.find(id);
  const auto waits = [&](std::int64_t wire_id) {
    const Call* call = instance.calls.find(wire_id);
    return call != nullptr && call->state == CallState::asking && call->uri == id;
  };
  const auto waiter = std::ranges::find_if(task.waiters, waits);
  task.poll_due = next_look(state, task);
  if (!wanted || waiter == task.waiters.end() || instance.rounds.contains(*waiter)) return;
  std::vector<face::InputRequest> requests = wanted->requests;
  for (face::InputRequest& request : requests) request.params = face::related_to(request.params, id);
  task.poll_due.reset();
  ask_in_round(state, instance, *instance.calls.find(*waiter), requests);
}

// The raw error of a task that the server was asked about and does not know any more; empty: it says how the
// task stands.
std::string why_lost(const Instance& instance, const Scanned& message) {
  if (message.envelope.error.present()) return std::string(message.of(message.envelope.error));
  if (!proto::member(message.of(message.envelope.result), "status").empty()) return {};
  return error_about(instance, "was asked how a task stands, and did not say", false);
}

// The modern call that is answered with what the task comes to, because its client knows no tasks.
Call* follower_of(Instance& instance, const Task& task, const std::string& id) {
  for (const std::int64_t wire_id : task.waiters) {
    Call* call = instance.calls.find(wire_id);
    if (call != nullptr && call->era == proto::Era::modern && call->state != CallState::cancelled &&
        call->uri == id)
      return call;
  }
  return nullptr;
}

}  // namespace

void cancel_task(State& state, Instance& instance, const std::string& id, Task& task) {
  task.poll_due.reset();
  task.waiters.clear();
  if (std::exchange(task.left, true) || instance.life != core::Life::ready) return;
  ask_server(state, instance, Purpose::task_told, Method::tasks_cancel, id, task.owner);
}

bool leave_task(State& state, Instance& instance, const Call& call) {
  Task* task = call.method == Method::tools_call ? instance.tasks.find(call.uri) : nullptr;
  if (task == nullptr) return false;
  cancel_task(state, instance, call.uri, *task);
  return true;
}

void modern_server_made_task(State& state, Instance& instance, Call& call, std::string_view raw_result) {
  const std::string id = proto::json::unquoted(proto::member(raw_result, "taskId"));
  const std::string made = face::legacy_task(raw_result);
  task_created(state, instance, id, {.owner = call.session, .bridged = true, .state = made});
  if (const Session* session = state.sessions.find(call.session))
    state.task_owners.created(session->server, id, session->principal);
  if (call.task) return answer(state, instance, call.wire_id, R"({"task":)" + made + '}');
  Task& task = *instance.tasks.find(id);
  wait_for(instance, call, id, task);
  task.poll_due = next_look(state, task);
}

void task_done_at_once(State& state, Instance& instance, const Call& call, std::string_view raw_result) {
  const std::string id = "hearth-task-" + std::to_string(call.wire_id);
  std::string done = face::finished_task(id, written_time(state));
  if (proto::member(raw_result, "isError") == "true") done = face::legacy_task_with(done, "failed");
  task_created(state, instance, id,
               {.owner = call.session,
                .bridged = true,
                .state = done,
                .outcome = std::string(result_key) + face::legacy_result(raw_result)});
  const SessionId owner = call.session;
  answer(state, instance, call.wire_id, R"({"task":)" + done + '}');
  bound_results(instance, owner);
}

void legacy_task_request(State& state, Session& session, Instance& instance, const Scanned& message,
                         Method method) {
  const std::string_view raw_id = message.of(message.envelope.id);
  const auto reply = [&](const std::string& result) {
    state.reply(session, raw_id, proto::result_text(raw_id, result));
  };
  if (method == Method::tasks_list) {
    std::string list;
    instance.tasks.each([&](const std::string& /*id*/, const Task& task) {
      if (task.owner == session.id) list.append(list.empty() ? "" : ",").append(task.state);
    });
    return reply(R"({"tasks":[)" + list + "]}");
  }
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  Task& task = *instance.tasks.find(id);
  if (method == Method::tasks_result) {
    const std::int64_t wire_id = hold_call(state, session, instance, message, method);
    wait_for(instance, *instance.calls.find(wire_id), id, task);
    if (!task.outcome.empty()) return deliver(state, instance, id);
    task.poll_due = state.now;
  } else if (task.outcome.empty()) {
    forward_call(state, session, instance, message, method);
  } else if (method == Method::tasks_get) {
    reply(task.state);
  } else {
    state.reply(session, raw_id,
                proto::error_text(raw_id, Code::invalid_params, "Task has ended", {session.server, false}));
  }
}

void modern_task_answered(State& state, Instance& instance, std::int64_t wire_id, const Scanned& message) {
  const Method method = instance.calls.find(wire_id)->method;
  const std::string_view result = message.of(message.envelope.result);
  const std::string asked_for = instance.calls.find(wire_id)->uri;
  Task* task = instance.tasks.find(asked_for);
  if (task == nullptr || message.envelope.error.present()) {
    const std::string_view error = message.of(message.envelope.error);
    return fail(state, instance, wire_id,
                error.empty() ? R"({"code":-32602,"message":"Task not found"})" : error);
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
  if (!task->outcome.empty()) deliver(state, instance, asked_for);
}

void task_polled(State& state, Instance& instance, const Call& call, const Scanned& message) {
  Task* task = instance.tasks.find(call.uri);
  if (task == nullptr || task->left || !task->outcome.empty()) return;
  const std::string_view result = message.of(message.envelope.result);
  const std::string lost = why_lost(instance, message);
  if (!lost.empty()) {
    task->outcome = std::string(error_key) + lost;
    task->state = face::legacy_task_with(task->state, "failed");
  } else {
    task->state = face::legacy_task(result);
    task->outcome = face::outcome_of(result);
  }
  if (!task->outcome.empty()) return deliver(state, instance, call.uri);
  task->poll_due = next_look(state, *task);
  if (!proto::member(result, "inputRequests").empty()) ask_its_client(state, instance, call.uri, message);
}

bool answers_task(State& state, Instance& instance, std::int64_t wire_id, std::string_view responses) {
  const std::string id = instance.calls.find(wire_id)->uri;  // The table may grow when the server is asked.
  Task* task = id.empty() ? nullptr : instance.tasks.find(id);
  if (task == nullptr) return false;
  ask_server(state, instance, Purpose::task_told, Method::tasks_update, id, task->owner, responses);
  task->poll_due = next_look(state, *task);
  return true;
}

void tasks_tick(State& state, Instance& instance) {
  task_asks_due(state, instance);
  std::vector<std::string> due;
  instance.tasks.each([&](const std::string& id, Task& task) {
    if (!task.poll_due || state.now < *task.poll_due) return;
    task.poll_due.reset();
    due.push_back(id);
  });
  for (const std::string& id : due)
    ask_server(state, instance, Purpose::task_poll, Method::tasks_get, id, instance.tasks.find(id)->owner);
}

void learn_task_tools(Instance& instance, std::string_view raw_result) {
  if (!raw_result.contains("taskSupport")) return;
  proto::each_item(proto::member(raw_result, "tools"), [&](std::string_view tool) {
    const std::string_view support = proto::member(proto::member(tool, "execution"), "taskSupport");
    const std::string name = proto::json::unquoted(proto::member(tool, "name"));
    instance.task_tools.erase(name);
    if (support == R"("optional")" || support == R"("required")")
      instance.task_tools[name] = support == R"("required")";
  });
}

void want_task_tools(State& state, Instance& instance) {
  const bool may_be_asked = instance.life == core::Life::ready && instance.era == proto::Era::legacy;
  if (!may_be_asked || !instance.offers_tasks || std::exchange(instance.task_tools_asked, true)) return;
  const std::int64_t call = own_call(instance, Purpose::task_tools);
  state.send(instance.id, proto::request_text(std::to_string(call), proto::name_of(Method::tools_list)));
}

void task_tools_listed(State& state, Instance& instance, const Scanned& message) {
  const std::string_view result = message.of(message.envelope.result);
  learn_task_tools(instance, result);
  const std::string_view cursor = proto::member(result, "nextCursor");
  if (cursor.empty()) return;
  const std::int64_t call = own_call(instance, Purpose::task_tools);
  state.send(instance.id, proto::request_text(std::to_string(call), proto::name_of(Method::tools_list),
                                              R"({"cursor":)" + std::string(cursor) + '}'));
}

bool becomes_task(const Instance& instance, const Call& call, std::string_view raw_params) {
  if (!instance.offers_tasks || call.method != Method::tools_call || instance.task_tools.empty())
    return false;
  const auto tool = instance.task_tools.find(proto::json::unquoted(proto::member(raw_params, "name")));
  return tool != instance.task_tools.end() && (call.abilities.tasks || tool->second);
}

bool legacy_server_made_task(State& state, Instance& instance, Call& call, const Scanned& message) {
  const std::string_view result = message.of(message.envelope.result);
  const std::string id = result.empty() ? std::string() : core::created_task_of(result);
  if (id.empty()) return false;
  const std::string made(proto::member(result, "task"));
  task_created(state, instance, id, {.owner = call.session, .bridged = true, .state = made});
  if (call.abilities.tasks) {
    answer(state, instance, call.wire_id, face::created_task(made, instance.server_info));
    return true;
  }
  Task& task = *instance.tasks.find(id);
  wait_for(instance, call, id, task);
  fetch(state, instance, id, task);
  return true;
}

void modern_task_request(State& state, Session& session, Instance& instance, const Scanned& message,
                         Method method, const Asked& asked) {
  const std::string_view raw_id = message.of(message.envelope.id);
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  if (!instance.tasks.owns(id, session.id)) {
    state.reply(session, raw_id,
                proto::error_text(raw_id, Code::invalid_params, "Task not found", {session.server, false}));
    return;
  }
  Task& task = *instance.tasks.find(id);
  if (method == Method::tasks_update) {
    proto::each_member(proto::member(message.of(message.envelope.params), "inputResponses"),
                       [&](std::string_view key, std::string_view raw_answer) {
                         const auto ask = std::ranges::find(task.asks, key, &core::ParkedAsk::key);
                         if (ask == task.asks.end()) return;
                         state.send(instance.id, proto::result_text(ask->server_id, raw_answer));
                         task.asks.erase(ask);
                       });
    state.reply(session, raw_id, proto::result_text(raw_id, R"({"resultType":"complete"})"));
  } else if (method == Method::tasks_get && !task.outcome.empty()) {
    state.reply(
        session, raw_id,
        proto::result_text(raw_id, face::detailed_task(task.state, task.outcome, {}, instance.server_info)));
  } else {
    forward_call(state, session, instance, message, method, asked);
  }
}

void legacy_task_answered(State& state, Instance& instance, const Call& call, std::string_view result) {
  Task* task = instance.tasks.find(call.uri);
  if (call.method == Method::tasks_cancel)
    return conclude(state, call, std::string(result_key) + R"({"resultType":"complete"})");
  if (task == nullptr)  // Forgotten while the server looked for it.
    return conclude(state, call, std::string(error_key) + R"({"code":-32602,"message":"Task not found"})");
  task->state = result;
  if (!fetch_if_due(state, instance, call.uri, *task)) {
    task->shown_to.push_back(call);
    return;
  }
  conclude(state, call,
           std::string(result_key) +
               face::detailed_task(task->state, task->outcome, task->asks, instance.server_info));
}

void bridged_task_status(State& state, Instance& instance, const Scanned& message) {
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  Task& task = *instance.tasks.find(id);
  if (!task.outcome.empty()) return;
  task.state = message.of(message.envelope.params);
  if (fetch_if_due(state, instance, id, task)) tell_listens_of(state, instance, id, task);
}

void task_fetched(State& state, Instance& instance, const Call& call, const Scanned& message) {
  Task* task = instance.tasks.find(call.uri);
  if (task == nullptr) return;
  const std::string_view result = message.of(message.envelope.result);
  if (result.empty()) {
    task->outcome = std::string(error_key) + std::string(message.of(message.envelope.error));
    task->state = face::legacy_task_with(task->state, "failed");
  } else {
    const std::string meta =
        proto::with_members(proto::member(result, "_meta"), {}, {proto::meta::related_task});
    const std::string kept = meta == "{}" ? std::string() : R"("_meta":)" + meta;
    task->outcome = std::string(result_key) + proto::with_members(result, kept, {"_meta"});
    task->state = face::legacy_task_with(task->state, "completed");
  }
  task->asks.clear();
  deliver(state, instance, call.uri);
}

bool task_asks_modern_client(State& state, Instance& instance, const Scanned& message, Method method,
                             core::Mode mode) {
  const std::string id = proto::json::unquoted(message.of(message.envelope.related_task));
  Task* task = id.empty() ? nullptr : instance.tasks.find(id);
  const Session* owner = task != nullptr ? state.sessions.find(task->owner) : nullptr;
  if (owner == nullptr || !task->bridged || !proto::input_request(method)) return false;
  if (Call* call = follower_of(instance, *task, id)) {
    if (!core::may_be_asked(call->abilities, method, mode)) return false;
    if (call->state == CallState::asking) instance.calls.become(*call, CallState::sent);
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
