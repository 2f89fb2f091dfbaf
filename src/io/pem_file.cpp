#include "io/pem_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "io/descriptor.h"
#include "io/system_error.h"
#include "io/trust.h"

namespace io {
namespace {

// A chain is a few kilobytes.
constexpr off_t bytes_max = off_t{256} << 10;

struct Opened {
  Descriptor file;
  struct stat status{};
};

base::Result<Opened> open_file(std::string_view what, const std::string& path) {
  const std::string named = "the " + std::string(what) + ' ' + path;
  Opened opened;
  // A pipe without a writer would be waited for.
  opened.file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!opened.file) {
    base::Error error = system_error("cannot open " + named, errno);
    error.what +=
        error.code == EACCES ? "; let the user who runs Hearth read it" : "; see whether it is there";
    return std::unexpected(std::move(error));
  }
  if (fstat(opened.file.get(), &opened.status) != 0) return system_failure("cannot look at " + named);
  if (!S_ISREG(opened.status.st_mode)) return base::failure(named + " is no file; give the file itself");
  if (opened.status.st_size > bytes_max)
    return base::failure(named +
                         " is larger than 256 KiB and was not read; see whether it is the right file");
  return opened;
}

// Never grows, because growing would leave copies behind.
base::Result<std::vector<char>> read_all(const Opened& opened, const std::string& path) {
  std::vector<char> bytes(static_cast<std::size_t>(opened.status.st_size));
  std::size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t got = ::read(opened.file.get(), bytes.data() + count, bytes.size() - count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot read " + path);
    if (got == 0) break;
    count += static_cast<std::size_t>(got);
  }
  bytes.resize(count);
  return bytes;
}

std::string octal(mode_t mode) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
  return text.data();
}

}  // namespace

base::Result<PemFile> PemFile::read(std::string_view what, const std::string& path) {
  const Opened opened = TRY(open_file(what, path));
  TRY(check_trusted("the " + std::string(what) + ' ' + path, opened.file));
  return PemFile(TRY(read_all(opened, path)));
}

// Asked of the file that is open, so that nobody can put another in its place in between.
base::Result<PemFile> PemFile::read_secret(std::string_view what, const std::string& path) {
  const Opened opened = TRY(open_file(what, path));
  const struct stat& status = opened.status;
  const std::string named = "the " + std::string(what) + ' ' + path;
  if (status.st_uid != getuid() && status.st_uid != 0)
    return base::failure(named + " belongs to another user (uid " + std::to_string(status.st_uid) +
                         "); make a copy that is yours, with mode 0600");
  if ((status.st_mode & 077) != 0)
    return base::failure(named + " is open to others (mode " + octal(status.st_mode) +
                         "), and may be no secret any more; close it with `chmod 600 " + path +
                         "`, or make a new one");
  return PemFile(TRY(read_all(opened, path)));
}

PemFile::~PemFile() {
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
}

}  // namespace io
