// Every event finds its part here, and every deadline.
#include "broker/broker.h"

#include <algorithm>

#include "broker/deadlines.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/servers/servers.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "broker/turns.h"

namespace broker {
namespace {

template <class... Handlers>
struct Cases : Handlers... {
  using Handlers::operator()...;
};

void with_session(State& state, SessionId id, auto&& handle) {
  if (core::Session* session = state.sessions.find(id)) handle(*session);
}

void each_part_of(State& state, SessionId id, auto&& handle) {
  if (core::Session* session = state.sessions.find(id)) each_part(state, *session, handle);
}

void with_instance(State& state, InstanceId id, auto&& handle) {
  if (core::Instance* instance = state.instances.find(id)) handle(*instance);
}

void instance_line(State& state, const InstanceLine& event) {
  if (event.call != 0) state.heard_on = core::CallId(event.call);
  with_instance(state, event.instance,
                [&](core::Instance& instance) { server_line(state, instance, event.line); });
  state.heard_on.reset();
}

void blocked(State& state, core::Instance& instance) {
  instance.process.blocked = true;
  for (const SessionId id : instance.sessions) pause(state, state.sessions.at(id), core::Pause::server_full);
}

void unblocked(State& state, core::Instance& instance) {
  instance.process.blocked = false;
  for (const SessionId id : instance.sessions) resume(state, state.sessions.at(id), core::Pause::server_full);
}

void by_name(State& state, const std::string& name, const std::string& project, auto&& handle) {
  std::vector<InstanceId> all;
  state.instances.each([&](InstanceId id, const core::Instance& instance) {
    if (!project.empty() && instance.spec.scope_directory != project) return;
    const bool called_so =
        instance.spec.name == name || std::ranges::any_of(instance.sessions, [&](SessionId session) {
          return state.sessions.at(session).server == name;
        });
    if (called_so) all.push_back(id);
  });
  for (const InstanceId id : all) with_instance(state, id, handle);
}

// Without sessions for long enough, everything ends: first the servers, then the daemon.
void consider_retiring(State& state) {
  if (!state.sessions.empty() || state.retired || state.now < state.quiet_since + state.options.retire_after)
    return;
  bool running = false;
  for (const InstanceId id : state.instances.ids()) {
    with_instance(state, id, [&](core::Instance& instance) {
      if (instance.life == core::Life::stopped || instance.life == core::Life::backing_off) return;
      running = true;
      stop(state, instance);
    });
  }
  if (running) return;
  state.retired = true;
  state.outbox.push_back(Retire{});
}

void session_blocked(State& state, core::Session& session) {
  each_part(state, session, [](core::Session& part) { part.blocked = true; });
  pause(state, session, core::Pause::client_full);
}

void session_overflowed(State& state, core::Session& session, std::size_t queued_bytes) {
  session_closed(state, session,
                 "the client does not read; " + std::to_string(queued_bytes) +
                     " bytes wait for it, and the session is ended");
}

auto cases_of_sessions(State& state) {
  return Cases{
      [&](SessionOpened& e) { session_opened(state, std::move(e)); },
      [&](SessionLine& e) {
        with_session(state, e.session, [&](auto& s) { client_line(state, s, e.line, e.envelope); });
      },
      [&](SessionInputEnded& e) {
        each_part_of(state, e.session, [&](auto& s) { session_input_ended(state, s); });
      },
      [&](SessionClosed& e) {
        with_session(state, e.session,
                     [&](core::Session& s) { session_closed(state, s, std::move(e.reason)); });
      },
      [&](SessionAway& e) { each_part_of(state, e.session, [&](auto& s) { session_away(state, s); }); },
      [&](SessionBack& e) { each_part_of(state, e.session, [&](auto& s) { session_back(state, s); }); },
      [&](SessionBlocked& e) { with_session(state, e.session, [&](auto& s) { session_blocked(state, s); }); },
      [&](SessionUnblocked& e) {
        each_part_of(state, e.session, [&](auto& s) { session_unblocked(state, s); });
      },
      [&](SessionOverflowed& e) {
        with_session(state, e.session, [&](auto& s) { session_overflowed(state, s, e.queued_bytes); });
      },
      [&](SessionRespecified& e) {
        with_session(state, e.session, [&](auto& s) { session_respecified(state, s, std::move(e.spec)); });
      },
      [&](SessionRetimed& e) {
        with_session(state, e.session, [&](auto& s) { session_retimed(state, s, e.timing); });
      },
  };
}

auto cases_of_servers(State& state) {
  return Cases{
      [&](EntryChanged& e) { entry_changed(state, e.name); },
      [&](InstanceStarted& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_started(state, i, e.pid); });
      },
      [&](InstanceStartFailed& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_start_failed(state, i, std::move(e.why)); });
      },
      [&](InstanceLine& e) { instance_line(state, e); },
      [&](InstanceAnswers& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_answers(state, i); });
      },
      [&](InstanceForgot& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_forgot(state, i, e); });
      },
      [&](InstanceMoved& e) { with_instance(state, e.instance, [&](auto& i) { i.process.pid = e.pid; }); },
      [&](InstanceSpoke& e) { with_instance(state, e.instance, [&](auto& i) { instance_spoke(state, i); }); },
      [&](InstanceBlocked& e) { with_instance(state, e.instance, [&](auto& i) { blocked(state, i); }); },
      [&](InstanceUnblocked& e) { with_instance(state, e.instance, [&](auto& i) { unblocked(state, i); }); },
      [&](InstanceExited& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_exited(state, i, e); });
      },
      [&](InstanceOverflowed& e) {
        with_instance(state, e.instance, [&](auto& i) { instance_overflowed(state, i, e.queued_bytes); });
      },
      [&](MemoryShort& e) { memory_short(state, e); },
      [&](DaemonLeaves& e) { daemon_leaves(state, e.sessions); },
      [&](StartWanted& e) { start_wanted(state, std::move(e.spec)); },
      [&](StopWanted& e) {
        by_name(state, e.name, e.project, [&](core::Instance& instance) { stop_by_person(state, instance); });
      },
      [&](RestartWanted& e) {
        by_name(state, e.name, e.project, [&](core::Instance& instance) { restart(state, instance); });
      },
  };
}

