// The configuration has changed, and with it what a session is to have.
//
// It is moved to the server that it would come to now. What of it is with the old one stays there until it is
// over (remnants.cpp); where even that cannot be parted from the session, as a subscription that is being
// made, the session waits with its move, and goes on calling the old server meanwhile.
#include <algorithm>
#include <utility>

#include "broker/context/conversations.h"
#include "broker/sessions/sessions.h"
#include "core/share_key.h"

namespace broker {

using core::Instance;
using core::Session;

namespace {

Instance& server_of(State& state, const Session& session) {
  return process_of(state, state.instances.at(*session.instance));
}

// Where it is used, for people.
void note_place(Session& session, const core::ServerSpec& spec) {
  session.scope = spec.scope;
  session.project.clear();
  if (spec.scope != core::Scope::user)
    session.project = spec.scope_directory.empty() ? spec.directory : spec.scope_directory;
}

void tell(State& state, const Session& session, const core::ServerSpec& before) {
  const std::string& refusal = session.spec->refusal;
  if (!refusal.empty()) {
    state.outbox.push_back(TellSession{session.id, "server " + session.server + ": " + refusal});
  } else if (!before.refusal.empty()) {
    state.outbox.push_back(TellSession{session.id, "server " + session.server + " is there again"});
  }
}

// Nothing of it is with its server any more.
void take_up(State& state, Session& session) {
  const InstanceId before = server_of(state, session).id;
  const core::ServerSpec old = state.instances.at(before).spec;
  note_place(session, *session.next);
  session.spec = std::move(*std::exchange(session.next, std::nullopt));
  tell(state, session, old);
  Instance& server = server_for(state, session);
  if (server.id == before) {
    if (server.spec.scope == core::Scope::session || core::alike(server.spec, *session.spec))
      session.spec.reset();
    return;
  }
  heed_stricter(state, server, *session.spec);
  move(state, session, conversation_for(state, server).id);
  stop_if_left(state, before);
}

}  // namespace

void session_respecified(State& state, Session& session, core::ServerSpec spec) {
  if (!session.instance) {
    note_place(session, spec);
    session.spec = std::move(spec);
    return;
  }
  Instance& server = server_of(state, session);
  // It differs in what keeps sessions apart, or in what they would agree on if it had not changed.
  if (core::same_but_environment(server.spec, spec)) server.superseded = true;
  session.next = std::move(spec);
  if (std::ranges::find(state.respecified, session.id) == state.respecified.end())
    state.respecified.push_back(session.id);
}

void session_retimed(State& state, Session& session, const core::Timing& timing) {
  if (session.next) session.next->timing = timing;
  if (session.spec) session.spec->timing = timing;
  if (!session.instance) return;
  state.instances.at(*session.instance).spec.timing = timing;
  server_of(state, session).spec.timing = timing;
}

void entry_changed(State& state, const std::string& name) {
  std::vector<InstanceId> unneeded;
  state.instances.each([&](InstanceId id, const Instance& instance) {
    if (instance.spec.name == name && !instance.channel_of && instance.sessions.empty() &&
        instance.channels.empty())
      unneeded.push_back(id);
  });
  for (const InstanceId id : unneeded) {
    state.instances.at(id).superseded = true;
    stop_if_left(state, id);
  }
}

void take_up_specs(State& state) {
  std::erase_if(state.respecified, [&](SessionId id) {
    Session& session = state.sessions.at(id);
    Instance& at = state.instances.at(*session.instance);
    if (!movable(state, session, at)) {
      if (!can_leave_behind(session, at)) return false;
      leave_behind(state, session, at);
      if (!movable(state, session, at)) return false;
    }
    take_up(state, session);
    return true;
  });
}

void stop_if_left(State& state, InstanceId id) {
  Instance* server = state.instances.find(id);
  if (server == nullptr || !server->sessions.empty()) return;
  const auto used = [&](InstanceId channel) { return !state.instances.at(channel).sessions.empty(); };
  if (std::ranges::any_of(server->channels, used)) return;
  server->idle_due = state.now;
}

}  // namespace broker
