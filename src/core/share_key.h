// May a session join a server that runs for others, could the two share at all, and why not?
//
// Equal must be: program, args, link and address, scope, the scope's directory, the working directory, and
// the limits of memory, processors and processes, or a session could lose its server by a limit that its own
// entry does not have; every variable that the configuration names, on either side, set or not; and every
// relevant variable (core/relevance.h), set or not, unless the side that lacks it has a filtered environment
// (core/passed_on.h): there it is unknown, not unset. Variables of a client or a model must agree where both
// set them. What either side ignores keeps nobody apart, or it would depend on which of two clients an entry
// stands in. Scope `session` shares with nobody. Names, timing and sizes do not count.
//
// get_on() is symmetric: who came first makes no difference. may_share() asks more of a server that runs
// already: what the asking session sets, beside variables of models, the server must have been started with.
//
// Explanations never hold a value of a variable or an argument, only keyed hashes, which show that two are
// the same or differ. Paths are shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/server_spec.h"

namespace core {

// `here` is of the first spec given, `there` of the second.
struct Difference {
  std::string what;  // "command", "args", "scope", "project", "limits", "env GITHUB_TOKEN".
  std::string here, there;

  bool operator==(const Difference&) const = default;
  static constexpr std::size_t fields = 3;
};

// May `asking` join a server that was started with the environment of `running`?
bool may_share(const ServerSpec& running, const ServerSpec& asking);

// Could the two be sessions of one server, if it were started with the right environment? Symmetric, and true
// whenever one may join the other. Not transitive: a filtered one gets on with two that are apart.
bool get_on(const ServerSpec& one, const ServerSpec& other);

// The same in all that can ever keep two apart, and in what an unset variable means.
bool alike(const ServerSpec& one, const ServerSpec& other);

// Equal in everything but the environment.
bool same_but_environment(const ServerSpec& running, const ServerSpec& asking);

// Whether this variable can keep the session apart from others.
bool decides(std::string_view variable, const ServerSpec& spec);

// What keeps `asking` out of `running`: empty exactly when may_share(). Variables in order of name.
std::vector<Difference> differences(const ServerSpec& running, const ServerSpec& asking,
                                    std::uint64_t hash_key);

// The variables that differ, in either direction, and do not keep the two apart.
std::vector<Difference> ignored_differences(const ServerSpec& running, const ServerSpec& asking,
                                            std::uint64_t hash_key);

std::string_view name_of(Scope scope);  // "user", "project", "session".

}  // namespace core
