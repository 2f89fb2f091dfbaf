// The names by which everything in the pure half refers to everything else.
#pragma once

#include "base/slot_map.h"

namespace core {

using SessionId = base::Id<struct SessionTag>;
using InstanceId = base::Id<struct InstanceTag>;

}  // namespace core
