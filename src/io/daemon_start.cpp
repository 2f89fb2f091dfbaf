#include "io/daemon_start.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

#include "io/apart.h"
#include "io/clean_exec.h"
#include "io/clock.h"
#include "io/confinement.h"
#include "io/daemon_lock.h"
#include "io/files.h"
#include "io/inheritance.h"
#include "io/process_table.h"
#include "io/system_error.h"
#include "io/unix_socket.h"

namespace io {

namespace {

constexpr off_t daemon_log_max = off_t{1} << 20;
constexpr std::size_t complaint_max = 4096;
const std::vector<std::string> started_with = {"--listen-fd", "3", "--lock-fd", "4", "--ready-fd", "5"};

// What a daemon needs of the environment it is started from; sessions bring theirs along.
bool wanted_by_daemon(std::string_view variable) {
  constexpr std::array exact = {"HOME",
                                "USER",
                                "LOGNAME",
                                "SHELL",
                                "PATH",
                                "LANG",
                                "TZ",
                                "TMPDIR",
                                "HTTPS_PROXY",
                                "https_proxy",
                                "http_proxy",
                                "ALL_PROXY",
                                "all_proxy",
                                "NO_PROXY",
                                "no_proxy",
                                "SSL_CERT_FILE",
                                "SSL_CERT_DIR",
                                "ASAN_OPTIONS",
                                "UBSAN_OPTIONS",
                                "TSAN_OPTIONS",
                                "LSAN_OPTIONS",
                                "LD_LIBRARY_PATH"};
  const std::string_view name = variable.substr(0, variable.find('='));
  if (name == "HEARTH_INSTANCE")
    return false;  // A daemon started from inside a server does not belong to it.
  if (name.starts_with("HEARTH_") || name.starts_with("LC_")) return true;
  return std::ranges::find(exact, name) != exact.end();
}

std::vector<std::string> daemon_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (wanted_by_daemon(*entry)) kept.emplace_back(*entry);
  }
  return kept;
}

