// Tasks that Hearth follows to their end because their client and server are of different eras.
#pragma once

#include <string>
#include <string_view>

#include "broker/context/state.h"
#include "core/tasks.h"

namespace broker {

// When the server is asked next how the task stands.
base::Instant next_look(const State& state, const core::Task& task);
// From now on the call waits for what the task comes to.
void wait_for(core::Instance& instance, core::Call& call, const std::string& id, core::Task& task);
// Gives the task's outcome, which is known, to the calls that wait for it and to its listens.
void deliver(State& state, core::Instance& instance, const std::string& id);
// Modern clients that listen to it are told how the task is.
void tell_listens_of(State& state, core::Instance& instance, const std::string& id, const core::Task& task);
// The server was asked how a task stands: the raw error if it does not say; empty if it does.
std::string why_lost(const core::Instance& instance, const Scanned& message);

}  // namespace broker
