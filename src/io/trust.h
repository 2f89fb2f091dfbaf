// Files that decide what is run are obeyed only if nobody but this user and root could have written them, as
// ssh does it with its own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

// Of the open file or directory, so that nobody can put another in its place in between. `named` begins the
// error: "the configuration /home/u/config.json". Write access for a group is access for others, unless this
// user is alone in that group; and a directory with the sticky bit, like /tmp, protects what is in it.
base::Result<void> check_trusted(std::string_view named, const Descriptor& file);

// The directory, if it is there.
base::Result<void> check_trusted_directory(const std::string& path);

// As read_small_file(), of a regular file that is trusted.
base::Result<std::string> read_trusted_file(std::string_view what, const std::string& path,
                                            std::size_t bytes_max);

}  // namespace io
