#include "broker/tasks/following.h"

#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "face/tasks.h"
#include "face/to_modern_client.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Task;
using proto::Method;

base::Instant next_look(const State& state, const Task& task) {
  const std::int64_t said = face::poll_after(task.state, core::limits::task_poll.count());
  return state.now + std::clamp(std::chrono::milliseconds(said), core::limits::task_poll_least,
                                core::limits::task_poll_most);
}

void tell_listens_of(State& state, Instance& instance, const std::string& id, const Task& task) {
  if (instance.era == proto::Era::modern) return;
  tell_task(state, instance, id, face::task_notice(task.state, task.outcome, task.asks));
}

void deliver(State& state, Instance& instance, const std::string& id) {
  Task& task = *instance.talk.tasks.find(id);
  task.poll_due.reset();
  const core::Outcome outcome = *task.outcome;
  const std::string shown = task.state;
  const std::vector<core::CallId> waiters = std::exchange(task.waiters, {});
  const std::vector<Call> shown_to = std::exchange(task.shown_to, {});
  tell_listens_of(state, instance, id, task);
  for (const core::CallId wire_id : waiters) {
    const Call* call = instance.calls.find(wire_id);
    if (call == nullptr || call->state == CallState::cancelled || call->uri != id) continue;
    if (outcome.failed) {
      end(state, instance, wire_id, outcome);
      continue;
    }
    std::string result = outcome.raw;
    if (call->era == proto::Era::modern) {
      result = face::complete_result(result, call->method, instance.known.server_info);
    } else if (call->method == Method::tasks_result) {
      result = face::related_to(result, id);
    }
    answer(state, instance, wire_id, result);
  }
  for (const Call& call : shown_to) {
    conclude(state, call,
             core::Outcome::result(face::detailed_task(shown, outcome, {}, instance.known.server_info)));
  }
  keep_result(state, instance, id);
}

void wait_for(Instance& instance, Call& call, const std::string& id, Task& task) {
  instance.calls.become(call, core::Following{});
  call.uri = id;
  task.waiters.push_back(call.wire_id);
}

std::string why_lost(const Instance& instance, const Scanned& message) {
  if (message.envelope.error.present()) return std::string(message.of(message.envelope.error));
  if (!proto::member(message.of(message.envelope.result), "status").empty()) return {};
  return error_about(instance, "was asked how a task stands, and did not say", false);
}

}  // namespace broker
