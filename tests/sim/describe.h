// Events and actions as one line for people.
#pragma once

#include <string>

#include "broker/action.h"
#include "broker/event.h"

namespace sim {

std::string describe(const broker::Event& event);
std::string describe(const broker::Action& action);

}  // namespace sim
