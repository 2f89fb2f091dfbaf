#include "io/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "io/descriptor.h"
#include "io/system_error.h"

namespace io {

base::Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return system_failure("cannot open " + path);
  std::string text;
  while (text.size() < bytes_max) {
    char piece[4096];
    const ssize_t got = read(file.get(), piece, std::min(sizeof piece, bytes_max - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot read " + path);
    if (got == 0) break;
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

base::Result<void> write_small_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  Descriptor file(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return system_failure("cannot create " + beside);
  while (!text.empty()) {
    const ssize_t put = write(file.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int code = errno;
      unlink(beside.c_str());
      return system_failure("cannot write " + beside, code);
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (rename(beside.c_str(), path.c_str()) != 0) return system_failure("cannot rename " + beside);
  return {};
}

}  // namespace io
