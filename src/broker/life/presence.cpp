// Sessions that are away: a client that comes by URL never says goodbye, so its session is kept for a while
// although nobody is connected. It keeps its place, but it keeps no server running.
#include <algorithm>
#include <array>

#include "broker/context/conversations.h"
#include "broker/life/life.h"

namespace broker {
namespace {

using core::Instance;
using core::Session;

// A client that waits for its initialize to be answered may come back for it.
bool is_here(const Session& session) {
  return !session.away_since || session.phase == core::Phase::asked;
}

bool anybody_here(const State& state, const Instance& instance) {
  return std::ranges::any_of(instance.sessions, [&](SessionId id) { return is_here(state.sessions.at(id)); });
}

bool busy(const Instance& instance) {
  if (instance.sessions.empty()) return false;
  using enum core::CallState;
  const auto of_session = [](const core::Call& call) { return call.purpose == core::Purpose::forwarded; };
  const auto found = [&](core::CallState state) { return instance.calls.any(state, of_session); };
  return instance.talk.tasks.any() ||
         std::ranges::any_of(std::array{queued, held, sent, asking, following, parked, returning, joined},
                             found);
}

template <class Holds>
bool any_of_all(const State& state, const Instance& instance, Holds&& holds) {
  return holds(instance) ||
         std::ranges::any_of(instance.channels, [&](InstanceId id) { return holds(state.instances.at(id)); });
}

}  // namespace

bool needed_by_anybody(const State& state, const Instance& instance) {
  // Where nothing of ours runs there is nothing to be saved.
  if (instance.spec.program.empty()) return !instance.sessions.empty() || !instance.channels.empty();
  return any_of_all(state, instance, [&](const Instance& one) { return anybody_here(state, one); });
}

bool works_for_somebody(const State& state, const Instance& instance) {
  return any_of_all(state, instance, [](const Instance& one) { return busy(one); });
}

void consider_idle(State& state, Instance& instance) {
  Instance& process = process_of(state, instance);
  if (!process.idle_due && !needed_by_anybody(state, process))
    process.idle_due = state.now + process.spec.timing.idle_timeout;
}

void session_away(State& state, Session& session) {
  if (session.away_since) return;
  session.away_since = state.now;
  if (Instance* instance = state.instance_of(session)) consider_idle(state, *instance);
}

void session_back(State& state, Session& session) {
  if (!session.away_since) return;
  session.away_since.reset();
  if (Instance* instance = state.instance_of(session)) process_of(state, *instance).idle_due.reset();
}

}  // namespace broker
