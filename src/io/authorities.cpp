#include "io/authorities.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "io/files.h"
#include "io/system_error.h"
#include "io/trust.h"

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

base::Result<std::string> read_trusted(const std::string& path) {
  const Descriptor file = TRY(open_regular_file(path));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return system_failure("cannot look at " + path);
  if (status.st_size > bytes_max)
    return base::failure(path + " is larger than 4 MiB; see whether it is the right file");
  TRY(check_trusted(path, file));
  return read_open_file(file, path, static_cast<std::size_t>(bytes_max));
}

}  // namespace

base::Result<std::string> read_authorities(const std::string& path) {
  std::string text = TRY(read_trusted(path));
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
