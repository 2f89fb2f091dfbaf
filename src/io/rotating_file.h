// A log file that cannot grow without end, and cannot hurt.
//
// Appends to `path`; when that is full it becomes path.1, path.1 becomes path.2, and so on. Mode 0600. A full
// or unwritable disk loses the text and counts it; nothing fails and nothing is kept in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/descriptor.h"

namespace io {

class RotatingFile {
 public:
  static constexpr std::uint64_t bytes_max_default = std::uint64_t{5} << 20;

  explicit RotatingFile(std::string path, std::uint64_t bytes_max = bytes_max_default, int files_max = 3);

  void write(std::string_view text);
  std::uint64_t dropped_bytes() const { return dropped_; }
  // Why the last text was lost: an errno; 0: it was not.
  int trouble() const { return trouble_; }
  const std::string& path() const { return path_; }

 private:
  void open();
  void open_with(int flags);
  void rotate();

  std::string path_;
  std::uint64_t bytes_max_;
  int files_max_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t dropped_ = 0;
  int trouble_ = 0;
};

}  // namespace io
