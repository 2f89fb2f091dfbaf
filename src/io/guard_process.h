// The guard itself (io/guard.h): what the forked process does, until it ends.
#pragma once

#include "io/leftovers.h"

namespace io {

// All signals are blocked. Everything that the daemon has open is closed.
[[noreturn]] void stand_guard(const DaemonRecord& record, int connection);

}  // namespace io
