#include "io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "io/descriptor.h"
#include "io/system_error.h"

namespace io {

namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

base::Error no_regular_file(const std::string& path, mode_t mode) {
  return {.what = "cannot read " + path + ": it is " + std::string(kind_of(mode)) +
                  ", not a file; put a file in its place",
          .code = EINVAL};
}

}  // namespace

base::Result<Descriptor> open_regular_file(const std::string& path) {
  // Looked at before it is opened, which some devices would notice, and again after.
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return system_failure("cannot open " + path);
  if (!S_ISREG(status.st_mode)) return std::unexpected(no_regular_file(path, status.st_mode));
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file || fstat(file.get(), &status) != 0) return system_failure("cannot open " + path);
  if (!S_ISREG(status.st_mode)) return std::unexpected(no_regular_file(path, status.st_mode));
  return file;
}

base::Result<std::string> read_open_file(const Descriptor& file, const std::string& path,
                                         std::size_t bytes_max) {
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

base::Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  return read_open_file(TRY(open_regular_file(path)), path, bytes_max);
}

base::Result<void> write_small_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string beside = path + ".new";
  Descriptor file(
      open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
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
  // Whatever the umask takes away.
  if (mode != 0600 && fchmod(file.get(), mode) != 0)
    return system_failure("cannot set the mode of " + beside);
  if (rename(beside.c_str(), path.c_str()) != 0) return system_failure("cannot rename " + beside);
  return {};
}

}  // namespace io
