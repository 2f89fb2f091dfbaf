// At the end of an event: servers that take one call at a time, and have become free, are given the next.
#include "broker/turns.h"

#include <algorithm>
#include <utility>

#include "broker/calls/calls.h"
#include "broker/calls/one_call.h"
#include "broker/questions/questions.h"

namespace broker {

using core::Instance;

namespace {

std::size_t all_waiting(const State& state, const std::vector<InstanceId>& conversations) {
  std::size_t count = 0;
  for (const InstanceId id : conversations) {
    const Instance* one = state.instances.find(id);
    count += one != nullptr ? one->waiting.size() : 0;
  }
  return count;
}

void drain_in_order(State& state, std::vector<InstanceId> conversations) {
  std::ranges::stable_sort(conversations, {}, [&](InstanceId id) {
    const Instance* one = state.instances.find(id);
    return one != nullptr ? first_in_line(state, *one) : UINT64_MAX;
  });
  for (const InstanceId id : conversations) {
    Instance* one = state.instances.find(id);
    if (one == nullptr || one->life != core::Life::ready) continue;
    rounds_go_on(state, *one);
    drain_waiting(state, *one);
  }
}

}  // namespace

void pass_turns(State& state) {
  for (const InstanceId id : std::exchange(state.freed, {})) {
    const Instance* server = state.instances.find(id);
    if (server == nullptr) continue;
    const std::vector<InstanceId> conversations =
        server->spec.link == core::Link::stdio ? std::vector{id} : server->channels;
    std::size_t before = 0;
    std::size_t left = all_waiting(state, conversations);
    do {  // Once even if the queues are empty: a round may wait for its turn (core::Round::waits).
      before = left;
      drain_in_order(state, conversations);
      left = all_waiting(state, conversations);
    } while (left != 0 && left < before);
  }
  state.freed.clear();  // What was freed on the way has been given on already.
}

}  // namespace broker
