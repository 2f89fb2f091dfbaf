#include "io/mark.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>

#include "base/ensure.h"

namespace io {

std::string make_daemon_id() {
  std::array<unsigned char, 8> random{};
  ensure(getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  std::string id;
  for (const unsigned char byte : random) {
    constexpr std::string_view digits = "0123456789abcdef";
    id += digits[byte >> 4];
    id += digits[byte & 15];
  }
  return id;
}

}  // namespace io
