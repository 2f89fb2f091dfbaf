// Small files, read and written whole.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

// For reading. A pipe without a writer would be waited for, and a device may never end: they are named and
// refused.
base::Result<Descriptor> open_regular_file(const std::string& path);

// What is left of an open file, at most `bytes_max` of it. `path` is for the error.
base::Result<std::string> read_open_file(const Descriptor& file, const std::string& path,
                                         std::size_t bytes_max);

// At most `bytes_max` of it; what follows is left out. Works for /proc, whose files claim to be empty.
base::Result<std::string> read_small_file(const std::string& path,
                                          std::size_t bytes_max = std::size_t{64} << 10);

// Complete or not there at all: written beside it and renamed.
base::Result<void> write_small_file(const std::string& path, std::string_view text, mode_t mode = 0600);

}  // namespace io
