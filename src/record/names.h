// Names in place of texts: those that compare as the texts do, and short ones.
//
// Names. The broker does some things in the order of names: it asks again for subscriptions after a restart,
// it groups sessions by the values of their variables. What stands in place of these must have the same
// order, or a replay would do the same in another, and give other numbers to the same requests. So each new
// text gets a name between those of its neighbours, like a decimal with one more digit, and as short as there
// is room for. Beside equality, the order is all that a name tells. A name begins with a capital letter, as
// no word of the protocol does.
//
// ShortNames. What is kept of a message is counted in bytes, so a name must not be longer than its text. A
// hash of three letters says the same of many texts; these names are given out one by one instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace record {

class Names {
 public:
  // More than any daemon was seen to have, and longer; beyond that only equality is kept.
  static constexpr std::size_t names_max = std::size_t{1} << 14;
  static constexpr std::size_t text_max = 1024;

  // Empty: it is too long, there are too many, or there is no room between its neighbours.
  std::string_view of(std::string_view text);

 private:
  std::map<std::string, std::string, std::less<>> names_;
};

class ShortNames {
 public:
  static constexpr std::size_t names_max = std::size_t{1} << 14;

  using Usable = bool (*)(std::string_view name);
  ShortNames(std::string_view alphabet, Usable usable) : alphabet_(alphabet), usable_(usable) {}

  // As long as the text, and begins with `prefix`. `hash`: of the text; it says where to begin to look for a
  // name that no other text has. Empty: there are too many texts, or too many of this length.
  std::string_view of(std::string_view text, std::string_view prefix, std::uint64_t hash);

 private:
  std::string_view alphabet_;
  Usable usable_;
  std::map<std::string, std::string, std::less<>> names_;
  std::set<std::string, std::less<>> given_;
};

}  // namespace record
