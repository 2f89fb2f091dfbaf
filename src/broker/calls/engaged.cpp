// Whether a session has anything at its server that cannot be taken to another.
#include <algorithm>

#include "broker/calls/calls.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Park;
using core::ParkId;
using core::Session;

bool goes_along(const Instance& instance, const Call& call) {
  if (call.state == CallState::joined) return true;
  if (call.state != CallState::queued && call.state != CallState::held) return false;
  return call.method == proto::Method::server_discover || instance.listens.contains(call.wire_id) ||
         instance.waiting.contains(call.wire_id);
}

std::vector<ParkId> parked_at(const State& state, const Session& session, const Instance& instance) {
  std::vector<ParkId> found = state.parks.of_session(session.id);
  std::erase_if(found, [&](ParkId id) {
    const Park& park = state.parks.at(id);
    return park.instance != instance.id || !park.call || park.finished();
  });
  return found;
}

bool has_something_there(const State& state, const Session& session, const Instance& instance) {
  for (const auto& [id, ask] : session.asks) {
    if (!ask.for_roots()) return true;
  }
  for (const core::CallId id : session.calls.wire_ids()) {
    const Call* call = instance.calls.find(id);
    ensure(call != nullptr);
    if (!goes_along(instance, *call)) return true;
  }
  bool owner = false;
  instance.talk.tasks.each(
      [&](const std::string& /*id*/, const core::Task& task) { owner |= task.owner == session.id; });
  return owner || is_parked_at(state, session, instance);
}

bool is_parked_at(const State& state, const Session& session, const Instance& instance) {
  return !parked_at(state, session, instance).empty();
}

}  // namespace broker
