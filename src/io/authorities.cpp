#include "io/authorities.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "io/system_error.h"

namespace io {
namespace {

// All authorities of the world are a quarter of a megabyte.
constexpr off_t bytes_max = off_t{4} << 20;
// Lists of files, and their changes. A list costs what the system's authorities do.
constexpr std::size_t made_max = 64;

// Changes when the file does.
std::string state_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return "-";
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino) + ':' +
         std::to_string(status.st_size) + ':' + std::to_string(status.st_mtim.tv_sec) + '.' +
         std::to_string(status.st_mtim.tv_nsec);
}

base::Result<void> write_all(const Descriptor& to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(to.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_failure("cannot keep certificate authorities in memory");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

base::Result<std::string> read_regular(const std::string& path) {
  // A pipe without a writer would be waited for.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return system_failure("cannot open " + path);
  if (!S_ISREG(status.st_mode)) return base::failure(path + " is no file; give the file itself");
  if (status.st_size > bytes_max)
    return base::failure(path + " is larger than 4 MiB; see whether it is the right file");
  if ((status.st_uid != getuid() && status.st_uid != 0) || (status.st_mode & S_IWOTH) != 0) {
    return base::failure(path + " can be changed by other users (it belongs to uid " +
                         std::to_string(status.st_uid) +
                         "); make a copy that is yours and that only you may write");
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t count = 0;
  while (count < text.size()) {
    const ssize_t got = read(file.get(), text.data() + count, text.size() - count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot read " + path);
    if (got == 0) break;
    count += static_cast<std::size_t>(got);
  }
  text.resize(count);
  return text;
}

}  // namespace

base::Result<std::string> read_authorities(const std::string& path) {
  std::string text = TRY(read_regular(path));
  if (!text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("-----BEGIN TRUSTED CERTIFICATE-----"))
    return base::failure(path + " holds no certificate in PEM; see whether it is the right file");
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

base::Result<std::string> Authorities::together(const std::vector<std::string>& files) {
  std::string state = state_of(system_);
  for (const std::string& file : files) state += ' ' + state_of(file);
  const auto known = made_.find(files);
  if (known != made_.end() && known->second.state == state) return known->second.name;
  std::string all;
  for (const std::string& file : files) all += TRY(read_authorities(file));
  if (all_.size() == made_max)
    return base::failure("too many lists of certificate authorities have been used (limit " +
                         std::to_string(made_max) + "); restart the daemon with `hearth shutdown`");
  if (const auto usual = read_authorities(system_)) all += *usual;
  Descriptor memory(memfd_create("authorities", MFD_CLOEXEC));
  if (!memory) return system_failure("cannot keep certificate authorities in memory");
  TRY(write_all(memory, all));
  std::string name = "/proc/self/fd/" + std::to_string(memory.get());
  all_.push_back(std::move(memory));
  made_.insert_or_assign(files, Made{std::move(state), name});
  return name;
}

}  // namespace io
