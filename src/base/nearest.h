// "Did you mean": the known word that somebody most likely wanted to write.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace base {

// How many characters have to be inserted, removed, replaced or swapped with their neighbour to make one word
// of the other. Case, '_' and '-' do not count.
std::size_t distance(std::string_view one, std::string_view other);

// The candidate at the smallest distance, the first of equals; nothing if all are too far to be what was
// meant.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace base
