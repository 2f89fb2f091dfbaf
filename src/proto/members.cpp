#include "proto/members.h"

#include <algorithm>

namespace proto {

std::string_view member(std::string_view object, std::string_view key) {
  std::string_view found;
  each_member(object, [&](std::string_view name, std::string_view value) {
    if (spells(name, key)) found = value;
  });
  return found;
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
