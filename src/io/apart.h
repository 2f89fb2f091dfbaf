// Daemons for other surroundings than the usual one's: where they are, and which of them live.
#pragma once

#include <vector>

#include "io/paths.h"

namespace io {

// All daemons of this user and home that take connections: the usual one first.
std::vector<Paths> living_daemons(const Paths& paths);

}  // namespace io
