#include "io/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <sstream>

#include "io/clock.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "io/mark.h"

namespace io {

namespace {

// What a program may be started with: larger environments than this exist only in theory, and the mark is
// near the start.
constexpr std::size_t environment_max = std::size_t{4} << 20;

constexpr std::size_t children_bytes_max = std::size_t{1} << 20;

// PF_EXITING of the kernel's sched.h, the same since Linux 2.6.
constexpr std::uint64_t flag_exiting = 4;

// How long the killed get to die between two scans. They are dying already; only the kernel is in the way.
constexpr std::chrono::milliseconds dying(100);

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + '/' + name;
}

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Descriptor open_process(const Process& process) {
  Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!handle) return {};
  const auto current = process_of(process.pid);
  if (!current || !current->same(process)) return {};
  return handle;
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::ranges::find(pids, pid) != pids.end();
}

void wait_for_deaths(const std::vector<Descriptor>& handles) {
  const base::Instant deadline = now() + dying;
  for (const Descriptor& handle : handles) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    pollfd death{handle.get(), POLLIN, 0};
    poll(&death, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  }
}

// Whether `process` is one of the roots, or in the group or session of one. The kernel gives no id to a new
// process while a group or session is named by it: once the id belongs to somebody else, nobody of the old
// ones is left.
bool is_rooted(const Process& process, std::span<const Process> roots, std::span<const Process> all) {
  return std::ranges::any_of(roots, [&](const Process& root) {
    if (process.pid != root.pid && process.group != root.pid && process.session != root.pid) return false;
    return std::ranges::none_of(
        all, [&](const Process& other) { return other.pid == root.pid && !other.same(root); });
  });
}

}  // namespace

std::optional<Process> process_of(pid_t pid) {
  const auto text = read_small_file(proc_file(pid, "stat"), 2048);
  if (!text) return {};
  // "pid (name) state parent group session …": the name may hold blanks and parentheses.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return {};
  std::string_view rest = std::string_view(*text).substr(name_end + 1);
  std::vector<std::string_view> fields;
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::size_t end = std::min(rest.find(' '), rest.size());
    fields.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  // Fields 9, 20 and 22 of proc(5); ours begin with the third.
  constexpr std::size_t flags = 6;
  constexpr std::size_t threads = 17;
  constexpr std::size_t start_time = 19;
  if (fields.size() <= start_time) return {};
  Process process;
  process.pid = pid;
  process.parent = number_in<pid_t>(fields[1]);
  process.group = number_in<pid_t>(fields[2]);
  process.session = number_in<pid_t>(fields[3]);
  process.started = number_in<std::uint64_t>(fields[start_time]);
  process.threads = number_in<std::uint32_t>(fields[threads]);
  process.ending = (number_in<std::uint64_t>(fields[flags]) & flag_exiting) != 0;
  process.zombie = fields[0] == "Z" || fields[0] == "X";
  process.suspended = fields[0] == "T" || fields[0] == "t";
  return process;
}

namespace {

struct Listing {
  std::vector<Process> found;
  std::set<pid_t> ended;  // By the time that we looked at it, or before.
};

Listing list_own() {
  Listing listing;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return listing;
  const uid_t us = getuid();
  while (const dirent* entry = readdir(proc.get())) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const auto pid = number_in<pid_t>(entry->d_name);
    struct stat status{};
    const bool there = fstatat(dirfd(proc.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && status.st_uid != us) continue;
    const auto process = there ? process_of(pid) : std::nullopt;
    if (process && !process->zombie) {
      listing.found.push_back(*process);
    } else {
      listing.ended.insert(pid);
    }
  }
  return listing;
}

}  // namespace

// The names come in one piece, and are looked at one by one: what ends in between may have started another
// that is not among them. Nothing is missed once nothing more has ended.
std::vector<Process> own_processes() {
  constexpr int listings_max = 5;
  Listing listing = list_own();
  std::set<pid_t> known;
  for (int i = 1; i < listings_max && !std::ranges::includes(known, listing.ended); ++i) {
    known = std::move(listing.ended);
    listing = list_own();
  }
  return std::move(listing.found);
}

std::vector<Process> children_of(pid_t parent) {
  std::vector<Process> children;
  // Orphans come to the thread that has the number of the process.
  const std::string thread = "task/" + std::to_string(parent) + "/children";
  const auto text = read_small_file(proc_file(parent, thread.c_str()), children_bytes_max);
  if (!text) return children;
  std::istringstream pids(*text);
  for (pid_t pid = 0; pids >> pid;) {
    const auto process = process_of(pid);
    if (process && !process->zombie) children.push_back(*process);
  }
  return children;
}

std::string mark_in(pid_t pid) {
  const auto environment = read_small_file(proc_file(pid, "environ"), environment_max);
  if (!environment) return {};
  const std::string prefix = std::string(mark_variable) + '=';
  std::string_view rest = *environment;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.starts_with(prefix)) return std::string(entry.substr(prefix.size()));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return {};
}

ProcessTable::ProcessTable() : all_(own_processes()) {
  for (const Process& process : all_) children_.emplace(process.parent, &process);
}

bool ProcessTable::is_marked(pid_t pid, const std::string& wanted) {
  if (wanted.empty()) return false;
  const auto [known, is_new] = marks_.try_emplace(pid);
  std::string& mark = known->second;
  if (is_new) mark = mark_in(pid);
  return wanted.ends_with('.') ? mark.starts_with(wanted) : mark == wanted;
}

std::vector<Process> ProcessTable::kin_of(const Kin& kin) {
  std::vector<const Process*> open;
  for (const Process& process : all_) {
    if (is_rooted(process, kin.roots, all_) || contains(kin.listed, process.pid) ||
        is_marked(process.pid, kin.mark)) {
      open.push_back(&process);
    }
  }
  std::set<pid_t> seen = {getpid()};
  std::vector<Process> found;
  while (!open.empty()) {
    const Process* process = open.back();
    open.pop_back();
    if (!seen.insert(process->pid).second) continue;
    found.push_back(*process);
    const auto [first, last] = children_.equal_range(process->pid);
    for (auto child = first; child != last; ++child) open.push_back(child->second);
  }
  return found;
}

std::vector<Process> kin_of(const Kin& kin) {
  return ProcessTable().kin_of(kin);
}

bool send_signal(const Process& process, int signal) {
  const Descriptor handle = open_process(process);
  return handle && syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) == 0;
}

std::size_t kill_kin(const Kin& kin, int rounds) {
  std::set<std::pair<pid_t, std::uint64_t>> killed;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<Process> found = kin_of(kin);
    if (found.empty()) break;
    std::vector<Descriptor> handles;
    for (const Process& process : found) {
      Descriptor handle = open_process(process);
      if (!handle || syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) != 0) continue;
      killed.emplace(process.pid, process.started);
      handles.push_back(std::move(handle));
    }
    wait_for_deaths(handles);
  }
  return killed.size();
}

std::string boot_id() {
  auto text = read_small_file("/proc/sys/kernel/random/boot_id", 64);
  if (!text) return "unknown";
  return text->substr(0, text->find('\n'));
}

}  // namespace io
