#include "io/confinement.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/files.h"

namespace io {

namespace {

constexpr std::array namespaces = {"mnt", "net", "pid", "user", "ipc", "uts", "cgroup", "time"};
struct Need {
  const char* name;
  std::uint64_t least;
};
// Of a daemon with a few servers, for a day: five descriptors each, its logs, its CPU time.
constexpr std::array needs_of_a_daemon = {Need{"nofile", 256}, Need{"fsize", 16 << 20}, Need{"cpu", 600},
                                          Need{"as", 256 << 20}, Need{"data", 256 << 20}};

constexpr std::size_t status_max = std::size_t{16} << 10;

// "\nName:\tvalue\n" of /proc/self/status.
std::string line_of(std::string_view status, std::string_view name) {
  const std::size_t at = status.find('\n' + std::string(name) + ':');
  if (at == std::string_view::npos) return {};
  std::string_view rest = status.substr(at + name.size() + 2);
  rest = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  return std::string(rest);
}

std::string own_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  groups.push_back(getegid());
  std::ranges::sort(groups);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  std::string text = std::to_string(getegid()) + ':';
  for (const gid_t group : groups) text += ' ' + std::to_string(group);
  return text;
}

}  // namespace

std::map<std::string, std::string> own_confines() {
  std::map<std::string, std::string> confines;
  for (const char* kind : namespaces) {
    std::array<char, 64> link;
    const ssize_t length = readlink(("/proc/self/ns/" + std::string(kind)).c_str(), link.data(), link.size());
    if (length > 0) confines[kind] = std::string(link.data(), static_cast<std::size_t>(length));
  }
  struct stat root{};
  if (stat("/", &root) == 0)
    confines["root"] = std::to_string(root.st_dev) + ' ' + std::to_string(root.st_ino);
  confines["groups"] = own_groups();
  if (const auto status = read_small_file("/proc/self/status", status_max)) {
    confines["capabilities"] = line_of(*status, "CapBnd");
    confines["no_new_privileges"] = line_of(*status, "NoNewPrivs");
    confines["seccomp"] = line_of(*status, "Seccomp") + ' ' + line_of(*status, "Seccomp_filters");
  }
  return confines;
}

bool too_limited_for_others(const base::Inheritance& reach) {
  return std::ranges::any_of(needs_of_a_daemon, [&](const Need& need) {
    const auto limit = reach.limits.find(need.name);
    return limit != reach.limits.end() && limit->second.hard && *limit->second.hard < need.least;
  });
}

std::string name_of_surroundings(const base::Inheritance& inheritance) {
  std::string text;
  for (const auto& [name, value] : inheritance.confines) text += name + '=' + value + '\n';
  for (const auto& [name, limit] : inheritance.limits) {
    if (limit.hard && *limit.hard < base::plenty_of(name))
      text += name + '<' + std::to_string(*limit.hard) + '\n';
  }
  const auto nice = inheritance.settings.find("nice");
  if (nice != inheritance.settings.end() && nice->second > 0) text += std::to_string(nice->second);
  // FNV-1a: a collision only makes a daemon refuse a session of the colliding user's own.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::array<char, 17> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  std::string name(digits.data(), end);
  return std::string(16 - name.size(), '0') + name;
}

}  // namespace io
