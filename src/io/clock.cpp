#include "io/clock.h"

#include <ctime>

namespace io {

base::Instant now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return base::Instant(std::chrono::duration_cast<base::Duration>(std::chrono::seconds(time.tv_sec) +
                                                                  std::chrono::nanoseconds(time.tv_nsec)));
}

}  // namespace io
