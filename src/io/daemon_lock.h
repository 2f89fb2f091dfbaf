// The lock that decides which process is the daemon, and starts it.
//
// flock() on a file of its own: it is free as soon as its holder is dead, whatever files are left.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/paths.h"

namespace io {

// Not taken yet.
base::Result<Descriptor> open_lock(const Paths& paths);

// Whether it has been taken; false: another process has it.
base::Result<bool> try_lock(const Paths& paths, const Descriptor& lock);

// Whether no process has it, so that no daemon runs, whatever takes connections. False also if there is no
// such file, which says nothing.
bool lock_is_free(const Paths& paths);

// For people who wonder which process holds the lock. No code relies on it.
void note_holder(int lock);
std::string holder_of(const Paths& paths);  // "process 4711"

// Tries again and again until `done`, which may fail, or there is no time left: nothing tells when a lock
// becomes free or a socket is bound without the risk of waiting for ever. False: no time was left.
base::Result<bool> wait_for_lock(std::chrono::milliseconds patience,
                                 const std::function<base::Result<bool>()>& done);

}  // namespace io
