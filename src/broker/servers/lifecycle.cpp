// The life of a server's process: started when somebody needs it, greeted once, tried again after a crash,
// stopped when nobody is left.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/calls/one_call.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/servers/noise.h"
#include "broker/servers/servers.h"
#include "broker/sessions/sessions.h"
#include "core/limits.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;
using core::Phase;
using core::Session;

bool needed_by_somebody(const Instance& instance) {
  return !instance.sessions.empty() || !instance.channels.empty();
}

// Their initialize has no answer. It is answered by the next process, or by the next daemon.
void fail_greetings(State& state, Instance& instance, const std::string& raw_error) {
  for (const SessionId id : std::vector(instance.sessions)) {
    Session& session = state.sessions.at(id);
    if (session.phase == Phase::asked) fail_initialize(state, session, raw_error);
  }
}

bool greetings_wait(const State& state, const Instance& instance) {
  const auto asked = [&](SessionId id) { return state.sessions.at(id).phase == Phase::asked; };
  return std::ranges::any_of(instance.sessions, asked) ||
         std::ranges::any_of(instance.channels, [&](InstanceId channel) {
           return std::ranges::any_of(state.instances.at(channel).sessions, asked);
         });
}

void fail_calls(State& state, Instance& instance, const std::string& raw_error) {
  for (const core::CallId wire_id : instance.calls.ids()) {
    if (instance.calls.find(wire_id) == nullptr) continue;
    instance.subscriptions.withdraw(wire_id);
    fail(state, instance, wire_id, raw_error);
  }
  instance.level_waiters.clear();
  for (core::Waiting& one : instance.waiting.take_if([](const core::Waiting& /*any*/) { return true; })) {
    if (Session* session = state.sessions.find(one.session)) no_longer_waiting(state, *session, one);
  }
}

// A failed attempt, or a crash: those who cannot go on without it are told.
void fail_waiting(State& state, Instance& instance, const std::string& raw_error) {
  fail_greetings(state, instance, raw_error);
  fail_calls(state, instance, raw_error);
}

bool reached_server(const core::Call& call) {
  return call.state != core::CallState::queued && call.state != core::CallState::held;
}

// The process is gone, and everything that only existed inside it. Calls that it had received are answered;
// none is repeated.
void process_lost(State& state, Instance& instance, const std::string& raw_error) {
  calls_outlive(state, instance);
  questions_lost(state, instance);
  for (const core::CallId wire_id : instance.calls.ids()) {
    const core::Call* call = instance.calls.find(wire_id);
    if (call == nullptr) continue;  // It waited for the answer to another that was lost.
    if (reached_server(*call)) fail(state, instance, wire_id, raw_error);
  }
  for (const core::CallId wire_id : std::exchange(instance.level_waiters, {}))
    answer(state, instance, wire_id, "{}");
  end_conversation(state, instance, raw_error);
  ensure(instance.rounds.empty());
  instance.times = {};
  end_noise(state, instance);
  if (instance.sessions.empty()) instance.common_roots.reset();
  instance.greeting = {};
  if (std::exchange(instance.process, {}).blocked) {
    for (const SessionId id : instance.sessions)
      resume(state, state.sessions.at(id), core::Pause::server_full);
  }
}

// It did not come up, or did not stay up.
void failed(State& state, Instance& instance) {
  // Sessions that went on from an earlier daemon were served before, though not by this process.
  const bool listened_to =
      std::ranges::any_of(instance.listens, [](const auto& entry) { return entry.second.acknowledged; });
  const bool was_ready = listened_to || std::ranges::any_of(instance.sessions, [&](SessionId id) {
                           const Phase phase = state.sessions.at(id).phase;
                           return phase == Phase::answered || phase == Phase::ready;
                         });
  instance.supervision.failed(state.now, instance.spec.timing.stable_after);
  instance.failed = true;
  instance.ended_idle = false;
  const std::string error =
      instance.refusal.empty() ? error_about(instance, instance.trouble, true) : instance.refusal;
  const bool again = was_ready && !instance.supervision.broken();
  state.log(Severity::warning,
            instance.spec.name + ": " + instance.trouble +
                (again ? "; it is started again" : "; it is not started again until somebody asks for it"));
  if (again && !state.leaving) {
    instance.life = Life::backing_off;
    return;
  }
  instance.life = Life::stopped;
  if (state.leaving == DaemonLeaves::Sessions::find_the_next) return fail_calls(state, instance, error);
  fail_waiting(state, instance, error);
  if (!needed_by_somebody(instance)) instance.forget_due = state.now + core::limits::remember_failed;
}

}  // namespace

