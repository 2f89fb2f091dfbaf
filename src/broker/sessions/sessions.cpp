// The beginning and the end of a session, and what it leaves behind for a next daemon.
#include "broker/sessions/sessions.h"

#include <algorithm>

#include "broker/interests/interests.h"

namespace broker {

using core::Instance;
using core::Session;

void session_input_ended(State& state, Session& session) {
  session.input_ended = true;
  Instance* instance = state.instance_of(session);
  if (instance == nullptr) return;
  for (const auto& [id, ask] : session.asks) instance->times.ask_dues.insert({state.now, session.id, id});
}

namespace {

// No table has anything left of it, by which something could still be done for a session that is gone.
void ensure_left(const State& state, const Session& session, InstanceId at) {
  ensure(session.calls.size() == 0 && session.asks.empty() && !session.instance);
  // Where many clients share a session, what is parked waits for them until its time is over.
  ensure(session.many_streams || state.parks.of_session(session.id).empty());
  using core::Kept;
  for (const Kept kind : {Kept::waiting, Kept::question, Kept::listen, Kept::subscription, Kept::task_result})
    ensure(session.account.kept(kind) == core::Amount{});
  ensure(session.many_streams || session.account.kept(Kept::request) == core::Amount{});
  const Instance* instance = state.instances.find(at);
  if (instance == nullptr) return;
  ensure(instance->subscriptions.count_of(session.id) == 0 && !instance->roots.known(session.id));
  ensure(!instance->waiting.any([&](const core::Waiting& one) { return one.session == session.id; }));
}

}  // namespace

void session_closed(State& state, Session& session, std::string reason) {
  const SessionId id = session.id;
  end_remnants(state, session);
  std::erase(state.respecified, id);
  if (Instance* instance = state.instance_of(session)) {
    const InstanceId at = instance->id;
    leave(state, session, *instance);
    ensure_left(state, session, at);
  }
  state.outbox.push_back(CloseSession{id, std::move(reason)});
  const core::Account account = session.account;
  state.sessions.erase(id);
  if (account) state.accounts.close(account.id());
  if (state.sessions.empty()) state.quiet_since = state.now;
}

void session_unblocked(State& state, Session& session) {
  session.blocked = false;
  resume(state, session, core::Pause::client_full);
  Instance* const instance = state.instance_of(session);
  for (auto& [id, text] : std::exchange(session.held_back.progress, {})) {
    const core::Call* call = instance != nullptr ? instance->calls.find(id) : nullptr;
    state.send_about(session.id, proto::Message(std::move(text)),
                     call != nullptr ? call->client_id : std::string());
  }
  for (auto& [uri, held] : std::exchange(session.held_back.updated, {}))
    state.send(session.id, std::move(held.notice));
  if (instance != nullptr) {
    for (auto& [call, listen] : instance->listens) {
      if (listen.session == session.id) flush_listen(state, *instance, listen);
    }
  }
  flush_lists(state, session);
}

}  // namespace broker
