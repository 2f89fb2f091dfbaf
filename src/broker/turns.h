// Servers that take one call at a time, when an event is over.
#pragma once

#include "broker/context/state.h"

namespace broker {

// Gives the next call to each server that has become free.
void pass_turns(State& state);

}  // namespace broker
