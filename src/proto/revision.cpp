#include "proto/revision.h"

#include <array>

namespace proto {
namespace {

constexpr std::array<std::string_view, 6> names{"2024-10-07", "2024-11-05", "2025-03-26",
                                                "2025-06-18", "2025-11-25", "2026-07-28"};

}  // namespace

std::optional<Revision> revision_of(std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<Revision>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Revision revision) {
  return names[static_cast<std::size_t>(revision)];
}

}  // namespace proto
