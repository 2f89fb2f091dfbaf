#include "bench/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>

namespace bench {

namespace {

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string proc_path(pid_t pid, std::string_view file) {
  return "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

struct Stat {
  pid_t parent = 0;
  bool zombie = false;
};

// Absent parents are 0. The name in parentheses may hold anything, so the last one counts.
Stat stat_of(pid_t pid) {
  const std::string text = contents_of(proc_path(pid, "stat"));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return {};
  const char state = text[name_end + 2];
  return {.parent = std::atoi(text.c_str() + name_end + 4), .zombie = state == 'Z' || state == 'X'};
}

std::int64_t kib_after(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atol(text.c_str() + at + key.size());
}

void set_nonblocking(const Descriptor& descriptor) {
  fcntl(descriptor.get(), F_SETFL, fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

struct Ends {
  Descriptor ours, theirs;
};
enum class Direction : std::uint8_t { to_child, from_child };

base::Result<Ends> make_ends(Wire wire, Direction direction) {
  int fds[2];
  const int failed =
      wire == Wire::pipes ? pipe2(fds, O_CLOEXEC) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
  if (failed != 0) return base::failure(std::string("cannot make a pipe: ") + std::strerror(errno), errno);
  Ends ends{Descriptor(fds[0]), Descriptor(fds[1])};
  if (direction == Direction::to_child) std::swap(ends.ours, ends.theirs);
  set_nonblocking(ends.ours);
  return ends;
}

void reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

void Descriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

base::Result<Child> start(const Command& command, Wire wire) {
  Ends input = TRY(make_ends(wire, Direction::to_child));
  Ends output = TRY(make_ends(wire, Direction::from_child));

  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.theirs.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.theirs.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int code = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return base::failure("cannot start " + command[0] + ": " + std::strerror(code), code);
  return Child{.pid = pid, .to = std::move(input.ours), .from = std::move(output.ours)};
}

bool wait_for_exit(pid_t pid, std::chrono::milliseconds patience) {
  const Descriptor watch(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (watch.get() >= 0) {
    pollfd ready{.fd = watch.get(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) == 0) return false;
  }
  return waitpid(pid, nullptr, 0) == pid;
}

void adopt_orphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  if (DIR* directory = opendir("/proc")) {
    while (const dirent* entry = readdir(directory)) {
      const pid_t pid = std::atoi(entry->d_name);
      if (pid <= 0) continue;
      const Stat stat = stat_of(pid);
      if (stat.parent != 0 && !stat.zombie) children.emplace(stat.parent, pid);
    }
    closedir(directory);
  }
  std::vector<pid_t> found;
  std::vector<pid_t> parents{getpid()};
  while (!parents.empty()) {
    const auto [begin, end] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto child = begin; child != end; ++child) {
      found.push_back(child->second);
      parents.push_back(child->second);
    }
  }
  return found;
}

std::string name_of(pid_t pid) {
  std::string name = contents_of(proc_path(pid, "comm"));
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

std::chrono::nanoseconds cpu_time(std::span<const pid_t> processes) {
  std::chrono::nanoseconds total{0};
  for (const pid_t pid : processes) {
    // Its CPU clock counts nanoseconds where /proc/PID/stat counts ticks of 10 ms.
    clockid_t clock;
    timespec spent;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0) continue;
    total += std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
  }
  return total;
}

std::chrono::nanoseconds busy_time() {
  std::ifstream file("/proc/stat");
  std::string name;
  // user nice system idle iowait irq softirq steal
  std::array<std::int64_t, 8> ticks{};
  file >> name;
  for (std::int64_t& count : ticks) file >> count;
  const std::int64_t busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
  return std::chrono::nanoseconds(busy * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
}

Memory memory_of(std::span<const pid_t> processes) {
  Memory total;
  for (const pid_t pid : processes) {
    const std::string text = contents_of(proc_path(pid, "smaps_rollup"));
    total.proportional_kib += kib_after(text, "\nPss:");
    total.resident_kib += kib_after(text, "\nRss:");
    total.private_kib += kib_after(text, "\nPrivate_Dirty:");
  }
  return total;
}

void place(std::span<const pid_t> processes, Placement placement) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  const std::size_t last = placement == Placement::one_cpu ? 0 : CPU_SETSIZE - 1;
  for (std::size_t cpu = 0; cpu <= last; ++cpu) CPU_SET(cpu, &cpus);
  if (placement == Placement::client_apart) CPU_CLR(0, &cpus);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  for (const pid_t pid : processes) {
    const bool apart = placement == Placement::client_apart && pid == getpid();
    sched_setaffinity(pid, sizeof cpus, apart ? &first : &cpus);
  }
}

void end_descendants() {
  for (const int signal : {SIGTERM, SIGKILL}) {
    for (int round = 0; round < 300; ++round) {
      reap();
      const std::vector<pid_t> left = descendants();
      if (left.empty()) return;
      if (round == 0 || signal == SIGKILL) {
        for (const pid_t pid : left) kill(pid, signal);
      }
      poll(nullptr, 0, 10);
    }
  }
}

}  // namespace bench
