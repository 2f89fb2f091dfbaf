// Text to the person: results on stdout, troubles on stderr, whole or not at all.
#pragma once

#include <string_view>

namespace cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_no_daemon = 3;
inline constexpr int exit_findings = 4;

// Returns exit_ok, or exit_failure when stdout takes nothing any more.
int show(std::string_view text);
// "hearth: TEXT" on stderr; returns exit_failure.
int complain(std::string_view text);

}  // namespace cli
