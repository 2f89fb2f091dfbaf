#include "cli/unit_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "cli/service_units.h"
#include "io/files.h"
#include "io/paths.h"
#include "io/system_error.h"

namespace cli {

namespace {

constexpr mode_t unit_mode = 0644;
constexpr mode_t unit_directory_mode = 0755;

std::string above(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

base::Result<void> check_owner(const std::string& path) {
  struct stat status{};
  std::string nearest = path;
  while (stat(nearest.c_str(), &status) != 0 && nearest != "/") nearest = above(nearest);
  if (nearest == "/" || status.st_uid == getuid()) return {};
  return base::failure(nearest + " belongs to uid " + std::to_string(status.st_uid) + ", not to uid " +
                           std::to_string(getuid()) + "; run this as that user, or set HOME to your own",
                       EPERM);
}

base::Result<void> make_directories(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return base::failure(path + " is in the way: it should be a directory; remove it", ENOTDIR);
  }
  TRY(make_directories(above(path)));
  if (mkdir(path.c_str(), unit_directory_mode) == 0 || errno == EEXIST) return {};
  return io::system_failure("cannot create directory " + path);
}

base::Error foreign(const std::string& path, std::string_view what) {
  return {
      .what = path + " " + std::string(what) +
              " and is left alone; move it away first, or print ours with 'hearth service install --print'",
      .code = EEXIST};
}

}  // namespace

base::Result<UnitDirectory> UnitDirectory::find() {
  const char* variable = std::getenv("XDG_CONFIG_HOME");
  std::string base;
  // A relative one is invalid, and systemd passes it over too.
  if (variable != nullptr && variable[0] == '/') {
    base = variable;
  } else {
    base = TRY(io::home_directory()) + "/.config";
  }
  std::string path = TRY(io::absolute(base)) + "/systemd/user";
  TRY(check_owner(path));
  return UnitDirectory(std::move(path));
}

std::string UnitDirectory::path_of(std::string_view unit) const {
  return path_ + '/' + std::string(unit);
}

base::Result<std::string> UnitDirectory::ours(std::string_view unit) const {
  const std::string path = path_of(unit);
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::string();
    return io::system_failure("cannot examine " + path);
  }
  if (S_ISLNK(status.st_mode)) return std::unexpected(foreign(path, "is a symbolic link"));
  std::string text = TRY(io::read_small_file(path));
  if (!written_by_us(text))
    return std::unexpected(foreign(path, "was not written by 'hearth service install'"));
  return text;
}

base::Result<void> UnitDirectory::write(std::string_view unit, std::string_view text) const {
  TRY(ours(unit));
  TRY(make_directories(path_));
  return io::write_small_file(path_of(unit), text, unit_mode);
}

base::Result<void> UnitDirectory::remove(std::string_view unit) const {
  if (TRY(ours(unit)).empty()) return {};
  const std::string path = path_of(unit);
  const std::string link = path_of("sockets.target.wants/" + std::string(unit));
  std::array<char, 4096> target{};
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  if (length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) == path)
    unlink(link.c_str());
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return io::system_failure("cannot remove " + path);
  return {};
}

}  // namespace cli
