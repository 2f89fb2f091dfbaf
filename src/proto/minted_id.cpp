#include "proto/minted_id.h"

#include <charconv>
#include <cstddef>
#include <limits>
#include <string>

#include "proto/json.h"

namespace proto {
namespace {

// Longer than any spelling of a 64-bit integer that a program writes.
constexpr std::size_t spelling_max = 64;
constexpr std::string_view decimal_digits = "0123456789";

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string_view take_digits(std::string_view& text) {
  const std::string_view taken =
      text.substr(0, std::min(text.find_first_not_of(decimal_digits), text.size()));
  text.remove_prefix(taken.size());
  return taken;
}

// The power of ten behind a number, which is all that is left of it; absent if it is something else.
std::optional<int> exponent_of(std::string_view rest) {
  if (rest.empty()) return 0;
  if (rest.front() != 'e' && rest.front() != 'E') return std::nullopt;
  rest.remove_prefix(1);
  if (rest.starts_with('+')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-')) return std::nullopt;
  }
  return whole<int>(rest);
}

// A decimal number, if it is a positive integer: "7.0", "7e0", "1.2e+01".
std::optional<std::int64_t> decimal(std::string_view text) {
  std::string figures(take_digits(text));
  if (figures.empty()) return std::nullopt;
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
  }
  const std::optional<int> exponent = exponent_of(text);
  if (!exponent) return std::nullopt;
  figures += fraction;
  // Where the point stands behind the figures, counted from their end.
  long shift = long{*exponent} - static_cast<long>(fraction.size());
  for (; shift < 0; ++shift) {
    if (figures.empty() || figures.back() != '0') return std::nullopt;
    figures.pop_back();
  }
  if (shift > std::numeric_limits<std::int64_t>::digits10) return std::nullopt;
  figures.append(static_cast<std::size_t>(shift), '0');
  return whole<std::int64_t>(figures);
}

}  // namespace

std::optional<std::int64_t> minted_id(std::string_view raw) {
  if (const auto plain = whole<std::int64_t>(raw)) return plain;
  if (raw.size() > spelling_max) return std::nullopt;
  if (!raw.starts_with('"')) return decimal(raw);
  const std::string text = json::unquoted(raw);
  if (const auto plain = whole<std::int64_t>(text)) return plain;
  return decimal(text);
}

bool same_id(std::string_view one, std::string_view other) {
  if (one == other) return true;
  const auto number = minted_id(one);
  return number && number == minted_id(other);
}

}  // namespace proto
