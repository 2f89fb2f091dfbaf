// How a session joins an instance and leaves it; belonging.cpp says which one.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"

namespace broker {

using core::Instance;
using core::Session;

Instance& create(State& state, core::ServerSpec spec) {
  // A client has the same for all its servers: it is kept once.
  state.instances.each(
      [&](InstanceId /*id*/, const Instance& other) { spec.environment.share(other.spec.environment); });
  const InstanceId id = state.instances.insert({});
  Instance& instance = state.instances.at(id);
  instance.id = id;
  instance.number = ++state.instances_ever;
  instance.spec = std::move(spec);
  settle_order(instance);
  return instance;
}

namespace {

Instance& create_channel(State& state, InstanceId of) {
  Instance& channel = create(state, state.instances.at(of).spec);
  channel.channel_of = of;
  Instance& instance = state.instances.at(of);
  instance.channels.push_back(channel.id);
  instance.idle_due.reset();
  instance.forget_due.reset();
  return channel;
}

// A modern server has no sessions, so one channel serves all.
Instance* channel_for_all(State& state, const Instance& instance) {
  for (const InstanceId id : instance.channels) {
    Instance& channel = state.instances.at(id);
    if (channel.life == core::Life::ready && channel.era == proto::Era::modern) return &channel;
  }
  return nullptr;
}

Instance& channel_of(State& state, InstanceId instance) {
  Instance* shared = channel_for_all(state, state.instances.at(instance));
  return shared != nullptr ? *shared : create_channel(state, instance);
}

}  // namespace

Instance& place_for_nobody(State& state, core::ServerSpec spec) {
  const Instance* found = shareable(state, spec);
  if (found == nullptr) return create(state, std::move(spec));
  Instance& instance = state.instances.at(found->id);
  heed_stricter(state, instance, spec);
  return instance;
}

void join(State& state, Session& session, Instance& instance) {
  session.ignored = core::ignored_differences(instance.spec, *session.spec, state.options.hash_key);
  if (instance.sessions_ever == 0 && instance.life == core::Life::stopped)
    instance.first = session.capabilities;
  instance.spec.cares_for_roots |= session.spec->cares_for_roots;
  // One that is shared with nobody was made of what its session asked for.
  const bool own = instance.spec.scope == core::Scope::session;
  if (own || core::alike(instance.spec, *session.spec)) {
    session.spec.reset();
  } else {
    session.spec->environment.share(instance.spec.environment);
  }
  session.instance = instance.id;
  instance.sessions.push_back(session.id);
  ++instance.sessions_ever;
  instance.idle_due.reset();
  instance.forget_due.reset();
  if (instance.process.blocked) pause(state, session, core::Pause::server_full);
  learn_roots(state, session, instance);
  if (!roots_matter(instance)) return;
  // With this session it has become known that the server cares: those who were there before are asked, too.
  for (const SessionId id : std::vector(instance.sessions)) {
    Session& other = state.sessions.at(id);
    if (!other.roots && id != session.id) learn_roots(state, other, instance);
  }
}

Instance& conversation_for(State& state, Instance& server) {
  return server.spec.link == core::Link::stdio ? server : channel_of(state, server.id);
}

Instance& place(State& state, Session& session) {
  Instance& server = server_for(state, session);
  heed_stricter(state, server, *session.spec);
  Instance& instance = conversation_for(state, server);
  join(state, session, instance);
  return instance;
}

Instance& placed(State& state, Session& session) {
  Instance* const known = state.instance_of(session);
  if (known != nullptr) return *known;
  Instance& instance = place(state, session);
  declare_anew(state, session, instance);
  return instance;
}

void depart(State& state, Session& session, Instance& instance) {
  std::erase(instance.sessions, session.id);
  session.instance.reset();
  for (const std::string& uri : instance.subscriptions.leave(session.id)) {
    if (instance.life == core::Life::ready) subscription_step(state, instance, uri);
  }
  level_step(state, instance);
  roots_left(state, session, instance);
  std::erase_if(instance.talk.elicitations, [&](const auto& entry) { return entry.second == session.id; });
  if (instance.process.blocked) resume(state, session, core::Pause::server_full);
  drain_waiting(state, instance);
  if (!instance.sessions.empty()) return consider_idle(state, instance);
  if (instance.life == core::Life::stopping) instance.restart_wanted = false;  // It was wanted for this one.
  const bool alone = instance.spec.scope == core::Scope::session || instance.channel_of;
  const bool failed = instance.life == core::Life::stopped && instance.supervision.failures() != 0;
  if (failed && !alone) instance.forget_due = state.now + core::limits::remember_failed;
  instance.idle_due = state.now + (alone ? base::Duration::zero() : instance.spec.timing.idle_timeout);
  consider_forgetting(state, instance.id);
}

void leave(State& state, Session& session, Instance& instance) {
  give_held_answers(state, session, instance);
  abandon_calls(state, session, instance);
  parks_leave(state, session);
  refuse_asks(state, session, instance);
  tasks_leave(state, session, instance);
  depart(state, session, instance);
}

}  // namespace broker
