// The program that the tests start: a server, a tree of processes, a daemon, by its first argument.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "io/children.h"
#include "io/daemon_end.h"
#include "io/daemon_start.h"
#include "io/guard.h"
#include "io/inheritance.h"
#include "io/leftovers.h"
#include "io/loop.h"
#include "io/passed.h"
#include "io/paths.h"
#include "io/successor.h"
#include "io/unix_socket.h"

namespace {

[[noreturn]] void hold() {
  for (;;) pause();
}

void tell(const std::string& line) {
  const std::string text = line + '\n';
  if (write(1, text.data(), text.size()) < 0) _exit(9);
}

int echo() {
  for (std::string line; std::getline(std::cin, line);) tell(line);
  return 0;
}

// What a child can see of how it was started.
int report() {
  std::vector<int> fds;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    fds.push_back(std::stoi(entry.path().filename()));
  }
  std::size_t open = 0;  // The iterator had one of its own, closed by now.
  for (const int fd : fds) open += fcntl(fd, F_GETFD) >= 0 ? 1U : 0U;
  tell("descriptors " + std::to_string(open));
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk:") || line.starts_with("SigIgn:")) tell(line);
  }
  tell("directory " + std::filesystem::current_path().string());
  tell(std::string("leader ") + (getsid(0) == getpid() && getpgrp() == getpid() ? "yes" : "no"));
  const char* mark = std::getenv("HEARTH_INSTANCE");
  tell(std::string("mark ") + (mark != nullptr ? mark : "none"));
  return 0;
}

// A descendant that holds neither the pipes nor the parent nor the session, as the mode asks.
void descend(const std::string& mode, int depth, int tell_pid) {
  const pid_t child = fork();
  if (child != 0) {
    if (mode == "double") _exit(0);
    return;
  }
  if (mode == "setsid" || mode == "double") setsid();
  if (mode == "stubborn") signal(SIGTERM, SIG_IGN);
  if (mode == "double" && fork() != 0) _exit(0);
  if (depth > 1) descend(mode == "double" ? "setsid" : mode, depth - 1, tell_pid);
  const std::string pid = std::to_string(getpid()) + ' ';
  if (write(tell_pid, pid.data(), pid.size()) < 0) _exit(9);
  for (const int fd : {0, 1, 2}) close(fd);
  close(tell_pid);
  hold();
}

// Depth 3 below this process; prints the pids of all below it once they run. Ends at the end of its stdin.
int tree(const std::string& mode) {
  int ends[2];
  if (pipe(ends) != 0) return 9;
  const pid_t between = fork();
  if (between == 0) {
    close(ends[0]);
    descend(mode, 3, ends[1]);
    if (mode == "stubborn") signal(SIGTERM, SIG_IGN);
    const std::string pid = std::to_string(getpid()) + ' ';
    if (write(ends[1], pid.data(), pid.size()) < 0) _exit(9);
    close(ends[1]);
    for (const int fd : {0, 1, 2}) close(fd);
    hold();
  }
  close(ends[1]);
  std::string pids;
  std::array<char, 256> piece;
  for (ssize_t got = 0; (got = read(ends[0], piece.data(), piece.size())) > 0;) {
    pids.append(piece.data(), static_cast<std::size_t>(got));
  }
  tell(pids);
  if (mode == "stubborn") {
    signal(SIGTERM, SIG_IGN);
    hold();
  }
  return echo();
}

// Leaves a process behind that nothing ties to this one, except for its control group.
int escape(const std::string& self) {
  const pid_t between = fork();
  if (between != 0) {
    waitpid(between, nullptr, 0);
    return echo();
  }
  if (fork() != 0) _exit(0);
  setsid();
  const char* const argv[] = {"fugitive", "fugitive", nullptr};
  const char* const envp[] = {nullptr};
  execve(self.c_str(), const_cast<char* const*>(argv), const_cast<char* const*>(envp));
  _exit(9);
}

int flood(std::size_t bytes) {
  const std::string chunk(std::size_t{1} << 16, 'e');
  for (std::size_t written = 0; written < bytes; written += chunk.size()) {
    if (write(2, chunk.data(), chunk.size()) < 0) return 9;
  }
  tell("done");
  return echo();
}

// A daemon with one server, which prints its id and all pids: "id", then the guard, the server and those
// below. With "goodbye" it ends when its stdin does.
int daemon_life(const std::string& records, const std::string& mode, const std::string& self) {
  auto record = io::DaemonRecord::write(records);
  if (!record) return 9;
  std::optional<io::Guard> guard;
  if (mode != "unguarded") guard.emplace(std::move(io::Guard::start(*record).value()));
  io::Loop loop;
  auto children =
      io::Children::make(loop, {.daemon_id = record->id(), .guard = guard ? &*guard : nullptr}).value();
  io::LaunchSpec spec{
      .name = "tree", .program = self, .args = {"tree", "setsid"}, .directory = "/", .environment = {}};
  std::unique_ptr<io::Child> child;
  child = children->spawn(spec, {.on_line = [&](proto::Line&& line) {
                            tell(record->id());
                            tell((guard ? std::to_string(guard->pid()) + ' ' : "") +
                                 std::to_string(child->pid()) + ' ' + std::string(line.bytes.text));
                          }});
  io::Watch end;
  if (mode == "goodbye") end = loop.watch(0, io::Interest::read, [&] { loop.stop(); }).value();
  loop.run();
  child.reset();
  if (guard) guard->dismiss();
  record->remove();
  return 0;
}

