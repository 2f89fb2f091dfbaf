// A file in memory that nobody else can name: text that another process of ours is to read.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

base::Result<Descriptor> memory_file(std::string_view contents);
// Whatever the position of the descriptor is.
base::Result<std::string> contents_of(const Descriptor& file);

}  // namespace io
