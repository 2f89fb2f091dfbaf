// Which process is the daemon, if it does not say so itself, and its end by force.
//
// The daemon holds its lock for life, with flock(), which it inherits and which does not tell who holds it.
// So the daemon puts a record lock on the same file beside it, of which the system tells everybody the
// process. What stands in the lock file, and the ids in its records, prove nothing. The one thing that is
// ever killed here is a process that held that lock, and what it had started.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "io/paths.h"
#include "io/process_table.h"

namespace io {

// By the daemon, as the first thing that it does with its lock; it must not open that file again.
void show_as_daemon(int lock);

// Absent: there is none, or it lives in another process namespace.
std::optional<Process> daemon_process(const Paths& paths);

// The error of a daemon that takes connections and does not answer, with its process id and what to do. Its
// code is ETIMEDOUT.
base::Error daemon_hangs(const Paths& paths);

// Whether the lock is free, or becomes free within `patience`.
bool daemon_ends_within(const Paths& paths, base::Duration patience);
// The same, and the process that was the daemon before is gone, too: the system frees the lock a moment
// earlier.
bool daemon_ends_within(const Paths& paths, const std::optional<Process>& before, base::Duration patience);

// Kills the daemon and everything that it had started, and removes what would look like a daemon. Its process
// id; 0: there was none. Blocks for a few seconds at most.
base::Result<pid_t> end_daemon_by_force(const Paths& paths);

}  // namespace io
