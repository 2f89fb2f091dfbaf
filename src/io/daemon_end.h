// Which process is the daemon, if it does not say so itself, and its end by force.
//
// The daemon holds its lock for life, so the process that holds the lock is the daemon; /proc says which one
// that is. What it wrote into the lock file, and the ids in its records, are only hints where to look. The
// one thing that is ever killed here is a process of our own user that was seen holding the lock, and what it
// had started.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "io/paths.h"
#include "io/process_table.h"

namespace io {

// Absent: nobody holds the lock, or /proc does not say.
std::optional<Process> daemon_process(const Paths& paths);

// The error of a daemon that takes connections and does not answer, with its process id and what to do. Its
// code is ETIMEDOUT.
base::Error daemon_hangs(const Paths& paths);

// Whether the lock is free, or becomes free within `patience`.
bool daemon_ends_within(const Paths& paths, base::Duration patience);

// Kills the daemon and everything that it had started, and removes what would look like a daemon. Its process
// id; 0: there was none. Blocks for a few seconds at most.
base::Result<pid_t> end_daemon_by_force(const Paths& paths);

}  // namespace io
