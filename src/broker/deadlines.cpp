// What happens to an instance because time has passed.
#include "broker/deadlines.h"

#include <vector>

#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/servers/servers.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "face/to_legacy_server.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;

void start_took_too_long(State& state, Instance& instance) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(instance.spec.timing.start_timeout).count();
  std::string seconds = std::to_string(milliseconds / 1000);
  if (milliseconds % 1000 != 0) seconds += '.' + std::to_string(milliseconds % 1000 + 1000).substr(1);
  const bool to_connections = instance.spec.link != core::Link::stdio && !instance.channel_of;
  instance.trouble = std::string(to_connections ? "did not answer on its port within "
                                                : "did not answer initialize within ") +
                     seconds + " s; raise startTimeoutMs in config.json if it needs longer";
  // If it hangs because it was asked what it is, the next start succeeds.
  if (instance.spec.link == core::Link::stdio && instance.greeting.probes != 0) instance.probe_in_vain = true;
  instance.gave_up = true;
  stop(state, instance);
}

// Over stdio a late answer still counts; over HTTP it would hold a connection, maybe the only one that the
// server serves.
void probe_took_too_long(State& state, Instance& instance) {
  if (instance.spec.link != core::Link::stdio) {
    state.send(instance.id, face::cancelled_notice(instance.greeting.probe->text(), "no answer in time"));
    instance.greeting.probe_silent = true;
  }
  nothing_discovered(state, instance);
}

void idle_too_long(State& state, Instance& instance) {
  instance.idle_due.reset();
  if (needed_by_anybody(state, instance)) return;
  if (works_for_somebody(state, instance)) {
    instance.idle_due = state.now + instance.spec.timing.idle_timeout;
    return;
  }
  stop_whole(state, instance);
}

void expire_tombstones(State& state, Instance& instance) {
  while (!instance.times.tombstones.empty() && instance.times.tombstones.front().due <= state.now) {
    const core::CallId wire_id = instance.times.tombstones.front().call;
    instance.times.tombstones.pop_front();
    const core::Call* call = instance.calls.find(wire_id);
    if (call != nullptr && call->state == core::CallState::cancelled) instance.calls.take(wire_id);
  }
}

void expire_asks(State& state, Instance& instance) {
  while (!instance.times.ask_dues.empty() && instance.times.ask_dues.begin()->due <= state.now) {
    const core::Times::AskDue due = *instance.times.ask_dues.begin();
    instance.times.ask_dues.erase(instance.times.ask_dues.begin());
    ask_due(state, instance, due);
  }
}

}  // namespace

std::optional<base::Instant> deadline_of(const Instance& instance) {
  std::optional<base::Instant> first;
  const auto consider = [&](std::optional<base::Instant> due) {
    if (due && (!first || *due < *first)) first = due;
  };
  consider(instance.process.start_due);
  consider(instance.greeting.probe_due);
  consider(upstream_deadline(instance));
  consider(rounds_deadline(instance));
  consider(instance.talk.tasks.deadline());
  consider(endings_deadline(instance));
  consider(instance.idle_due);
  consider(instance.forget_due);
  if (instance.life == Life::backing_off) consider(instance.supervision.retry_at());
  consider(instance.talk.list_changes.deadline());
  consider(instance.talk.roots.give_up_at);
  if (!instance.times.ask_dues.empty()) consider(instance.times.ask_dues.begin()->due);
  if (!instance.times.tombstones.empty()) consider(instance.times.tombstones.front().due);
  return first;
}

void tick(State& state, Instance& instance) {
  const auto reached = [&](std::optional<base::Instant> due) { return due && *due <= state.now; };
  if (reached(instance.process.start_due)) start_took_too_long(state, instance);
  if (reached(instance.greeting.probe_due) && instance.life == Life::greeting)
    probe_took_too_long(state, instance);
  upstream_tick(state, instance);
  rounds_tick(state, instance);
  tasks_tick(state, instance);
  if (instance.life == Life::backing_off && instance.supervision.retry_at() <= state.now)
    retry(state, instance);
  for (const core::ListKind kind : core::list_kinds) {
    if (instance.talk.list_changes.due(kind, state.now)) tell_list(state, instance, kind);
  }
  if (reached(instance.talk.roots.give_up_at)) roots_due(state, instance);
  expire_asks(state, instance);
  endings_tick(state, instance);
  expire_tombstones(state, instance);
  if (reached(instance.idle_due)) idle_too_long(state, instance);
  if (reached(instance.forget_due)) instance.forget_due.reset();
  consider_forgetting(state, instance.id);
}

}  // namespace broker
