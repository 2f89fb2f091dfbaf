// Pieces of text as one string, with a single allocation of the right size.
//
// Appending to a string that holds megabytes doubles its memory for one more byte.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace base {

inline std::string joined(std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

}  // namespace base