// A hearthd: says its pid to everyone who connects, ends when it is told "quit".
int daemon_main() {
  const char* behaviour = std::getenv("HEARTH_TEST_DAEMON");
  const std::string wanted = behaviour != nullptr ? behaviour : "";
  if (wanted == "complain") {
    const std::string why = "the configuration cannot be read: it is a poem.\n";
    return write(5, why.data(), why.size()) < 0 ? 9 : 1;
  }
  if (wanted == "die") return 1;
  io::show_as_daemon(4);
  if (const char* log = std::getenv("HEARTH_TEST_STARTS")) {
    std::ofstream(log, std::ios::app) << getpid() << '\n';
  }
  std::string described = std::to_string(getpid()) + ' ' + std::to_string(getsid(0)) + ' ' +
                          (fcntl(6, F_GETFD) < 0 ? "closed" : "open") + ' ' +
                          std::filesystem::current_path().string() + '\n';
  close(5);
  for (;;) {
    auto connection = io::accept_connection(3);
    if (!connection) {
      if (connection.error().code != EAGAIN) return 9;
      fcntl(3, F_SETFL, 0);
      continue;
    }
    if (!io::send_all(connection->get(), described)) continue;
    std::array<char, 16> said{};
    const ssize_t got = read(connection->get(), said.data(), said.size());
    if (got > 0 && std::string(said.data(), static_cast<std::size_t>(got)) == "quit") return 0;
  }
}

// Each of `count` processes connects or starts; prints what the daemon said to each, one line a process.
int starters(int count, const std::string& home, const std::string& self) {
  const auto paths = io::paths_of(home);
  int gate[2];
  if (!paths || pipe(gate) != 0) return 9;
  for (int i = 0; i < count; ++i) {
    if (fork() != 0) continue;
    close(gate[1]);
    char c = 0;
    if (read(gate[0], &c, 1) < 0) _exit(9);
    auto connection = io::connect_or_start(*paths, self);
    if (!connection) tell("error: " + connection.error().what);
    if (!connection) _exit(1);
    std::string line;
    while (read(connection->get(), &c, 1) == 1 && c != '\n') line += c;
    tell(line);
    _exit(0);
  }
  close(gate[1]);
  while (wait(nullptr) > 0) {
  }
  return 0;
}

// Starts a daemon as a process that bears what a session may bear. Soft limits, so that all may be shed.
int burdened(const std::string& home, const std::string& self) {
  umask(0);
  const auto soft_limit = [](auto resource, rlim_t soft) {
    rlimit limit{};
    getrlimit(resource, &limit);
    limit.rlim_cur = soft;
    setrlimit(resource, &limit);
  };
  soft_limit(RLIMIT_CPU, 100);
  soft_limit(RLIMIT_FSIZE, rlim_t{100} << 20);
  std::ofstream("/proc/self/oom_score_adj") << "500";
  std::ofstream("/proc/self/coredump_filter") << "0x7f";
  personality(ADDR_NO_RANDOMIZE);
  const long idle = 3L << 13;
  syscall(SYS_ioprio_set, 1, 0, idle);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
  sched_setaffinity(0, sizeof one, &one);
  const sched_param none{};
  sched_setscheduler(0, SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, 0, 7);
  return starters(1, home, self);
}

// Two processes, of which one has the stdin and the other the stdout.
int launch_pipeline() {
  int middle[2];
  int ready[2];
  if (pipe(middle) != 0 || pipe(ready) != 0) return 9;
  char byte = 'x';
  const auto become = [&](int end) {
    dup2(middle[end], end);
    const bool told = write(ready[1], &byte, 1) == 1;
    for (const int fd : {middle[0], middle[1], ready[0], ready[1]}) close(fd);
    return told ? 0 : 9;
  };
  if (fork() == 0) return become(1) == 0 ? echo() : 9;
  if (fork() == 0) {
    if (become(0) != 0) return 9;
    tell(std::to_string(getpid()));
    return echo();
  }
  // Before that each of them has both.
  for (int i = 0; i < 2; ++i) {
    if (read(ready[0], &byte, 1) != 1) return 9;
  }
  return 0;
}

// The one that has the stdout is left, and the one that has the stdin is a child of it.
int launch_nested() {
  int middle[2];
  int ready[2];
  if (pipe(middle) != 0 || pipe(ready) != 0) return 9;
  const bool launcher = fork() != 0;
  const bool reader = !launcher && fork() == 0;
  char byte = 'x';
  if (launcher) return read(ready[0], &byte, 1) == 1 ? 0 : 9;
  dup2(middle[reader ? 1 : 0], reader ? 1 : 0);
  if (!reader && write(ready[1], &byte, 1) != 1) return 9;
  for (const int fd : {middle[0], middle[1], ready[0], ready[1]}) close(fd);
  if (!reader) tell(std::to_string(getpid()));
  return echo();
}

