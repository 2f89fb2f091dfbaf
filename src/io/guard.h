// A tiny process that outlives the daemon by a moment.
//
// It sleeps on a pipe. When the daemon dies without a goodbye, kill -9 included, the guard kills everything
// that carries the daemon's mark, removes its control group and its record, and exits. So nothing is left
// running, even if no next daemon ever comes. It holds no descriptor but the pipe's, ignores the signals that
// end sessions, and is not woken while the daemon lives.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/leftovers.h"
#include "io/passed.h"

namespace io {

class Guard {
 public:
  // Forks. Early: what is allocated before is shared with the guard for ever.
  static base::Result<Guard> start(const DaemonRecord& record);

  Guard(Guard&&) noexcept = default;
  Guard& operator=(Guard&&) noexcept = default;
  // Destroying a guard without dismiss() is dying without a goodbye.

  // Everything is gone already: the guard just exits.
  void dismiss();
  pid_t pid() const { return pid_; }

  // It stands guard over the program that this one becomes, too.
  struct Saved {
    Passed lifeline;
    pid_t pid = 0;
    static constexpr std::size_t fields = 2;
  };
  Saved saved() const { return {pass(lifeline_), pid_}; }
  static base::Result<Guard> resume(const Saved& saved);

 private:
  Guard(Descriptor lifeline, pid_t pid) : lifeline_(std::move(lifeline)), pid_(pid) {}
  Descriptor lifeline_;
  pid_t pid_ = 0;
};

}  // namespace io
