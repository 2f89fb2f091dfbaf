// Servers that take one call at a time, when an event is over.
#pragma once

#include "broker/context/state.h"

namespace broker {

// Sends the next calls of each server that turn_freed() has named (calls/one_call.h).
void pass_turns(State& state);

}  // namespace broker
