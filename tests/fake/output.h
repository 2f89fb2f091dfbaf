// What the fake server writes: lines on stdout, in pieces as small as a test wants them, and its record.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fake {

// Writes all of it, blocking. The process ends quietly when nobody reads any more.
void write_all(int fd, std::string_view bytes);

// Bytes on stdout. With a chunk size or a split, each piece is written only after the reader has taken the
// one before: the reader cannot see two pieces as one.
class Output {
 public:
  void line(std::string_view text);   // With a newline.
  void bytes(std::string_view text);  // As they are.

  void chunk(std::size_t size) { chunk_ = size; }      // From now on; 0: whole.
  void split_next(std::size_t at) { split_at_ = at; }  // The next write only.

 private:
  std::size_t chunk_ = 0;
  std::size_t split_at_ = 0;
};

// One line of JSON for each thing received or done, in a file named after the process, flushed at once: it
// tells a test what reached the server even when the server was killed.
class Record {
 public:
  explicit Record(const std::string& path);  // Empty: nothing is recorded.

  void received(std::string_view line, bool well_formed);
  void event(std::string_view name,
             std::string_view members = {});  // `members`: JSON members without braces.

 private:
  int fd_ = -1;
};

}  // namespace fake
