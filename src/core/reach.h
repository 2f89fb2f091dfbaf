// What a session's servers would lack, or escape, if this daemon started them.
//
// A daemon can give a server less than it has itself, never more; and it cannot put a server into namespaces
// that it is not in.
#pragma once

#include <string>
#include <vector>

#include "base/inheritance.h"

namespace core {

// In words for people: "another network namespace", "256 open files instead of 20000". Empty: it can serve
// that session. A session that told nothing (a shim of an earlier version) is served.
std::vector<std::string> out_of_reach(const base::Inheritance& reach, const base::Inheritance& session);

}  // namespace core
