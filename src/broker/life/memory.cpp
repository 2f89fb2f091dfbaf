// Memory is short: the idle server that is missed least is stopped, one for each time that this is said.
//
// Idle is a server that works at nothing, has no question open and holds no subscription, whose updates would
// be lost. One that sessions have may hold something for them that nobody else knows (a browser's pages), so
// it goes only when it has been unused for as long as its entry would keep it without sessions.
#include <algorithm>
#include <vector>

#include "broker/context/conversations.h"
#include "broker/life/life.h"
#include "core/least_valuable.h"
#include "core/limits.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;

// Sessions that are away count: a client by URL is, whenever none of its requests is open.
std::size_t sessions_counted(const State& state, const Instance& server) {
  std::size_t count = 0;
  each_conversation(state, server, [&](const Instance& one) { count += one.sessions.size(); });
  return count;
}

bool tells_of_tasks(const Instance& one) {
  return std::ranges::any_of(one.listens,
                             [](const auto& entry) { return !entry.second.filter.tasks.empty(); });
}

base::Instant last_used(const State& state, const Instance& server) {
  base::Instant last = server.use.last;
  each_conversation(state, server, [&](const Instance& one) { last = std::max(last, one.use.last); });
  return last;
}

base::Duration start_took(const State& state, const Instance& server) {
  base::Duration longest = server.use.start_took;
  for (const InstanceId id : server.channels)
    longest = std::max(longest, server.use.start_took + state.instances.at(id).use.start_took);
  return longest;
}

bool settled(const State& state, const Instance& server) {
  bool all = server.life == Life::ready && !server.restart_wanted;
  each_conversation(state, server, [&](const Instance& one) {
    const bool comes_or_goes =
        one.life == Life::starting || one.life == Life::greeting || one.life == Life::stopping;
    const bool asks = !one.talk.held_questions.empty();
    if (comes_or_goes || asks || !one.waiting.empty() || !one.subscriptions.wanted().empty() ||
        tells_of_tasks(one))
      all = false;
  });
  return all;
}

bool may_go(const State& state, const Instance& server) {
  if (server.channel_of || server.spec.program.empty() || !settled(state, server)) return false;
  if (works_for_somebody(state, server)) return false;
  const base::Duration unused = state.now - last_used(state, server);
  if (sessions_counted(state, server) == 0) return unused >= core::limits::unused_least;
  return unused >= std::max(core::limits::unused_least, server.spec.timing.idle_timeout);
}

std::string why(const MemoryShort& event) {
  if (event.budget == 0) return "the machine is short of memory";
  return "all servers together held " + base::memory_shown(event.used) + ", and their budget is " +
         base::memory_shown(event.budget);
}

}  // namespace

void memory_short(State& state, const MemoryShort& event) {
  std::vector<InstanceId> ids;
  std::vector<core::IdleServer> idle;
  for (const MemoryShort::Holding& one : event.holdings) {
    const Instance* server = std::as_const(state.instances).find(one.instance);
    if (server == nullptr || !may_go(state, *server)) continue;
    ids.push_back(one.instance);
    idle.push_back({.unused = state.now - last_used(state, *server),
                    .start = start_took(state, *server),
                    .sessions = sessions_counted(state, *server),
                    .memory = one.bytes});
  }
  const auto chosen = core::least_valuable(idle);
  if (!chosen) {
    if (!std::exchange(state.shortage_told, true))
      state.log(Severity::warning, why(event) + "; no server is idle, so none is stopped");
    return;
  }
  state.shortage_told = false;
  Instance& server = state.instances.at(ids[*chosen]);
  server.stopped_for =
      "was stopped because memory was short (" + why(event) + "); it starts again when a session calls it";
  state.log(Severity::info, server.spec.name + ": is stopped because memory is short (" + why(event) +
                                "), gives back " + base::memory_shown(idle[*chosen].memory) +
                                ", and starts again when a session calls it");
  stop_whole(state, server);
}

}  // namespace broker
