#include "base/version.h"

#include <array>
#include <charconv>
#include <optional>

namespace base {
namespace {

using Numbers = std::array<unsigned, 3>;

// "1.2.3", and whatever stands behind it is not looked at.
std::optional<Numbers> numbers_in(std::string_view version) {
  Numbers numbers{};
  for (unsigned& number : numbers) {
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc()) return std::nullopt;
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (&number == &numbers.back()) break;
    if (!version.starts_with('.')) return std::nullopt;
    version.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

bool is_later(std::string_view one, std::string_view other) {
  const auto first = numbers_in(one);
  const auto second = numbers_in(other);
  return first && second && *first > *second;
}

}  // namespace base
