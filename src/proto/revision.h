// The protocol's revisions, oldest first. A closed, ordered set: strings from peers are looked up, never
// compared.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace proto {

// 2024-10-07 was never released, but the common SDKs accept it, and so do we; it is not advertised.
enum class Revision : std::uint8_t {
  r2024_10_07,
  r2024_11_05,
  r2025_03_26,
  r2025_06_18,
  r2025_11_25,
  r2026_07_28
};

inline constexpr Revision oldest_advertised = Revision::r2024_11_05;
inline constexpr Revision newest_legacy = Revision::r2025_11_25;
inline constexpr Revision newest_modern = Revision::r2026_07_28;

std::optional<Revision> revision_of(std::string_view text);
std::string_view name_of(Revision revision);

// How a conversation is held: agreed on once, by initialize; or each request says all that is needed to
// answer it.
enum class Era : std::uint8_t { legacy, modern };

inline bool legacy(Revision revision) {
  return revision <= newest_legacy;
}

}  // namespace proto
