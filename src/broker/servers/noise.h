// What a server says that is no message: skipped, counted, and told of without filling the log.
#pragma once

#include <string_view>

#include "broker/context/state.h"

namespace broker {

// `why`: what is wrong with it.
void note_noise(State& state, core::Instance& instance, std::string_view text, std::string_view why);

// The process is gone: logs how many lines were no messages, if any, and begins to count anew.
void end_noise(State& state, core::Instance& instance);

}  // namespace broker
