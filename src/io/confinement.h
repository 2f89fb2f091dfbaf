// In which surroundings a process lives that it cannot hand over: namespaces, root directory, groups, and
// what was taken from it.
//
// A server belongs where its session is. The daemon compares these with its own, and a session from other
// surroundings gets a daemon of its own there (io/apart.h).
#pragma once

#include <map>
#include <string>

#include "base/inheritance.h"

namespace io {

// Of this process. What cannot be told (no /proc) is left out.
std::map<std::string, std::string> own_confines();

// 16 hexadecimal digits, equal for processes that can serve each other: the same confines, hard limits, and
// nice value above 0.
std::string name_of_surroundings(const base::Inheritance& inheritance);

// Whether a daemon that starts under these limits, and may not lift them, would be of no use to sessions
// without: it would soon be ended, or out of descriptors before it can send them elsewhere. `reach`: see
// inheritance_within_reach().
bool too_limited_for_others(const base::Inheritance& reach);

}  // namespace io
