#include "io/paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "io/files.h"
#include "io/system_error.h"
#include "io/trust.h"
#include "io/unix_socket.h"

namespace io {

namespace {

// getpwuid() would load name service modules, which a static binary cannot, and is not needed for a local
// account.
base::Result<std::string> home_in_passwd(uid_t uid) {
  const std::string text = TRY(read_small_file("/etc/passwd", std::size_t{1} << 20));
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::string_view fields[6];  // name:password:uid:gid:comment:home:shell
    for (std::string_view& field : fields) {
      const std::size_t colon = std::min(line.find(':'), line.size());
      field = line.substr(0, colon);
      line.remove_prefix(std::min(colon + 1, line.size()));
    }
    uid_t found = 0;
    const auto parsed = std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), found);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == fields[2].data() + fields[2].size();
    if (whole && found == uid && fields[5].starts_with('/')) return std::string(fields[5]);
  }
  return base::failure("cannot tell the home directory of uid " + std::to_string(uid) +
                       ": HOME is not set and /etc/passwd does not name it; set HOME or HEARTH_HOME");
}

std::string fallback_dir() {
  return "/tmp/hearth-" + std::to_string(getuid());
}

std::string run_dir_of_user() {
  const std::string uid = std::to_string(getuid());
  struct stat status{};
  const std::string dir = "/run/user/" + uid;
  if (lstat(dir.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid())
    return dir + "/hearth";
  return fallback_dir();
}

// FNV-1a: both sides must come to the same name; nobody gains from a collision but an own second daemon.
std::string short_name_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  char digits[17];
  const auto end = std::to_chars(digits, digits + sizeof digits, hash, 16);
  return {digits, end.ptr};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool others_may_write(const std::string& directory) {
  struct stat status{};
  if (stat(directory.c_str(), &status) != 0) return true;
  const bool trusted_owner = status.st_uid == 0 || status.st_uid == getuid();
  return !trusted_owner || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

base::Result<void> make_parents(const std::string& path) {
  const std::string parent = parent_of(path);
  struct stat status{};
  if (stat(parent.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return system_failure("cannot create " + path + ": " + parent + " is in the way", ENOTDIR);
  }
  if (parent == "/" || parent == ".") return {};
  if (auto made = make_parents(parent); !made) return made;
  if (mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
    return system_failure("cannot create directory " + parent);
  return {};
}

bool lies_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + '/');
}

}  // namespace

std::string hearth_for(const Paths& paths) {
  if (paths.home.empty()) return "hearth";
  std::string quoted = "'";
  for (const char c : paths.home) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  const bool plain =
      paths.home.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@:,") == std::string::npos;
  return "hearth --home " + (plain ? paths.home : quoted + "'");
}

base::Result<std::string> home_directory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home);
  return home_in_passwd(getuid());
}

base::Result<std::string> absolute(const std::string& path) {
  std::string whole = path;
  if (!path.starts_with('/')) {
    char* here = getcwd(nullptr, 0);
    if (here == nullptr)
      return system_failure("cannot tell the current directory, which " + path + " is relative to");
    whole = std::string(here) + '/' + path;
    std::free(here);
  }
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

namespace {

// What follows from the directories.
void complete(Paths& paths) {
  paths.log_dir = paths.state_dir + "/logs";
  paths.daemon_log = paths.state_dir + "/hearthd.log";
  paths.lock = paths.run_dir + "/hearthd.lock";
  paths.records_dir = paths.run_dir + "/instances";
  paths.socket_dir = paths.run_dir;
  if (paths.run_dir.size() + std::string_view("/hearthd.sock").size() > socket_path_max) {
    paths.socket_dir = fallback_dir() + '/' + short_name_of(paths.run_dir);
  }
  paths.socket = paths.socket_dir + "/hearthd.sock";
  paths.handover = paths.socket_dir + "/handover";
}

}  // namespace

base::Result<Paths> paths_of(const std::optional<std::string>& home_flag) {
  Paths paths;
  const char* variable = std::getenv("HEARTH_HOME");
  if (home_flag && home_flag->empty()) return base::failure("--home needs a directory");
  if (home_flag) {
    paths.home = TRY(absolute(*home_flag));
  } else if (variable != nullptr && variable[0] != '\0') {
    paths.home = TRY(absolute(variable));
  }
  if (!paths.home.empty()) {
    TRY(check_trusted_directory(paths.home));
    paths.config_file = paths.home + "/config.json";
    paths.run_dir = paths.home + "/run";
    paths.state_dir = paths.home + "/state";
    paths.cache_dir = paths.home + "/cache";
  } else {
    const std::string home = TRY(home_directory());
    paths.config_file = home + "/.config/hearth/config.json";
    paths.run_dir = run_dir_of_user();
    paths.state_dir = home + "/.local/state/hearth";
    paths.cache_dir = home + "/.cache/hearth";
  }
  complete(paths);
  return paths;
}

Paths paths_apart(const Paths& paths, const std::string& surroundings) {
  Paths apart = paths;
  apart.apart = surroundings;
  apart.run_dir += "/apart/" + surroundings;
  apart.state_dir += "/apart/" + surroundings;
  complete(apart);
  return apart;
}

namespace {

std::string belongs_to(uid_t owner) {
  return " belongs to uid " + std::to_string(owner) + ", not to uid " + std::to_string(getuid()) +
         "; have it removed, or set HEARTH_HOME to a directory of yours";
}

// Of something that is there under that name.
base::Result<struct stat> check_private_directory(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return system_failure("cannot examine " + path);
  if (S_ISLNK(status.st_mode)) {
    if (others_may_write(parent_of(path))) {
      return base::failure(path + " is a symbolic link in a directory that others can write to; remove it",
                           EPERM);
    }
    if (stat(path.c_str(), &status) != 0) return system_failure("cannot follow the symbolic link " + path);
  }
  if (!S_ISDIR(status.st_mode)) {
    const std::string in_the_way = path + " is in the way: it should be a directory";
    if (status.st_uid == getuid()) return base::failure(in_the_way + "; remove it", ENOTDIR);
    return base::failure(in_the_way + ", and it" + belongs_to(status.st_uid), ENOTDIR);
  }
  if (status.st_uid != getuid()) return base::failure(path + belongs_to(status.st_uid), EPERM);
  return status;
}

// The directories of a run directory, from the outermost that needs a check.
std::vector<std::string> run_directories(const Paths& paths) {
  std::vector<std::string> all;
  const std::string fallback = fallback_dir();
  for (const std::string& directory : {paths.run_dir, paths.socket_dir}) {
    if (lies_below(directory, fallback)) all.push_back(fallback);
    all.push_back(directory);
  }
  return all;
}

}  // namespace

base::Result<void> make_private_directory(const std::string& path) {
  if (auto made = make_parents(path); !made) return made;
  if (mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return system_failure("cannot create directory " + path);
  const struct stat status = TRY(check_private_directory(path));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0 && chmod(path.c_str(), 0700) != 0) {
    return system_failure("cannot close " + path + " to other users");
  }
  return {};
}

base::Result<void> prepare_run_directory(const Paths& paths) {
  for (const std::string& directory : run_directories(paths)) TRY(make_private_directory(directory));
  return {};
}

base::Result<void> check_run_directory(const Paths& paths) {
  for (const std::string& directory : run_directories(paths)) {
    struct stat status{};
    if (lstat(directory.c_str(), &status) != 0 && errno == ENOENT) continue;
    if (auto checked = check_private_directory(directory); !checked) return std::unexpected(checked.error());
  }
  return {};
}

}  // namespace io