void retry(State& state, Instance& instance) {
  ensure(instance.life == Life::backing_off);
  if (instance.sessions.empty()) {
    instance.life = Life::stopped;
    return;
  }
  if (!server_comes(state, instance)) {
    failed(state, instance);
    return;
  }
  ++instance.restarts;
  start(state, instance);
}

void instance_started(State& state, Instance& instance, std::int64_t pid) {
  instance.process.pid = pid;
  instance.process.started = state.now;
  instance.sessions_ever = instance.sessions.size();
  if (instance.life != Life::starting) return;
  instance.life = Life::greeting;
  if (instance.spec.link == core::Link::stdio || instance.channel_of) greet(state, instance);
}

void instance_start_failed(State& state, Instance& instance, std::string why) {
  const InstanceId id = instance.id;  // It may leave the tables with its last channel.
  const bool wanted = instance.life == Life::starting;
  process_lost(state, instance, error_about(instance, why, true));
  instance.trouble = std::move(why);
  if (wanted || instance.restart_wanted) {
    failed(state, instance);
  } else {
    const bool gave_up = instance.gave_up;
    const std::string error = error_about(instance, instance.trouble, true);
    instance.life = Life::stopped;
    fail_calls(state, instance, error);
    if (gave_up || (greetings_wait(state, instance) && !state.leaving && !wake(state, instance)))
      fail_greetings(state, instance, error);
  }
  channels_lost(state, instance);
  consider_forgetting(state, id);
}

namespace {

// It ended because of how it was greeted. True: it is started again at once, and greeted otherwise.
bool greets_again(State& state, Instance& instance, const InstanceExited& event) {
  const bool offered = ended_on_being_offered(state, instance);
  if (!offered && !ended_on_being_asked(instance)) return false;
  process_lost(state, instance, error_about(instance, event.how, true));
  const core::Offers offers = instance.offers;
  std::string refusal = std::move(instance.refusal);
  if (!offered) instance.probe_in_vain = true;
  start(state, instance);
  instance.offers = offers;
  instance.refusal = std::move(refusal);
  return true;
}

bool ends_idle(State& state, Instance& instance, const InstanceExited& event) {
  if (instance.channel_of) return instance.ends_idle;
  // With something to do that it did not even begin it is of no use, unless it has done something before.
  const bool useful = instance.waiting.empty() || instance.supervision.has_answered();
  return instance.life == Life::ready && event.clean && useful && !works_at_something(state, instance);
}

// Some servers end when they have had nothing to do for a while, or after each request. Nothing is lost, and
// nothing needs it before somebody asks.
void ended_idle(State& state, Instance& instance) {
  const bool heard_all = instance.talk.upstream.failures == 0;  // Not if it had just ended Hearth's listen.
  process_lost(state, instance, error_about(instance, "has ended", true));
  const bool wanted = instance.restart_wanted || !instance.waiting.empty();
  instance.life = Life::stopped;
  instance.ended_idle = heard_all;
  instance.failed = false;
  instance.trouble.clear();
  if (!instance.channel_of) {
    state.log(Severity::info, instance.spec.name +
                                  ": ended by itself when it had nothing to do; it is started again when "
                                  "somebody asks for it");
  }
  const InstanceId id = instance.id;
  channels_lost(state, instance);
  // With its last channel it may have left the tables.
  Instance* still = state.instances.find(id);
  if (still != nullptr && wanted && needed_by_somebody(*still)) wake(state, *still);
  consider_forgetting(state, id);
}

// Which calls it may have died of.
void note_death(State& state, Instance& instance, const std::string& how) {
  if (instance.life != Life::ready) return;
  if (instance.channel_of) {
    channel_broke(state, instance);
  } else {
    blame(state, instance, how);
  }
}

}  // namespace

