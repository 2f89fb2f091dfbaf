// The one clock: it counts on while the machine runs and never goes back. Not the time of day.
//
// CLOCK_MONOTONIC promises as much, but on some virtual machines it goes back when they are resumed, by days.
// What it went back by is added from then on, so that time goes on from where it was.
#pragma once

#include "base/time.h"

namespace io {

base::Instant now();

// By how much the system's clock has gone back altogether, as far as now() has seen it.
base::Duration clock_went_back();

// Goes on with what a clock of this process had made up before it became this program (io/successor.h).
void continue_clock(base::Duration went_back);

// Makes a clock that goes back into one that does not.
class NeverBack {
 public:
  base::Duration at(base::Duration read);
  base::Duration went_back() const { return made_up_; }
  void go_on_from(base::Duration went_back) { made_up_ = went_back; }

 private:
  base::Duration last_ = base::Duration::min();
  base::Duration made_up_{0};
};

// For tests: reads another clock from now on; nullptr: the system's again, with all that was made up
// forgotten.
using ClockSource = base::Duration (*)();
void read_clock_from(ClockSource source);

}  // namespace io
