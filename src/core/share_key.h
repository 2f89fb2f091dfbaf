// May a session join a server that runs for others, and why not?
//
// Equal must be: program, args, link and address, scope, the scope's directory, the working directory; every
// variable that the configuration names, on either side, set or not; and every relevant variable
// (core/relevance.h) that the asking session brings. What it does not bring cannot differ: a client that
// passes little on still shares. Scope `session` shares with nobody. Names, timing and limits do not count.
//
// Explanations never hold a value of a variable or an argument, only keyed hashes, which show that two are
// the same or differ. Paths are shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/server_spec.h"

namespace core {

// `here` is of the first spec given, `there` of the second.
struct Difference {
  std::string what;  // "command", "args", "scope", "project", "directory", "env GITHUB_TOKEN".
  std::string here, there;

  bool operator==(const Difference&) const = default;
};

bool may_share(const ServerSpec& running, const ServerSpec& asking);

// What keeps `asking` out of `running`: empty exactly when they may share. Variables in order of name.
std::vector<Difference> differences(const ServerSpec& running, const ServerSpec& asking,
                                    std::uint64_t hash_key);

// The variables that differ, in either direction, and do not keep the two apart.
std::vector<Difference> ignored_differences(const ServerSpec& running, const ServerSpec& asking,
                                            std::uint64_t hash_key);

std::string_view name_of(Scope scope);  // "user", "project", "session".

}  // namespace core
