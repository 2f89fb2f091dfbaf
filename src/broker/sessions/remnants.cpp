// What a session leaves behind when its server is replaced while it has calls there.
//
// A remnant stands in the tables as a session of its own, that the old server goes on with: it owns the calls
// in flight, the questions and the tasks. It shares the account and the journal of its session, and what it
// is sent goes to that session's client, which knows nothing of it: ids of calls and questions differ among
// the parts of a session. It ends when nothing is left to wait for.
#include <algorithm>
#include <utility>
#include <variant>

#include "broker/calls/calls.h"
#include "broker/context/conversations.h"
#include "broker/sessions/sessions.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Session;

// The server has it, and nothing but the session's own tables say whose it is.
bool can_be_parted(const Instance& instance, const Call& call) {
  using proto::Method;
  const bool interest = call.method == Method::resources_subscribe ||
                        call.method == Method::resources_unsubscribe ||
                        call.method == Method::logging_set_level;
  const bool runs =
      call.state == CallState::sent || call.state == CallState::asking || call.state == CallState::following;
  return runs && !interest && !instance.waiting.contains(call.wire_id);
}

// The same towards client and server.
Session likeness_of(const Session& session) {
  Session remnant;
  remnant.server = session.server;
  remnant.scope = session.scope;
  remnant.project = session.project;
  remnant.client_pid = session.client_pid;
  remnant.many_streams = session.many_streams;
  remnant.opened = session.opened;
  remnant.away_since = session.away_since;
  remnant.phase = session.phase;
  remnant.revision = session.revision;
  remnant.capabilities = session.capabilities;
  remnant.client = session.client;
  remnant.hello = session.hello;
  remnant.claim = session.claim;
  remnant.modern_capabilities = session.modern_capabilities;
  remnant.principal = session.principal;
  remnant.account = session.account;
  remnant.level = session.level;
  remnant.roots = session.roots;
  remnant.has_called = true;
  remnant.life = session.life;
  remnant.input_ended = session.input_ended;
  remnant.blocked = session.blocked;
  remnant.journal = session.journal;
  remnant.remnant_of = session.id;
  return remnant;
}

void hand_over_calls(Session& session, Session& remnant, Instance& instance) {
  for (const core::CallId id : session.calls.wire_ids()) {
    Call& call = *instance.calls.find(id);
    if (goes_along(instance, call)) continue;
    session.calls.erase(call.client_id, id);
    remnant.calls.insert(call.client_id, id);
    call.session = remnant.id;
    if (auto held = session.held_back.progress.extract(id))
      remnant.held_back.progress.insert(std::move(held));
  }
}

void hand_over_questions(Session& session, Session& remnant, Instance& instance) {
  for (auto ask = session.asks.begin(); ask != session.asks.end();) {
    if (ask->second.for_roots()) {
      ++ask;
      continue;
    }
    instance.times.ask_dues.erase({ask->second.due, session.id, ask->first});
    instance.times.ask_dues.insert({ask->second.due, remnant.id, ask->first});
    remnant.asks.insert(session.asks.extract(ask++));
  }
  for (auto& [id, owner] : instance.talk.elicitations) {
    if (owner == session.id) owner = remnant.id;
  }
}

void hand_over_parked(State& state, const Session& session, const Session& remnant, Instance& instance) {
  for (const core::ParkId id : parked_at(state, session, instance)) {
    instance.calls.find(state.parks.at(id).call)->session = remnant.id;
    state.parks.hand_over(id, remnant.id, remnant.account);
  }
}

void hand_over_tasks(const Session& session, const Session& remnant, Instance& instance) {
  instance.talk.tasks.each([&](const std::string& /*id*/, core::Task& task) {
    if (task.owner != session.id) return;
    task.owner = remnant.id;
    for (Call& call : task.shown_to) call.session = remnant.id;
  });
}

// Takes it out of the tables. It is at its server no more.
void forget(State& state, SessionId id) {
  const SessionId of = *state.sessions.at(id).remnant_of;
  speak_for_remnants(state);
  state.sessions.erase(id);
  std::vector<SessionId>& others = state.remnants.at(of);
  std::erase(others, id);
  if (others.empty()) state.remnants.erase(of);
}

void end(State& state, SessionId id) {
  Session& remnant = state.sessions.at(id);
  Instance& at = *state.instance_of(remnant);
  const InstanceId server = process_of(state, at).id;
  const Session& whole = state.sessions.at(*remnant.remnant_of);
  // Outcomes that its client may come back for.
  for (const core::ParkId park : state.parks.of_session(id))
    state.parks.hand_over(park, whole.id, whole.account);
  depart(state, remnant, at);
  forget(state, id);
  stop_if_left(state, server);
}

std::vector<SessionId> all_remnants(const State& state) {
  std::vector<SessionId> all;
  for (const auto& [of, remnants] : state.remnants) all.insert(all.end(), remnants.begin(), remnants.end());
  return all;
}

}  // namespace

bool can_leave_behind(const Session& session, const Instance& instance) {
  if (session.phase == core::Phase::asked) return false;  // What it waits for goes along.
  // Roots are asked of the session, wherever it is.
  if (std::ranges::any_of(session.asks, [](const auto& entry) { return entry.second.for_roots(); }))
    return false;
  return std::ranges::all_of(session.calls.wire_ids(), [&](core::CallId id) {
    const Call& call = *instance.calls.find(id);
    return goes_along(instance, call) || can_be_parted(instance, call);
  });
}

void leave_behind(State& state, Session& session, Instance& instance) {
  give_held_answers(state, session, instance);
  const SessionId id = state.sessions.insert(likeness_of(session));
  Session& remnant = state.sessions.at(id);
  remnant.id = id;
  remnant.instance = instance.id;
  instance.sessions.push_back(id);
  state.remnants[session.id].push_back(id);
  hand_over_calls(session, remnant, instance);
  hand_over_questions(session, remnant, instance);
  hand_over_parked(state, session, remnant, instance);
  hand_over_tasks(session, remnant, instance);
  reads_again(state, session);
}

void settle_remnants(State& state) {
  for (const SessionId id : all_remnants(state)) {
    const Session& remnant = state.sessions.at(id);
    if (!has_something_there(state, remnant, *std::as_const(state).instance_of(remnant))) end(state, id);
  }
}

void end_remnants(State& state, const Session& session) {
  const auto found = state.remnants.find(session.id);
  if (found == state.remnants.end()) return;
  for (const SessionId id : std::vector(found->second)) {
    Session& remnant = state.sessions.at(id);
    Instance& at = *state.instance_of(remnant);
    const InstanceId server = process_of(state, at).id;
    leave(state, remnant, at);
    forget(state, id);
    stop_if_left(state, server);
  }
}

void speak_for_remnants(State& state) {
  const auto speak = [&](auto& action) {
    if constexpr (requires { action.session = SessionId(); }) {
      const Session* session = state.sessions.find(action.session);
      if (session != nullptr && session->remnant_of) action.session = *session->remnant_of;
    }
  };
  for (Action& action : state.outbox) std::visit(speak, action);
}

}  // namespace broker
