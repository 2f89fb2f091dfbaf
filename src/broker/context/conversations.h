// A server and its conversations. A server on stdio is one conversation itself; one that speaks HTTP has a
// channel for each, and nothing is said to the server's own Instance.
#pragma once

#include "broker/context/state.h"

namespace broker {

// The Instance that has the process.
inline core::Instance& process_of(State& state, core::Instance& instance) {
  return instance.channel_of ? state.instances.at(*instance.channel_of) : instance;
}
inline const core::Instance& process_of(const State& state, const core::Instance& instance) {
  return instance.channel_of ? state.instances.at(*instance.channel_of) : instance;
}

// f(Instance&) for the server of that conversation and each of its channels.
template <class F>
void each_conversation(State& state, core::Instance& instance, F&& f) {
  core::Instance& server = process_of(state, instance);
  f(server);
  for (const InstanceId id : server.channels) f(state.instances.at(id));
}
template <class F>
void each_conversation(const State& state, const core::Instance& instance, F&& f) {
  const core::Instance& server = process_of(state, instance);
  f(server);
  for (const InstanceId id : server.channels) f(state.instances.at(id));
}

}  // namespace broker
