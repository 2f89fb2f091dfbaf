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

std::string for_person(std::string_view text) {
  std::string lines = "hearth: ";
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += "hearth: ";
  }
  return lines + "\n";
}

void tell(std::string_view text) {
  write_all(STDERR_FILENO, for_person(text));
}

}  // namespace shim
