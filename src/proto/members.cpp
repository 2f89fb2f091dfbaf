#include "proto/members.h"

#include <algorithm>
#include <charconv>

#include "proto/json.h"

namespace proto {

std::string_view member(std::string_view object, std::string_view key) {
  std::string_view found;
  each_member(object, [&](std::string_view name, std::string_view value) {
    if (spells(name, key)) found = value;
  });
  return found;
}

std::optional<std::string> string_in(std::string_view raw) {
  return raw.starts_with('"') ? std::optional(json::unquoted(raw)) : std::nullopt;
}

std::optional<std::int64_t> integer_in(std::string_view raw) {
  std::int64_t value = 0;
  const char* const end = raw.data() + raw.size();
  const auto [stopped, error] = std::from_chars(raw.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::string text_of(std::string_view object, std::string_view key, std::string_view otherwise) {
  return string_in(member(object, key)).value_or(std::string(otherwise));
}

bool well_formed(std::string_view text) {
  Cursor cursor(text);
  cursor.blanks();
  if (!cursor.value(0)) return false;
  cursor.blanks();
  return cursor.at_end();
}

std::string with_members(std::string_view object, std::string_view first,
                         std::initializer_list<std::string_view> without) {
  std::string text;
  text.reserve(object.size() + first.size() + 2);
  text += '{';
  text += first;
  each_member(object, [&](std::string_view name, std::string_view value) {
    const bool left_out =
        std::ranges::any_of(without, [&](std::string_view key) { return spells(name, key); });
    if (left_out) return;
    if (text.size() > 1) text += ',';
    text.append("\"").append(name).append("\":").append(value);
  });
  text += '}';
  return text;
}

}  // namespace proto
