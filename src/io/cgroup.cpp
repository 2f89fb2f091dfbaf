#include "io/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "io/files.h"
#include "io/process_table.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr std::size_t listing_max = std::size_t{1} << 20;

// Where the daemon itself is, beside the groups of its servers.
constexpr std::string_view own_place = "/hearthd";

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

// Where "/hearth-<daemon id>" begins, which no other program's unit is called; the end of `group` if nowhere.
std::size_t place_of_daemon(const std::string& group) {
  constexpr std::string_view prefix = "/hearth-";
  constexpr std::size_t id_length = 16;
  for (std::size_t at = group.find(prefix); at != std::string::npos; at = group.find(prefix, at + 1)) {
    const std::string id = group.substr(at + prefix.size(), id_length + 1);
    const std::size_t length = std::min(id.find_first_not_of("0123456789abcdef"), id.size());
    if (length == id_length && (id.size() == id_length || id.back() == '/')) return at;
  }
  return group.size();
}

// The group we run in, as a directory; empty where there is none. A group that a Hearth made is left out of
// the path: a daemon started from inside a server is not part of that server, and the groups of servers are
// beside the daemon's own.
std::string own_directory() {
  const std::string mount = mount_point();
  std::string group = own_group();
  if (mount.empty() || group.empty()) return {};
  group = group.substr(0, place_of_daemon(group));
  if (group.ends_with(own_place)) group.resize(group.size() - own_place.size());
  while (group.ends_with('/')) group.pop_back();
  return mount + group;
}

