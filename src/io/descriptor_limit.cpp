#include "io/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace io {

std::uint64_t descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::uint64_t>::max();
  return limit.rlim_cur;
}

bool is_reserved(int fd) {
  const std::uint64_t limit = descriptor_limit();
  const std::uint64_t reserved = std::min(reserved_descriptors_max, limit / 4);
  return fd >= 0 && static_cast<std::uint64_t>(fd) >= limit - reserved;
}

std::string too_many_open_files() {
  return "too many open files (limit " + std::to_string(descriptor_limit()) + ")";
}

std::string no_room_for_session() {
  return too_many_open_files() +
         ": the daemon has no room for another session; end some, or raise the hard limit (ulimit -Hn, "
         "LimitNOFILE) "
         "and restart the daemon with 'hearth shutdown'";
}

}  // namespace io
