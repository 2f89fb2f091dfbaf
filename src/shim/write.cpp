#include "shim/write.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace shim {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void tell(std::string_view text) {
  std::string line = "hearth: ";
  line.append(text).append("\n");
  write_all(STDERR_FILENO, line);
}

}  // namespace shim
