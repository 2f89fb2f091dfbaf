// The time is over in which a server's question for roots, or its asking again, was waited for.
#include "broker/calls/calls.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"

namespace broker {

using core::Instance;
using core::Session;

namespace {

void common_roots_due(State& state, Instance& instance) {
  instance.talk.roots.give_up_at.reset();
  // It does not care for that, as some do not: its session has what it would have directly, and no other
  // joins.
  if (std::exchange(instance.talk.roots.outdated, false)) instance.talk.roots.outlived = true;
  for (const SessionId id : std::vector(instance.sessions)) {
    Session& session = state.sessions.at(id);
    if (instance.common_roots && !may_reach(session, instance) &&
        has_something_there(state, session, instance))
      cut_loose(state, session, instance);
  }
  settle_roots(state, instance);
  answer_without_roots(state, instance);
}

}  // namespace

void roots_due(State& state, Instance& instance) {
  if (keeps_roots_apart(instance)) return common_roots_due(state, instance);
  give_known_roots(state, instance);
}

}  // namespace broker
