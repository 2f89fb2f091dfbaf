#include "io/trust.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "io/files.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr std::size_t account_file_max = std::size_t{1} << 20;

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Whether this user alone is in `group`: what many systems make for each user, together with a umask that
// lets the group write. Only local accounts are seen, so only the group that bears the user's number is
// believed.
bool is_private_group(gid_t group) {
  const uid_t us = getuid();
  if (group == 0 || group != us || group != getgid()) return false;
  const auto users = read_small_file("/etc/passwd", account_file_max);
  const auto groups = read_small_file("/etc/group", account_file_max);
  if (!users || !groups) return false;
  const std::string number = std::to_string(group);
  std::string_view name;
  for (const std::string_view line : split(*users, '\n')) {
    const auto fields = split(line, ':');  // name:password:uid:gid:…
    if (fields.size() < 4) continue;
    if (fields[2] == number) name = fields[0];
    if (fields[2] != number && fields[3] == number) return false;
  }
  for (const std::string_view line : split(*groups, '\n')) {
    const auto fields = split(line, ':');  // name:password:gid:members
    if (fields.size() >= 4 && fields[2] == number && !fields[3].empty() && fields[3] != name) return false;
  }
  return !name.empty();
}

std::string octal(mode_t mode) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
  return text.data();
}

}  // namespace

base::Result<void> check_trusted(std::string_view named, const Descriptor& file) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return system_failure("cannot look at " + std::string(named));
  if (status.st_uid != getuid() && status.st_uid != 0) {
    return base::failure(std::string(named) + " belongs to another user (uid " +
                             std::to_string(status.st_uid) + "), and is not used; give it to uid " +
                             std::to_string(getuid()) + " with chown, or use a copy",
                         EPERM);
  }
  // In a directory like /tmp others may make files, but not replace one of ours.
  if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0) return {};
  const bool group_writes = (status.st_mode & S_IWGRP) != 0 && !is_private_group(status.st_gid);
  if (group_writes || (status.st_mode & S_IWOTH) != 0) {
    return base::failure(std::string(named) + " can be written by others (mode " + octal(status.st_mode) +
                             "), and is not used; close it with chmod go-w",
                         EPERM);
  }
  return {};
}

base::Result<void> check_trusted_directory(const std::string& path) {
  const Descriptor directory(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY));
  if (!directory) return {};  // Opening the file in it will report why.
  return check_trusted("the directory " + path, directory);
}

base::Result<std::string> read_trusted_file(std::string_view what, const std::string& path,
                                            std::size_t bytes_max) {
  const std::string named = "the " + std::string(what) + ' ' + path;
  const Descriptor file = TRY(open_regular_file(path));
  TRY(check_trusted(named, file));
  return read_open_file(file, path, bytes_max);
}

}  // namespace io
