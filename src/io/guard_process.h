// The guard itself (io/guard.h): what the forked process does, until it ends.
#pragma once

#include <cstddef>

#include "io/leftovers.h"

namespace io {

inline constexpr std::size_t guard_descriptors_max = 6;  // That come with one order.

// All signals are blocked. Everything that the daemon has open is closed.
[[noreturn]] void stand_guard(const DaemonRecord& record, int connection);

}  // namespace io
