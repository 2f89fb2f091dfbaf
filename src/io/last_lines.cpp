#include "io/last_lines.h"

#include <algorithm>
#include <utility>

namespace io {

void LastLines::add(std::string_view chunk) {
  while (!chunk.empty()) {
    const std::size_t end = std::min(chunk.find('\n'), chunk.size());
    const std::size_t room = line_bytes_max - std::min(current_.size(), line_bytes_max);
    current_ += chunk.substr(0, std::min(end, room));
    if (end == chunk.size()) return;
    chunk.remove_prefix(end + 1);
    if (current_.ends_with('\r')) current_.pop_back();
    if (current_.empty()) continue;
    lines_.push_back(std::exchange(current_, {}));
    if (lines_.size() > lines_max) lines_.pop_front();
  }
}

void LastLines::clear() {
  lines_.clear();
  current_.clear();
}

std::string LastLines::text() const {
  std::string joined;
  for (const std::string& line : lines_) joined += joined.empty() ? line : '\n' + line;
  if (!current_.empty()) joined += joined.empty() ? current_ : '\n' + current_;
  return joined;
}

}  // namespace io
