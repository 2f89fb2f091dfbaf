#include "io/system_error.h"

#include <cstring>

#include "io/descriptor_limit.h"

namespace io {

base::Error system_error(std::string what, int code) {
  if (code == EMFILE) return {std::move(what) + ": " + too_many_open_files(), code};
  // Not strerror(): it looks for translations, which a static binary should not.
  const char* reason = strerrordesc_np(code);
  what += ": ";
  what += reason != nullptr ? reason : "unknown error";
  return {std::move(what), code};
}

}  // namespace io
