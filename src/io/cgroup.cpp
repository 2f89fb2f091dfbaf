#include "io/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <sstream>

#include "io/files.h"
#include "io/process_table.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr std::size_t listing_max = std::size_t{1} << 20;

// Where the unified hierarchy is mounted: /sys/fs/cgroup, or a place below it beside the old hierarchies.
std::string mount_point() {
  const auto text = read_small_file("/proc/self/mountinfo", listing_max);
  if (!text) return {};
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    // "id parent major:minor root mount-point options … - type source options"
    const std::size_t separator = line.find(" - cgroup2 ");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;
    return field;
  }
  return {};
}

std::string own_group() {
  const auto text = read_small_file("/proc/self/cgroup", listing_max);
  if (!text) return {};
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

// The group we run in, as a directory; empty where there is none. A group that a Hearth made is left out of
// the path: a daemon started from inside a server is not part of that server.
std::string own_directory() {
  const std::string mount = mount_point();
  std::string group = own_group();
  if (mount.empty() || group.empty()) return {};
  group = group.substr(0, group.find("/hearth-"));
  while (group.ends_with('/')) group.pop_back();
  return mount + group;
}

void write_to(const std::string& path, const char* text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && write(file.get(), text, 1) < 0)
    return;  // The kill by marks that follows does not depend on it.
}

std::vector<pid_t> processes_in(const std::string& directory) {
  std::vector<pid_t> pids;
  const auto text = read_small_file(directory + "/cgroup.procs", listing_max);
  if (!text) return pids;
  std::istringstream lines(*text);
  for (pid_t pid = 0; lines >> pid;) {
    if (pid > 0) pids.push_back(pid);
  }
  return pids;
}

std::vector<std::string> groups_below(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) return names;
  while (const dirent* entry = readdir(listing.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.push_back(directory + '/' + entry->d_name);
  }
  return names;
}

// All below it too. Before Linux 5.14 there is no cgroup.kill; then one after the other.
void kill_group(const std::string& directory) {
  if (access((directory + "/cgroup.kill").c_str(), W_OK) == 0) {
    write_to(directory + "/cgroup.kill", "1");
    return;
  }
  for (const pid_t pid : processes_in(directory)) {
    if (const auto process = process_of(pid)) send_signal(*process, SIGKILL);
  }
  for (const std::string& below : groups_below(directory)) kill_group(below);
}

bool remove_group(const std::string& directory) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
  for (const std::string& below : groups_below(directory)) remove_group(below);
  return rmdir(directory.c_str()) == 0 || errno == ENOENT;
}

void collect_processes(const std::string& directory, std::vector<pid_t>& into) {
  const std::vector<pid_t> here = processes_in(directory);
  into.insert(into.end(), here.begin(), here.end());
  for (const std::string& below : groups_below(directory)) collect_processes(below, into);
}

}  // namespace

base::Result<Descriptor> Cgroup::open_entrance() const {
  Descriptor entrance(open((path_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!entrance) return system_failure("cannot open the control group " + path_);
  return entrance;
}

std::vector<pid_t> Cgroup::processes() const {
  std::vector<pid_t> pids;
  collect_processes(path_, pids);
  return pids;
}

void Cgroup::kill() const {
  kill_group(path_);
}

bool Cgroup::remove() const {
  return remove_group(path_);
}

std::string CgroupRoot::path_for(std::string_view daemon_id) {
  const std::string directory = own_directory();
  return directory.empty() ? std::string() : directory + "/hearth-" + std::string(daemon_id);
}

std::optional<CgroupRoot> CgroupRoot::make(std::string_view daemon_id) {
  const std::string path = path_for(daemon_id);
  if (path.empty() || mkdir(path.c_str(), 0700) != 0) return {};
  // Moving a process takes the right to write to the common ancestor too: being able to make a group is no
  // proof.
  const std::string above = path.substr(0, path.find_last_of('/'));
  for (const std::string& group : {above, path}) {
    if (access((group + "/cgroup.procs").c_str(), W_OK) == 0) continue;
    rmdir(path.c_str());
    return {};
  }
  return CgroupRoot(path);
}

std::optional<CgroupRoot> CgroupRoot::find(std::string_view daemon_id, const std::string& path) {
  if (!path.ends_with("/hearth-" + std::string(daemon_id))) return {};
  if (access((path + "/cgroup.procs").c_str(), F_OK) != 0) return {};
  return CgroupRoot(path);
}

std::optional<Cgroup> CgroupRoot::make_group(std::uint64_t number) const {
  const std::string path = path_ + '/' + std::to_string(number);
  if (mkdir(path.c_str(), 0700) != 0) return {};
  return Cgroup(path);
}

std::optional<Cgroup> CgroupRoot::find_group(std::uint64_t number) const {
  const std::string path = path_ + '/' + std::to_string(number);
  if (access((path + "/cgroup.procs").c_str(), F_OK) != 0) return {};
  return Cgroup(path);
}

std::vector<pid_t> CgroupRoot::processes() const {
  std::vector<pid_t> pids;
  collect_processes(path_, pids);
  return pids;
}

void CgroupRoot::kill_all() const {
  kill_group(path_);
}

bool CgroupRoot::remove_all() const {
  return remove_group(path_);
}

}  // namespace io
