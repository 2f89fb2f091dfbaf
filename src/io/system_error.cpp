#include "io/system_error.h"

#include <cstring>

namespace io {

base::Error system_error(std::string what, int code) {
  // Not strerror(): it looks for translations, which a static binary should not.
  const char* reason = strerrordesc_np(code);
  what += ": ";
  what += reason != nullptr ? reason : "unknown error";
  return {std::move(what), code};
}

}  // namespace io
