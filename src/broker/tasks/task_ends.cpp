// How followed tasks and their questions come to an end that their server did not say: its session is
// forgotten, too many are remembered, a question has had its time, or the client leaves.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "face/tasks.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::ParkedAsk;
using core::Session;
using core::Task;

// Everybody who waits for the task hears of it; its own session too if it is still to be told how it went.
void end(State& state, Instance& instance, const std::string& id, Task& task, const std::string& raw_error) {
  const core::Outcome outcome = core::Outcome::error(raw_error);
  for (const ParkedAsk& ask : std::exchange(task.asks, {})) decline_parked(state, instance.id, ask);
  for (const core::CallId wire_id : std::exchange(task.waiters, {})) {
    const Call* call = instance.calls.find(wire_id);
    const bool waits = call != nullptr && call->uri == id && call->purpose == core::Purpose::forwarded;
    if (waits && call->state != CallState::cancelled) fail(state, instance, wire_id, raw_error);
  }
  for (const Call& call : std::exchange(task.shown_to, {})) conclude(state, call, outcome);
  if (!task.bridged || task.outcome) return;
  task.outcome = outcome;
  task.state = face::legacy_task_with(task.state, "failed");
  if (instance.era == proto::Era::legacy)
    tell_task(state, instance, id, face::task_notice(task.state, task.outcome, {}));
}

}  // namespace

void task_created(State& state, Instance& instance, const std::string& id, Task task) {
  auto gone = instance.talk.tasks.created(id, std::move(task));
  if (!gone) return;
  const std::string why = gone->first == id
                              ? std::string("used the id of a task again before that had ended")
                              : "has more than " + std::to_string(core::limits::tasks_per_instance) +
                                    " tasks; this one, the oldest, is not followed any more";
  end(state, instance, gone->first, gone->second, error_about(instance, why, false));
}

void keep_result(State& state, Instance& instance, const std::string& id) {
  Task* task = instance.talk.tasks.find(id);
  Session* session = task != nullptr ? state.sessions.find(task->owner) : nullptr;
  if (session == nullptr || !task->outcome) return;
  task->charge = core::Charge(session->account, core::Kept::task_result, task->outcome->raw.size());
  if (!session->account.over(core::Kept::task_result)) return;
  for (const std::string& old : instance.talk.tasks.old_results(session->id)) {
    const auto full = session->account.full(core::Kept::task_result, {});
    if (!full) return;
    Task& given_up = *instance.talk.tasks.find(old);
    given_up.charge = {};
    given_up.outcome = core::Outcome::error(error_about(
        instance, "has finished this task, but its result is not kept any more: " + full->text(), false));
    given_up.state = face::legacy_task_with(given_up.state, "failed");
  }
}

void tasks_lost(State& state, Instance& instance, const std::string& raw_error) {
  // end() answers the calls that wait for a task; that may change anything but add a task.
  instance.talk.tasks.each([&](const std::string& id, Task& task) {
    for (ParkedAsk& ask : task.asks) ask.server_id.clear();  // The process that asked is gone.
    end(state, instance, id, task, raw_error);
  });
}

void task_asks_due(State& state, Instance& instance, Task& task) {
  std::erase_if(task.asks, [&](const ParkedAsk& ask) {
    const bool late = ask.due <= state.now;
    if (late) decline_parked(state, instance.id, ask);
    return late;
  });
}

void tasks_leave(State& state, Session& session, Instance& instance) {
  instance.talk.tasks.each([&](const std::string& id, Task& task) {
    if (task.owner != session.id) return;
    for (const ParkedAsk& ask : std::exchange(task.asks, {})) decline_parked(state, instance.id, ask);
    const bool over = task.outcome || core::task_ended(task.state);
    if (task.bridged && !over) cancel_task(state, instance, id, task);
  });
  instance.talk.tasks.leave(session.id);
}

}  // namespace broker