Descriptor open_daemon_log(const Paths& paths) {
  if (make_private_directory(paths.state_dir)) {
    struct stat status{};
    if (stat(paths.daemon_log.c_str(), &status) == 0 && status.st_size > daemon_log_max) {
      rename(paths.daemon_log.c_str(), (paths.daemon_log + ".1").c_str());
    }
    Descriptor log(open(paths.daemon_log.c_str(),
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (log && fstat(log.get(), &status) == 0 && S_ISREG(status.st_mode)) return log;
  }
  return Descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

struct DaemonDescriptors {
  int listener;
  int lock;
  int ready;
  int log;
};

// Runs in the process that becomes the daemon. One thread, so everything may be called.
[[noreturn]] void become_daemon(const std::string& binary, const CleanExec& exec,
                                DaemonDescriptors descriptors) {
  setsid();
  shed_inheritance();
  note_holder(descriptors.lock);
  const int out_of_the_way = static_cast<int>(CleanExec::descriptors_max);
  const int complaints = fcntl(descriptors.ready, F_DUPFD_CLOEXEC, out_of_the_way);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (chdir("/") != 0) _exit(126);
  const int code = exec.run(
      std::array{null, null, descriptors.log, descriptors.listener, descriptors.lock, descriptors.ready});
  const std::string complaint = system_error("cannot run the daemon " + binary, code).what;
  const ssize_t told = write(complaints, complaint.data(), complaint.size());
  _exit(told < 0 ? 126 : 127);
}

std::vector<std::string> daemon_arguments(const Paths& paths, std::vector<std::string> descriptors) {
  std::vector<std::string> arguments = {"hearthd"};
  arguments.insert(arguments.end(), descriptors.begin(), descriptors.end());
  if (!paths.home.empty()) arguments.insert(arguments.end(), {"--home", paths.home});
  if (!paths.apart.empty()) arguments.insert(arguments.end(), {"--apart", paths.apart});
  return arguments;
}

base::Result<void> spawn_daemon(const Paths& paths, const std::string& binary,
                                DaemonDescriptors descriptors) {
  const CleanExec exec(binary, daemon_arguments(paths, started_with), daemon_environment());

  // Two forks: the daemon is nobody's child, so nobody has to wait for it.
  const pid_t between = fork();
  if (between < 0) return system_failure("cannot start the daemon");
  if (between == 0) {
    const pid_t daemon = fork();
    if (daemon == 0) become_daemon(binary, exec, descriptors);
    _exit(daemon < 0 ? 1 : 0);
  }
  int status = 0;
  while (waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  return {};
}

// What the daemon says before it closes the pipe: nothing when it is ready.
base::Result<std::string> wait_until_ready(int ready, base::Instant deadline) {
  std::string said;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    pollfd readable{ready, POLLIN, 0};
    const int found = poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (found < 0 && errno == EINTR) continue;
    if (found < 0) return system_failure("cannot wait for the daemon");
    if (found == 0) return base::failure("the daemon was started, but is not getting ready", ETIMEDOUT);
    char piece[512];
    const ssize_t got = read(ready, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot hear from the daemon");
    if (got == 0) break;
    if (said.size() < complaint_max) said.append(piece, static_cast<std::size_t>(got));
  }
  while (!said.empty() && (said.back() == '\n' || said.back() == '.')) said.pop_back();
  return said;
}

// Closing the pipe is what a ready daemon does and what a dying one cannot help doing. For a moment after
// that, the socket of a dying one still takes connections.
bool daemon_is_ending(const Paths& paths) {
  const auto text = read_small_file(paths.lock, 32);
  pid_t pid = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc())
    return false;
  const auto process = process_of(pid);
  return !process || process->ending || process->zombie;
}

bool nobody_there(const base::Error& error) {
  return error.code == ENOENT || error.code == ECONNREFUSED || error.code == EAGAIN;
}

// The caller holds the lock, and nobody answers.
base::Result<Descriptor> fresh_socket(const Paths& paths) {
  if (unlink(paths.socket.c_str()) != 0 && errno != ENOENT) {
    return system_failure("cannot remove the stale socket " + paths.socket);
  }
  return listen_on(paths.socket);
}

base::Result<Descriptor> start(const Paths& paths, const std::string& binary, Descriptor lock,
                               StartPatience patience) {
  Descriptor listener = TRY(fresh_socket(paths));
  Pipe ready = TRY(make_pipe());
  const Descriptor log = open_daemon_log(paths);
  const auto spawned =
      spawn_daemon(paths, binary, {listener.get(), lock.get(), ready.write_end.get(), log.get()});
  if (!spawned) return std::unexpected(spawned.error());
  // From here on the daemon alone holds them: when it dies, the lock is free and the socket is dead.
  listener.reset();
  lock.reset();
  ready.write_end.reset();

  const auto said = wait_until_ready(ready.read_end.get(), now() + patience.ready);
  if (!said) return base::failure(said.error().what + "; see " + paths.daemon_log, said.error().code);
  if (!said->empty()) return base::failure(*said);
  auto connection = connect_existing(paths);
  if (daemon_is_ending(paths) || (!connection && nobody_there(connection.error()))) {
    return base::failure("the daemon ended as soon as it was started; see " + paths.daemon_log, ECONNREFUSED);
  }
  return connection;
}

}  // namespace

base::Result<Descriptor> connect_existing(const Paths& paths) {
  auto connection = connect_to(paths.socket);
  if (!connection) {
    // What is wrong with the directory says more than that something below it cannot be reached.
    if (!nobody_there(connection.error())) TRY(check_run_directory(paths));
    return connection;
  }
  TRY(check_peer(connection->get()));
  return connection;
}

base::Result<Descriptor> connect_running(const Paths& paths) {
  if (lock_is_free(paths)) return system_failure("no daemon is behind " + paths.socket, ENOENT);
  return connect_existing(paths);
}

Paths own_paths(const Paths& paths) {
  Paths apart = paths_apart(paths, name_of_surroundings(own_inheritance()));
  if (connect_running(apart)) return apart;
  const std::vector<Paths> living = living_daemons(paths);
  return living.empty() ? paths : living.front();
}

base::Result<Descriptor> connect_own(const Paths& paths) {
  return connect_running(own_paths(paths));
}

namespace {

// Either the lock, or a connection to a daemon that has come up meanwhile.
struct Claim {
  Descriptor lock;
  Descriptor connection;
};

base::Result<Claim> claim(const Paths& paths, StartPatience patience) {
  auto connection = connect_existing(paths);
  if (connection) return Claim{{}, std::move(*connection)};
  if (!nobody_there(connection.error())) return std::unexpected(connection.error());
  TRY(prepare_run_directory(paths));

  Claim claimed;
  Descriptor lock = TRY(open_lock(paths));
  const auto decide = [&]() -> base::Result<bool> {
    const bool taken = TRY(try_lock(paths, lock));
    connection = connect_existing(paths);
    if (connection) {
      claimed.connection = std::move(*connection);
      return true;
    }
    if (!nobody_there(connection.error())) return std::unexpected(connection.error());
    if (!taken) return false;
    if (connection.error().code == EAGAIN) {
      // A service manager listens, and so many wait for the daemon that it starts that no more may.
      flock(lock.get(), LOCK_UN);
      return false;
    }
    note_holder(lock.get());
    claimed.lock = std::move(lock);
    return true;
  };
  if (TRY(wait_for_lock(patience.lock, decide))) return claimed;
  return base::failure("the daemon does not answer, and " + holder_of(paths) + " holds " + paths.lock +
                           "; if it hangs, '" + hearth_for(paths) + " shutdown --force' ends it",
                       ETIMEDOUT);
}

// With the socket of a service manager a connection says nothing: it waits for the daemon to be. The lock
// alone tells.
base::Result<Descriptor> claim_for_service(const Paths& paths, StartPatience patience) {
  TRY(prepare_run_directory(paths));
  Descriptor lock = TRY(open_lock(paths));
  if (!TRY(wait_for_lock(patience.lock, [&] { return try_lock(paths, lock); }))) {
    return base::failure("a daemon runs already (" + holder_of(paths) +
                             "), which the service manager did not start; it goes on serving its sessions. "
                             "End it with '" +
                             hearth_for(paths) + " shutdown --force', and the service serves them",
                         EEXIST);
  }
  note_holder(lock.get());
  return lock;
}

base::Error runs_already(const Paths& paths) {
  return {.what = "a daemon runs already (" + holder_of(paths) + "); end it with '" + hearth_for(paths) +
                  " shutdown' first",
          .code = EEXIST};
}

base::Error listened_for(const Paths& paths) {
  return {.what = "a service manager listens on " + paths.socket +
                  ", and starts the daemon when a session comes: nothing has to be started. To run it here, "
                  "'systemctl --user stop hearthd.socket' first",
          .code = EEXIST};
}

}  // namespace

base::Result<Descriptor> connect_or_start(const Paths& paths, const std::string& daemon_binary,
                                          StartPatience patience) {
  Claim claimed = TRY(claim(paths, patience));
  if (claimed.connection) return std::move(claimed.connection);
  return start(paths, daemon_binary, std::move(claimed.lock), patience);
}

base::Result<void> expect_no_daemon(const Paths& paths, StartPatience patience) {
  const Claim claimed = TRY(claim(paths, patience));
  if (claimed.connection) return std::unexpected(runs_already(paths));
  return {};
}

namespace {

void add_activation(const Activation& activation, bool passed, std::vector<std::string>& arguments,
                    std::vector<int>& descriptors) {
  if (passed) arguments.insert(arguments.end(), {"--passed-socket", "yes"});
  if (activation.port) {
    arguments.insert(arguments.end(), {"--port-fd", std::to_string(descriptors.size())});
    descriptors.push_back(activation.port.get());
  }
  if (activation.notify.socket.empty()) return;
  arguments.insert(arguments.end(), {"--notify", activation.notify.socket, "--watchdog-us",
                                     std::to_string(activation.notify.watchdog.count())});
}

}  // namespace

base::Error become_the_daemon(const Paths& paths, const std::string& daemon_binary,
                              const std::vector<std::string>& options, Activation activation,
                              StartPatience patience) {
  const bool passed = static_cast<bool>(activation.sessions);
  const bool none = lock_is_free(paths);
  Claim claimed;
  if (passed) {
    auto lock = claim_for_service(paths, patience);
    if (!lock) return lock.error();
    claimed.lock = std::move(*lock);
  } else {
    auto made = claim(paths, patience);
    if (!made) return made.error();
    claimed = std::move(*made);
  }
  if (claimed.connection) return none ? listened_for(paths) : runs_already(paths);
  auto listener = passed ? base::Result<Descriptor>(std::move(activation.sessions)) : fresh_socket(paths);
  if (!listener) return listener.error();
  const Descriptor nobody_waits(open("/dev/null", O_RDWR | O_CLOEXEC));
  std::vector<std::string> arguments = daemon_arguments(paths, started_with);
  arguments.insert(arguments.end(), options.begin(), options.end());
  std::vector<int> descriptors = {STDIN_FILENO,    STDOUT_FILENO,      STDERR_FILENO,
                                  listener->get(), claimed.lock.get(), nobody_waits.get()};
  add_activation(activation, passed, arguments, descriptors);
  const CleanExec exec(daemon_binary, std::move(arguments), daemon_environment());
  return system_error("cannot run the daemon " + daemon_binary, exec.run(descriptors));
}

base::Error take_the_daemons_place(const Paths& paths, const std::string& daemon_binary,
                                   const std::vector<std::string>& options, const Descriptor& peer,
                                   const Activation& activation) {
  std::vector<std::string> arguments = daemon_arguments(paths, {"--take-over-fd", "3"});
  arguments.insert(arguments.end(), options.begin(), options.end());
  std::vector<int> descriptors = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, peer.get()};
  const bool passed = static_cast<bool>(activation.sessions);
  if (passed) {
    arguments.insert(arguments.end(), {"--listen-fd", std::to_string(descriptors.size())});
    descriptors.push_back(activation.sessions.get());
  }
  add_activation(activation, passed, arguments, descriptors);
  const CleanExec exec(daemon_binary, std::move(arguments), daemon_environment());
  return system_error("cannot run the daemon " + daemon_binary, exec.run(descriptors));
}

base::Result<std::string> find_daemon_binary() {
  std::array<char, 4096> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  if (length > 0) {
    const std::string_view path(self.data(), static_cast<std::size_t>(length));
    std::string beside(path.substr(0, path.find_last_of('/') + 1));
    beside += "hearthd";
    if (access(beside.c_str(), X_OK) == 0) return beside;
  }
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/hearthd";
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (candidate.starts_with('/') && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return base::failure("cannot find hearthd: it is neither next to hearth nor in PATH; install it there");
}

}  // namespace io
