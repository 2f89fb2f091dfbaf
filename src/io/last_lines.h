// The last few lines of a stream of text, for an error message.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>

#include "base/fields.h"

namespace io {

class LastLines {
 public:
  static constexpr std::size_t lines_max = 20;
  static constexpr std::size_t line_bytes_max = 400;  // More of one line helps nobody who reads a message.

  void add(std::string_view chunk);
  void clear();
  std::string text() const;  // Joined by newlines; a line that has not ended yet counts.

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  std::list<std::string> lines_;  // Most servers say nothing, and an empty deque holds 0.6 KiB.
  std::string current_;
};

}  // namespace io
