// Names in place of texts, which compare as the texts do.
//
// The broker does some things in the order of names: it asks again for subscriptions after a restart, it
// groups sessions by the values of their variables. What stands in place of these must have the same order,
// or a replay would do the same in another, and give other numbers to the same requests. So each new text
// gets a name between those of its neighbours, like a decimal with one more digit. Beside equality, the order
// is all that a name tells.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
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

}  // namespace record
