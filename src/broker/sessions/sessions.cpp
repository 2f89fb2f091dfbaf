// The beginning and the end of a session, and what it leaves behind for a next daemon.
#include "broker/sessions/sessions.h"

#include <algorithm>
#include <set>

#include "broker/interests/interests.h"
#include "core/setup.h"
#include "face/legacy_client.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Instance;
using core::Phase;
using core::Session;

}  // namespace

void session_input_ended(State& state, Session& session) {
  session.input_ended = true;
  Instance* instance = state.instance_of(session);
  if (instance == nullptr) return;
  for (const auto& [id, ask] : session.asks) instance->ask_dues.insert({state.now, session.id, id});
}

void session_closed(State& state, Session& session, std::string reason) {
  const SessionId id = session.id;
  if (Instance* instance = state.instance_of(session)) leave(state, session, *instance);
  state.outbox.push_back(CloseSession{id, std::move(reason)});
  state.sessions.erase(id);
  if (state.sessions.empty()) state.quiet_since = state.now;
}

void session_unblocked(State& state, Session& session) {
  session.blocked = false;
  resume(state, session, core::Pause::client_full);
  for (auto& [call, text] : std::exchange(session.held_back.progress, {}))
    state.send(session.id, std::move(text));
  for (auto& [uri, text] : std::exchange(session.held_back.updated, {}))
    state.send(session.id, std::move(text));
  if (Instance* instance = state.instance_of(session)) {
    for (auto& [call, listen] : instance->listens) {
      if (listen.session == session.id) flush_listen(state, *instance, listen);
    }
  }
  flush_lists(state, session);
}

}  // namespace broker
