// errno as the end of a sentence.
#pragma once

#include <cerrno>
#include <expected>
#include <string>

#include "base/result.h"

namespace io {

// "cannot open /x: Permission denied", from "cannot open /x" and EACCES.
base::Error system_error(std::string what, int code = errno);

inline std::unexpected<base::Error> system_failure(std::string what, int code = errno) {
  return std::unexpected(system_error(std::move(what), code));
}

}  // namespace io
