#include "proto/escapes.h"

#include <cstdint>
#include <optional>

#include "proto/utf8.h"

namespace proto {
namespace {

std::optional<std::uint32_t> four_hex_digits(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

bool take_escape(std::string_view text, std::size_t& at, std::string& into) {
  if (at + 1 >= text.size()) return false;
  const char c = text[at + 1];
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (const std::size_t which = names.find(c); which != std::string_view::npos) {
    into += meanings[which];
    at += 2;
    return true;
  }
  if (c != 'u') return false;
  const std::optional<std::uint32_t> first = four_hex_digits(text, at + 2);
  if (!first) return false;
  at += 6;
  if (*first < 0xD800 || *first > 0xDFFF) {
    utf8::append(into, *first);
    return true;
  }
  const bool pair = *first < 0xDC00 && text.substr(at, 2) == "\\u";
  const std::optional<std::uint32_t> second = pair ? four_hex_digits(text, at + 2) : std::nullopt;
  if (second && *second >= 0xDC00 && *second <= 0xDFFF) {
    utf8::append(into, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
    at += 6;
  } else {
    into += utf8::replacement;
  }
  return true;
}

}  // namespace proto