void dispatch(State& state, Event& event) {
  std::visit(Cases{cases_of_sessions(state), cases_of_servers(state)}, event);
}

// What the event has led to: each step may lead to another one.
void finish_event(State& state) {
  do {
    act_on_notices(state);
    settle_places(state);
    pass_turns(state);
  } while (!state.notices.empty());
  if (!state.remnants.empty()) speak_for_remnants(state);
}

}  // namespace

Broker::Broker(Options options, base::Instant now) : state_(std::make_unique<State>(std::move(options))) {
  state_->now = now;
  state_->begun = now;
  state_->quiet_since = now;
}

Broker::Broker(Broker&&) noexcept = default;
Broker& Broker::operator=(Broker&&) noexcept = default;
Broker::~Broker() = default;

SessionId Broker::admit() {
  return state_->sessions.insert(core::Session{});
}

void Broker::dismiss(SessionId session) {
  state_->sessions.erase(session);
}

bool Broker::awaits(SessionId session) const {
  const core::Session* found = state_->sessions.find(session);
  return found != nullptr && !found->id;
}

void Broker::on(Event event, base::Instant now) {
  state_->now = now;
  dispatch(*state_, event);
  finish_event(*state_);
  if (state_->sessions.empty()) consider_retiring(*state_);
}

std::optional<base::Instant> Broker::deadline() const {
  // Once a turn, and not with each event.
  state_->instances.file_marked(deadline_of);
  std::optional<base::Instant> first;
  const base::Instant retire_at = state_->quiet_since + state_->options.retire_after;
  // Once that has passed, it is the end of the last server that is waited for.
  if (state_->sessions.empty() && !state_->retired && state_->now < retire_at) first = retire_at;
  for (const auto& due : {state_->instances.first_due(), state_->parks.deadline()}) {
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Broker::tick(base::Instant now) {
  state_->now = now;
  state_->instances.file_marked(deadline_of);
  for (const InstanceId id : state_->instances.due(now)) {
    with_instance(*state_, id, [&](core::Instance& instance) { broker::tick(*state_, instance); });
  }
  parks_tick(*state_);
  finish_event(*state_);
  consider_retiring(*state_);
}

std::vector<Action>& Broker::outbox() {
  return state_->outbox;
}

const std::vector<Action>& Broker::outbox() const {
  return state_->outbox;
}

}  // namespace broker
