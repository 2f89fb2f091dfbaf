// Events and actions as one line for people.
#pragma once

#include <string>

#include "broker/action.h"
#include "broker/event.h"

namespace sim {

std::string describe(const broker::Event& event);
std::string describe(const broker::Action& action);
// Everything that is in it, however long.
std::string describe_whole(const broker::Action& action);

std::string name_of(core::SessionId session);
std::string name_of(core::InstanceId instance);

}  // namespace sim