// False: that cannot be set. To append makes no difference to the kernel, and lets tests see what was set.
bool write_to(const std::string& path, std::string_view text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
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

// Of another process namespace: they are listed as 0.
bool has_unseen(const std::string& directory) {
  const auto text = read_small_file(directory + "/cgroup.procs", listing_max);
  return text && (text->starts_with("0\n") || text->contains("\n0\n"));
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
    (void)write_to(directory + "/cgroup.kill", "1");  // The kill by marks that follows does without.
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

std::set<std::string> words_in(const std::string& path) {
  std::set<std::string> words;
  const auto text = read_small_file(path);
  if (!text) return words;
  std::istringstream all(*text);
  for (std::string word; all >> word;) words.insert(word.starts_with('+') ? word.substr(1) : word);
  return words;
}

constexpr std::array<std::string_view, 3> controller_names = {"memory", "cpu", "pids"};

Controllers named(const std::set<std::string>& words) {
  return {
      .memory = words.contains("memory"), .cpu = words.contains("cpu"), .processes = words.contains("pids")};
}

// For the groups in it. One after the other: a controller that cannot be had must not cost the others.
void switch_on(const std::string& directory) {
  const std::set<std::string> possible = words_in(directory + "/cgroup.controllers");
  const std::set<std::string> there = words_in(directory + "/cgroup.subtree_control");
  for (const std::string_view name : controller_names) {
    const std::string wanted(name);
    if (possible.contains(wanted) && !there.contains(wanted))
      (void)write_to(directory + "/cgroup.subtree_control", '+' + wanted + ' ');
  }
}

// Started by this process, or by one that it has started.
bool is_ours(pid_t pid) {
  for (int generation = 0; generation < 4 && pid > 1; ++generation) {
    if (pid == getpid()) return true;
    const auto process = process_of(pid);
    if (!process) return kill(pid, 0) != 0 && errno == ESRCH;  // Gone; or nothing may be seen of it.
    pid = process->parent;
  }
  return pid == getpid();
}

// Moves what is in the group into one of its own below it. False: a stranger is in there, or it cannot be.
bool make_way(const std::string& group) {
  const std::vector<pid_t> pids = processes_in(group);
  if (has_unseen(group) || !std::ranges::all_of(pids, is_ours)) return false;
  const std::string place = group + std::string(own_place);
  if (mkdir(place.c_str(), 0700) != 0 && errno != EEXIST) return false;
  return std::ranges::all_of(pids, [&](pid_t pid) {
    return write_to(place + "/cgroup.procs", std::to_string(pid)) || !process_of(pid);
  });
}

// The value of a line "name 17".
std::uint64_t count_in(const std::string& path, std::string_view name) {
  const auto text = read_small_file(path);
  if (!text) return 0;
  std::istringstream lines(*text);
  std::string word;
  std::uint64_t count = 0;
  while (lines >> word >> count) {
    if (word == name) return count;
  }
  return 0;
}

// Of a file that says a number, or "max".
std::optional<std::uint64_t> limit_in(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return std::nullopt;
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  return error == std::errc() ? std::optional(limit) : std::nullopt;
}

}  // namespace

Controllers enable_controllers(const std::string& above, const std::string& below, std::string& why_not) {
  why_not.clear();
  const auto offered = [&] { return named(words_in(below + "/cgroup.controllers")); };
  const Controllers possible = named(words_in(above + "/cgroup.controllers"));
  // The root of all groups is the machine's; it says nothing of its type.
  const bool is_root = access((above + "/cgroup.type").c_str(), F_OK) != 0;
  if (!is_root && offered() != possible) {
    if (make_way(above)) {
      switch_on(above);
    } else {
      why_not = "other processes are in the daemon's own control group";
    }
  }
  switch_on(below);
  const Controllers enabled = named(words_in(below + "/cgroup.subtree_control"));
  if (enabled.all() || !why_not.empty()) return enabled;
  for (const auto& [has, name] : {std::pair(enabled.memory, "memory"), std::pair(enabled.cpu, "cpu"),
                                  std::pair(enabled.processes, "pids")}) {
    if (!has) why_not += (why_not.empty() ? "" : ", ") + std::string(name);
  }
  why_not = "the daemon's control group lacks controllers (" + why_not + ")";
  return enabled;
}

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

void Cgroup::limit(const base::ResourceLimits& limits) const {
  if (limits.memory) {
    (void)write_to(path_ + "/memory.max", std::to_string(*limits.memory));
    // Or it would push its memory out to a disk instead of ending, at the expense of everybody.
    (void)write_to(path_ + "/memory.swap.max", "0");
    // Half a server is of no use.
    (void)write_to(path_ + "/memory.oom.group", "1");
  }
  if (limits.cpu) {
    constexpr std::uint64_t period_us = 100'000;
    // The kernel takes no less.
    const std::uint64_t quota_us = std::max<std::uint64_t>(*limits.cpu * period_us / 1000, 1000);
    (void)write_to(path_ + "/cpu.max", std::to_string(quota_us) + ' ' + std::to_string(period_us));
  }
  if (limits.processes) (void)write_to(path_ + "/pids.max", std::to_string(*limits.processes));
}

std::optional<base::Resource> Cgroup::exceeded() const {
  // The kernel may have ended it for want of memory elsewhere: only "oom" says that it was the group's own.
  const std::string memory = path_ + "/memory.events";
  if (limit_in(path_ + "/memory.max") && count_in(memory, "oom") != 0 && count_in(memory, "oom_kill") != 0)
    return base::Resource::memory;
  // Nor may it have come to the limit of a group above. (Before Linux 6.1 there is no peak to tell.)
  const auto most = limit_in(path_ + "/pids.max");
  if (most && count_in(path_ + "/pids.events", "max") != 0 &&
      limit_in(path_ + "/pids.peak").value_or(*most) >= *most)
    return base::Resource::processes;
  return std::nullopt;
}

std::string Cgroup::killed_for() const {
  if (exceeded() == base::Resource::memory) {
    const base::ResourceLimits limits{.memory = limit_in(path_ + "/memory.max"), .cpu = {}, .processes = {}};
    return base::ended_for(limits, base::Resource::memory);
  }
  if (count_in(path_ + "/memory.events", "oom_kill") != 0)
    return "was ended by the kernel, because the machine was out of memory";
  return {};
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

void CgroupRoot::divide() {
  controllers_ = enable_controllers(path_.substr(0, path_.find_last_of('/')), path_, why_not_);
}

std::optional<CgroupRoot> CgroupRoot::find(std::string_view daemon_id, const std::string& path) {
  if (!path.ends_with("/hearth-" + std::string(daemon_id))) return {};
  if (access((path + "/cgroup.procs").c_str(), F_OK) != 0) return {};
  return CgroupRoot(path);
}

std::optional<Cgroup> CgroupRoot::make_group(std::uint64_t number, const base::ResourceLimits& limits) const {
  const std::string path = path_ + '/' + std::to_string(number);
  if (mkdir(path.c_str(), 0700) != 0) return {};
  Cgroup group(path);
  group.limit(limits);
  return group;
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
