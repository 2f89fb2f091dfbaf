// Whether a text has a word in it, however long the text is.
//
// std::string_view stops at each byte that is like the first of the word: 60 MB of English take it 30 ms,
// and memmem 4.
#pragma once

#include <cstring>
#include <string_view>

namespace base {

inline bool contains(std::string_view text, std::string_view word) {
  if (word.empty() || text.empty()) return word.empty();  // memmem takes no null pointer.
  return memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
}

}  // namespace base
