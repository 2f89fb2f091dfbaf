#include "io/clock.h"

#include <ctime>

namespace io {

namespace {

base::Duration system_clock() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::duration_cast<base::Duration>(std::chrono::seconds(time.tv_sec) +
                                                    std::chrono::nanoseconds(time.tv_nsec));
}

// One for the process, as the system's is. There are no threads.
struct Clock {
  ClockSource read = system_clock;
  NeverBack steady;
};

Clock& clock() {
  static Clock one;
  return one;
}

}  // namespace

base::Duration NeverBack::at(base::Duration read) {
  if (read < last_) made_up_ += last_ - read;
  last_ = read;
  return read + made_up_;
}

base::Instant now() {
  return base::Instant(clock().steady.at(clock().read()));
}

base::Duration clock_went_back() {
  return clock().steady.went_back();
}

void continue_clock(base::Duration went_back) {
  clock().steady.go_on_from(went_back);
}

void read_clock_from(ClockSource source) {
  clock() = source != nullptr ? Clock{source, clock().steady} : Clock{};
}

}  // namespace io
