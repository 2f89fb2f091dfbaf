// The log level that a legacy server is told: the lowest that a session or a running call wants.
#include "broker/calls/calls.h"
#include "face/to_legacy_server.h"

namespace broker {

using core::Instance;
using core::Session;

std::optional<core::Level> lowest_wanted(const State& state, const Instance& instance) {
  std::optional<core::Level> lowest;
  for (const SessionId id : instance.sessions) {
    const Session& session = state.sessions.at(id);
    if (session.level && (!lowest || *session.level < *lowest)) lowest = session.level;
  }
  instance.calls.newest_first(core::CallState::sent, [&](const core::Call& call) {
    if (call.level && (!lowest || *call.level < *lowest)) lowest = call.level;
    return true;
  });
  return lowest;
}

void level_step(State& state, Instance& instance) {
  if (instance.era == proto::Era::modern) {
    for (const core::CallId call : std::exchange(instance.level_waiters, {}))
      answer(state, instance, call, "{}");
    return;
  }
  const std::optional<core::Level> wanted = lowest_wanted(state, instance);
  if (!instance.known.logging || !wanted || wanted == instance.talk.level ||
      instance.life != core::Life::ready)
    return;
  instance.talk.level = wanted;
  state.send(instance.id,
             face::set_level_request(own_call(instance, core::Purpose::set_level).value, *wanted));
}

}  // namespace broker
