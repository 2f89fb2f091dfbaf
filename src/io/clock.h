// The one clock: it counts on while the machine runs and never jumps. Not the time of day.
#pragma once

#include "base/time.h"

namespace io {

base::Instant now();

}  // namespace io