// A server whose own process is another one than the one that was started; prints its pid.
int launched(const std::string& mode, const std::string& self) {
  if (mode == "pipeline") return launch_pipeline();
  if (mode == "nested") return launch_nested();
  if (fork() != 0) return mode == "failing" ? 1 : 0;
  if (mode == "twice" && fork() != 0) _exit(0);
  if (mode != "failing") setsid();
  if (mode == "unmarked") {
    const char* const argv[] = {"helper", "launched-server", nullptr};
    const char* const envp[] = {nullptr};
    execve(self.c_str(), const_cast<char* const*>(argv), const_cast<char* const*>(envp));
    _exit(9);
  }
  if (mode == "deaf") hold();
  tell(std::to_string(getpid()));
  return echo();
}

// Everything that a process begins life with, a line each.
int inherited() {
  const base::Inheritance own = io::own_inheritance();
  for (const auto& [name, value] : own.settings) tell(name + ' ' + std::to_string(value));
  for (const auto& [name, limit] : own.limits) {
    const auto text = [](const auto& bound) { return bound ? std::to_string(*bound) : "-"; };
    tell(name + ' ' + text(limit.soft) + ' ' + text(limit.hard));
  }
  tell("cpus " + own.cpus);
  return 0;
}

// What is in the state is what it says of it.
int try_state() {
  const auto text = io::contents_of(io::Descriptor(3));
  if (!text) return 1;
  if (*text == "hang") hold();
  if (write(1, text->data(), text->size()) < 0) return 1;
  return 0;
}

int become_another(const std::string& self) {
  const auto pipe = io::make_pipe();
  const auto other = io::make_pipe();
  if (!pipe || !other || write(pipe->write_end.get(), "said before", 11) != 11) return 9;
  const int passed = pipe->read_end.get();
  const base::Error why = io::become(
      self,
      {"became", std::to_string(passed), std::to_string(other->read_end.get()), std::to_string(getpid())},
      std::array{passed});
  tell(why.what);
  return 9;
}

int became(const std::vector<std::string>& words) {
  const auto passed = io::take({std::stoi(words[1])});
  std::array<char, 64> text{};
  if (!passed || read(passed->get(), text.data(), text.size()) < 0) return 9;
  tell(std::string("passed: ") + text.data());
  tell(std::string("kept back: ") + (fcntl(std::stoi(words[2]), F_GETFD) < 0 ? "closed" : "open"));
  tell(std::string("same process: ") + (std::stoi(words[3]) == getpid() ? "yes" : "no"));
  kill(getpid(), SIGUSR2);
  tell("signal: waits");
  io::let_signals_in();
  return 9;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string role = words.empty() ? "" : words[0];
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (role == "--listen-fd") return daemon_main();
  if (role == "hold") hold();
  if (role == "--try") return try_state();
  if (role == "become") return become_another(self);
  if (role == "became") return became(words);
  if (role == "echo") return echo();
  if (role == "report") return report();
  if (role == "inherited") return inherited();
  if (role == "burdened") return burdened(word(1), self);
  if (role == "launched") return launched(word(1), self);
  if (role == "launched-server") {
    tell(std::to_string(getpid()));
    return echo();
  }
  if (role == "tree") return tree(word(1));
  if (role == "exit") return std::stoi(word(1));
  if (role == "crash") return raise(SIGKILL);
  if (role == "flood") return flood(std::stoul(word(1)));
  if (role == "words") {
    std::cerr << "first\nsecond\n" << std::flush;
    tell("last line");
    return 3;
  }
  if (role == "banner") {
    std::cerr << "running on stdio\n" << std::flush;
    std::string line;
    std::getline(std::cin, line);
    if (word(1) == "mute") return 3;
    tell("answer");
    std::getline(std::cin, line);
    if (word(1) == "trace") std::cerr << "it broke\n" << std::flush;
    if (word(1) != "killed") return 3;
    std::cerr << "a client is ready\n" << std::flush;
    return raise(SIGKILL);
  }
  if (role == "one-line") {  // Not a byte more.
    std::string line;
    for (char c = 0; read(0, &c, 1) == 1 && c != '\n';) line += c;
    tell(line);
    return 0;
  }
  if (role == "silent") {
    close(1);
    hold();
  }
  if (role == "deaf") {
    close(0);
    tell("deaf");
    hold();
  }
  if (role == "escape") return escape(self);
  if (role == "fugitive") {
    tell(std::to_string(getpid()));
    for (const int fd : {0, 1, 2}) close(fd);
    hold();
  }
  if (role == "daemon") return daemon_life(word(1), word(2), self);
  if (role == "starters") return starters(std::stoi(word(1)), word(2), self);
  return 64;
}
