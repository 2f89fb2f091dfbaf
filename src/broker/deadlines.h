// What has a time in a server or conversation, and what happens then.
#pragma once

#include "broker/context/state.h"

namespace broker {

std::optional<base::Instant> deadline_of(const core::Instance& instance);
void tick(State& state, core::Instance& instance);

}  // namespace broker
