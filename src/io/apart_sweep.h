// The directories of dead daemons for other surroundings than the usual one's.
//
// A sandbox has other namespaces each time it is made, so these directories are never used again. Each daemon
// of this kind removes those that are a day old, and the oldest when there are many.
#pragma once

#include "io/paths.h"

namespace io {

// `paths` are those of the daemon that sweeps: its own directories stay, and those of living ones.
void sweep_apart(const Paths& paths);

}  // namespace io
