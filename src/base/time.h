// Time as the pure half knows it: a point on a line that the caller supplies.
#pragma once

#include <chrono>

namespace base {

using Duration = std::chrono::microseconds;

// Not a clock: it cannot be asked what time it is. io::now() measures, simulations invent.
struct Timeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<Timeline>;
  static constexpr bool is_steady = true;
};

using Instant = std::chrono::time_point<Timeline>;

}  // namespace base
