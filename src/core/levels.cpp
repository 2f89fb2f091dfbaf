#include "core/levels.h"

#include <array>

namespace core {
namespace {

constexpr std::array<std::string_view, 8> names{"debug", "info",     "notice", "warning",
                                                "error", "critical", "alert",  "emergency"};

}  // namespace

std::optional<Level> level_of(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"') return std::nullopt;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == raw.substr(1, raw.size() - 2)) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Level level) {
  return names[static_cast<std::size_t>(level)];
}

}  // namespace core
