// What has a time in a server or conversation, and what happens then.
#pragma once

#include "broker/context/state.h"

namespace broker {

// The earliest time at which tick() has something to do for the instance; absent: never.
std::optional<base::Instant> deadline_of(const core::Instance& instance);
// Does what is due at state.now. May take `instance` out of the tables.
void tick(State& state, core::Instance& instance);

}  // namespace broker