void instance_exited(State& state, Instance& instance, const InstanceExited& event) {
  const InstanceId id = instance.id;  // It may leave the tables with its last channel.
  if (greets_again(state, instance, event)) return;
  if (instance.life == Life::ready) {
    for (const proto::Message& message : event.unread) send_again(state, instance, message);
  }
  if (ends_idle(state, instance, event)) return ended_idle(state, instance);
  note_death(state, instance, event.how);
  const bool asked_for = instance.life == Life::stopping && !instance.gave_up;
  // A channel that falls with its server has that server's trouble.
  std::string how = instance.channel_of && instance.gave_up ? instance.trouble : event.how;
  if (!event.last_words.empty()) how += "; its last words: " + event.last_words;
  const std::string why = instance.gave_up ? instance.trouble : how;
  const std::string lost = (asked_for ? "was stopped" : why) + " while this call was running";
  process_lost(state, instance, error_about(instance, lost, false));
  if (asked_for) {
    instance.life = Life::stopped;
    const bool by_a_person = instance.restart_wanted && !needed_by_somebody(instance);
    const bool needed =
        instance.restart_wanted || !instance.waiting.empty() || greetings_wait(state, instance);
    const bool shown = !instance.stopped_for.empty();
    if (!instance.restart_wanted)
      instance.trouble = shown ? std::exchange(instance.stopped_for, {}) : "was stopped";
    if (shown && !needed_by_somebody(instance))
      instance.forget_due = state.now + core::limits::remember_failed;
    instance.failed = false;
    if (needed && (needed_by_somebody(instance) || by_a_person)) wake(state, instance);
    if (by_a_person) instance.idle_due = state.now + instance.spec.timing.idle_timeout;
    channels_lost(state, instance);
  } else {
    const bool whole = instance.channel_of && instance.gave_up;
    instance.trouble = instance.gave_up && !whole ? instance.trouble + " (" + how + ")" : how;
    failed(state, instance);
    channels_lost(state, instance);
  }
  consider_forgetting(state, id);
}

void instance_spoke(State& state, Instance& instance) {
  if (!instance.process.start_due) return;
  instance.process.start_due =
      std::min(state.now + instance.spec.timing.start_timeout, *instance.process.start_limit);
}

void restart(State& state, Instance& instance) {
  instance.supervision.forgive();
  instance.suspects.clear();
  switch (instance.life) {
    case Life::stopped:
      wake(state, instance);
      return;
    case Life::backing_off:
      retry(state, instance);
      return;
    case Life::stopping:
      instance.restart_wanted = true;
      return;
    case Life::starting:
    case Life::greeting:
    case Life::ready:
      stop(state, instance);
      if (instance.life == Life::stopped) {
        wake(state, instance);
      } else {
        instance.restart_wanted = true;
      }
      return;
  }
}

// A session whose initialize has no answer waits for the next process, which is started for it: its client
// would give the server up for good if it were told of an error now.
void stop_by_person(State& state, Instance& instance) {
  switch (instance.life) {
    case Life::stopped:
      return;
    case Life::stopping:
      instance.restart_wanted = false;
      fail_calls(state, instance, error_about(instance, "was stopped on request", true));
      return;
    case Life::backing_off:
      instance.life = Life::stopped;
      instance.failed = false;
      instance.trouble = "was stopped";
      fail_calls(state, instance, error_about(instance, "was stopped on request", true));
      if (greetings_wait(state, instance) && !wake(state, instance))
        fail_greetings(state, instance, error_about(instance, instance.trouble, true));
      consider_forgetting(state, instance.id);
      return;
    case Life::starting:
    case Life::greeting:
    case Life::ready:
      stop(state, instance);  // First: what nobody needs any more is not said to it one by one.
      fail_calls(state, instance, error_about(instance, "was stopped on request", false));
      if (instance.life == Life::stopped && greetings_wait(state, instance)) wake(state, instance);
      consider_forgetting(state, instance.id);
      return;
  }
}

void daemon_leaves(State& state, DaemonLeaves::Sessions sessions) {
  state.leaving = sessions;
  for (const InstanceId id : state.instances.ids()) {
    Instance* instance = state.instances.find(id);
    if (instance == nullptr) continue;
    const std::string error = error_about(*instance, "the daemon is ending; ask again", true);
    // A client over HTTP cannot wait for another daemon with this request.
    for (const SessionId session_id : std::vector(instance->sessions)) {
      Session& session = state.sessions.at(session_id);
      const bool waits = sessions == DaemonLeaves::Sessions::find_the_next && !session.many_streams;
      if (session.phase == Phase::asked && !waits) fail_initialize(state, session, error);
    }
    if (instance->life == Life::backing_off) instance->life = Life::stopped;
    instance->restart_wanted = false;
    if (instance->life != Life::stopped) stop(state, *instance);
    fail_calls(state, *instance, error);
    consider_forgetting(state, id);
  }
}

// It asks and does not read the answers. What is in flight fails with that reason when it is gone.
void instance_overflowed(State& state, Instance& instance, std::size_t queued_bytes) {
  if (instance.life != Life::ready && instance.life != Life::greeting) return;
  instance.trouble = "was stopped because it does not read its stdin: " + std::to_string(queued_bytes) +
                     " bytes wait for it, most of them answers to its own requests";
  instance.gave_up = true;
  stop(state, instance);
}

}  // namespace broker
