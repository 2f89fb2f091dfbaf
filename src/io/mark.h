// The variable that every process a daemon starts carries, and hands down to whatever it starts itself.
//
// It is how descendants are found that left their parent, their process group and their session behind:
// HEARTH_INSTANCE=<daemon id>.<number>. It gives no rights and is no secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace io {

inline constexpr std::string_view mark_variable = "HEARTH_INSTANCE";

// Names one life of one daemon: random, so that no two ever share one.
std::string make_daemon_id();

inline std::string mark_of(std::string_view daemon_id, std::uint64_t number) {
  return std::string(daemon_id) + '.' + std::to_string(number);
}

}  // namespace io
