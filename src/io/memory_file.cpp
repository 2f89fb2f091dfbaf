#include "io/memory_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/system_error.h"

namespace io {

base::Result<Descriptor> memory_file(std::string_view contents) {
  Descriptor file(memfd_create("hearth-state", MFD_CLOEXEC));
  if (!file) return system_failure("cannot make a file in memory");
  while (!contents.empty()) {
    const ssize_t put = write(file.get(), contents.data(), contents.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return system_failure("cannot write into a file in memory");
    contents.remove_prefix(static_cast<std::size_t>(put));
  }
  return file;
}

base::Result<std::string> contents_of(const Descriptor& file) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return system_failure("cannot look at the file in memory");
  std::string contents(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t at = 0;
  while (at < contents.size()) {
    const ssize_t got = pread(file.get(), contents.data() + at, contents.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_failure("cannot read the file in memory");
    at += static_cast<std::size_t>(got);
  }
  return contents;
}

}  // namespace io
