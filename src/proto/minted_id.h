// An id or a progress token of our own making, as a peer gives it back.
//
// Hearth mints integers. Some peers keep them as text or as floating point numbers and answer 7 with "7", 7.0
// or 7e0; the common SDKs take all of them for 7. Only a value that is exactly an integer is read, so no two
// minted ids are ever taken for each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace proto {

// `raw` is a JSON value, quotes included. Absent: not an integer that fits, in any spelling.
std::optional<std::int64_t> minted_id(std::string_view raw);

// Whether two raw JSON values are the same id or token: the same bytes, or the same integer.
bool same_id(std::string_view one, std::string_view other);

}  // namespace proto
