// hearthd: one per user, started by the first shim that needs it. See docs/shim-protocol.md for what it is
// handed.
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "app/config/config_file.h"
#include "app/config/report.h"
#include "app/daemon.h"
#include "app/daemon_state.h"
#include "base/version.h"
#include "io/apart_sweep.h"
#include "io/clock.h"
#include "io/daemon_end.h"
#include "io/daemon_lock.h"
#include "io/guard.h"
#include "io/handover.h"
#include "io/inheritance.h"
#include "io/leftovers.h"
#include "io/passed.h"
#include "io/paths.h"
#include "io/successor.h"

namespace {

struct Arguments {
  std::optional<std::string> home;
  std::optional<std::string> apart;
  int listen_fd = -1;
  int lock_fd = -1;
  int ready_fd = -1;
  int try_fd = -1;        // Of a state that is only to be read.
  int take_over_fd = -1;  // Where another process hands over what it has as the daemon.
  int resume_fd = -1;     // The state of the program that this process was before.
  int port_fd = -1;
  bool foreground = false;
  bool passed_socket = false;
  std::optional<std::string> notify;
  std::uint64_t watchdog_us = 0;
  std::optional<std::uint16_t> port;  // Instead of the configuration's.
  std::optional<std::string> address;
  std::optional<std::string> certificate;
  std::optional<std::string> key;
  std::optional<std::string> record;
  bool record_contents = false;

  std::optional<std::string>* text(std::string_view flag) {
    return flag == "--home"          ? &home
           : flag == "--apart"       ? &apart
           : flag == "--address"     ? &address
           : flag == "--certificate" ? &certificate
           : flag == "--key"         ? &key
           : flag == "--record"      ? &record
           : flag == "--notify"      ? &notify
                                     : nullptr;
  }
};

constexpr const char* usage =
    "usage: hearthd --listen-fd N --lock-fd N --ready-fd N [--home DIR] [--apart NAME] [--foreground yes]\n"
    "               [--port N] [--address A] [--certificate FILE] [--key FILE]\n"
    "               [--record FILE] [--record-contents yes]\n"
    "               [--passed-socket yes] [--port-fd N] [--notify SOCKET] [--watchdog-us N]\n"
    "       hearthd --check-config FILE\n"
    "\n"
    "The daemon of Hearth. It is not started by hand: `hearth run` and `hearth attach` start it\n"
    "when they need it, and `hearth serve` becomes it. See `hearth --help`.\n";

template <class Number>
bool number_of(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Arguments> read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string_view value = argv[i + 1];
    if (std::optional<std::string>* const text = arguments.text(flag)) {
      *text = value;
      continue;
    }
    if (flag == "--foreground") {
      arguments.foreground = true;
      continue;
    }
    if (flag == "--record-contents") {
      arguments.record_contents = true;
      continue;
    }
    if (flag == "--passed-socket") {
      arguments.passed_socket = true;
      continue;
    }
    if (flag == "--watchdog-us") {
      if (!number_of(value, arguments.watchdog_us)) return std::nullopt;
      continue;
    }
    if (flag == "--port") {
      if (!number_of(value, arguments.port.emplace())) return std::nullopt;
      continue;
    }
    int* const target = flag == "--listen-fd"      ? &arguments.listen_fd
                        : flag == "--lock-fd"      ? &arguments.lock_fd
                        : flag == "--ready-fd"     ? &arguments.ready_fd
                        : flag == "--port-fd"      ? &arguments.port_fd
                        : flag == "--resume-fd"    ? &arguments.resume_fd
                        : flag == "--take-over-fd" ? &arguments.take_over_fd
                        : flag == "--try"          ? &arguments.try_fd
                                                   : nullptr;
    if (target == nullptr) return std::nullopt;
    if (!number_of(value, *target)) return std::nullopt;
  }
  if (argc % 2 == 0) return std::nullopt;
  if (arguments.take_over_fd >= 0) return arguments;
  const bool starts = arguments.ready_fd >= 0 || arguments.resume_fd >= 0 || arguments.try_fd >= 0;
  if (arguments.listen_fd < 0 || arguments.lock_fd < 0 || !starts) return std::nullopt;
  return arguments;
}

// The arguments that another program needs to be what this one is.
std::vector<std::string> lasting(int argc, char** argv) {
  std::vector<std::string> kept;
  const bool takes_over = std::any_of(
      argv, argv + argc, [](const char* word) { return std::string_view(word) == "--take-over-fd"; });
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--ready-fd" || flag == "--resume-fd" || flag == "--take-over-fd") continue;
    if (takes_over && (flag == "--listen-fd" || flag == "--port-fd")) continue;  // They get other numbers.
    kept.insert(kept.end(), {argv[i], argv[i + 1]});
  }
  return kept;
}

// A core holds the environments of the sessions. If one is asked for, it lands where nobody else can read it.
void become_private(const std::string& directory) {
  umask(077);
  io::raise_own_limits();
  rlimit cpu{};
  getrlimit(RLIMIT_CPU, &cpu);
  // Before the limit ends it, the daemon makes way for the next one: see app::Daemon::open().
  if (cpu.rlim_max != RLIM_INFINITY && cpu.rlim_max > 1) cpu.rlim_cur = cpu.rlim_max - 1;
  setrlimit(RLIMIT_CPU, &cpu);
  signal(SIGXFSZ, SIG_IGN);  // A full quota costs a line of the log, not everybody's calls.
  const char* asked = std::getenv("HEARTH_CORE_DUMPS");
  const bool dumpable = asked != nullptr && std::string_view(asked) == "yes";
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  core.rlim_cur = dumpable ? core.rlim_max : 0;
  setrlimit(RLIMIT_CORE, &core);
  prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0);
  if (dumpable && chdir(directory.c_str()) != 0) return;  // It stays in the root directory.
}

// Its own path, for the day on which it is replaced.
std::string own_program() {
  std::error_code failed;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", failed);
  constexpr std::string_view gone = " (deleted)";
  if (path.ends_with(gone)) path.resize(path.size() - gone.size());
  return path;
}

base::Result<io::Paths> paths_of(const Arguments& arguments) {
  io::Paths paths = TRY(io::paths_of(arguments.home));
  return arguments.apart ? io::paths_apart(paths, *arguments.apart) : paths;
}

// What does not depend on what this process was before.
app::DaemonParts parts_of(const Arguments& arguments, std::vector<std::string> lasting) {
  return {.paths = {},
          .listener = {},
          .foreground = arguments.foreground,
          .passed_socket = arguments.passed_socket,
          .notify = {.socket = arguments.notify.value_or(""),
                     .watchdog = std::chrono::microseconds(arguments.watchdog_us)},
          .port = arguments.port,
          .address = arguments.address,
          .certificate = arguments.certificate,
          .key = arguments.key,
          .program = own_program(),
          .arguments = std::move(lasting),
          .record = arguments.record.value_or(""),
          .record_contents = arguments.record_contents};
}

// Until it is told to end; then nothing is left.
void serve(std::unique_ptr<app::Daemon> daemon, io::DaemonRecord& record, io::Guard& guard) {
  daemon->run();
  daemon.reset();
  record.remove();
  guard.dismiss();
}

base::Result<void> begin(const Arguments& arguments, app::DaemonParts parts, io::Descriptor& ready) {
  parts.paths = TRY(paths_of(arguments));
  const io::Paths& paths = parts.paths;
  if (arguments.apart) io::sweep_apart(paths);
  parts.listener = TRY(io::adopt(arguments.listen_fd));
  if (arguments.port_fd >= 0) parts.port_socket = TRY(io::adopt(arguments.port_fd));
  const io::Descriptor lock = TRY(io::adopt(arguments.lock_fd));  // Held for life.
  io::show_as_daemon(lock.get());
  // Without it there are no logs, which the daemon says. Everything else works.
  if (const auto logs = io::make_private_directory(paths.log_dir); !logs) parts.no_logs = logs.error().what;
  TRY(io::make_private_directory(paths.records_dir));
  parts.process.inheritance = io::own_inheritance();
  parts.process.reach = io::inheritance_within_reach();
  become_private(paths.state_dir);
  const io::Swept swept = io::sweep_leftovers(paths.records_dir);
  io::DaemonRecord record = TRY(io::DaemonRecord::write(paths.records_dir));
  io::Guard guard = TRY(io::Guard::start(record));
  parts.process.record = record;
  parts.guard = &guard;
  parts.process.lock = io::pass(lock);
  const std::string socket = paths.socket;
  auto made = app::Daemon::make(std::move(parts));
  if (!made) {
    // No daemon will ever answer there; a service manager starts another.
    if (!arguments.passed_socket) unlink(socket.c_str());
    record.remove();
    guard.dismiss();
    return std::unexpected(made.error());
  }
  std::unique_ptr<app::Daemon> daemon = std::move(*made);
  if (swept.daemons != 0) {
    daemon->log().warning("an earlier daemon had died; " + std::to_string(swept.processes) +
                          " processes that it left were ended");
  }
  ready.reset();
  serve(std::move(daemon), record, guard);
  return {};
}

// The file and its text end here; they may be large.
base::Result<app::DaemonState> state_passed(int fd) {
  const io::Descriptor file = TRY(io::adopt(fd));
  const std::string text = TRY(io::contents_of(file));
  return app::state_from(text);
}

// The process is the daemon already. If that fails it dies without a goodbye, and the guard ends what it has
// left.
base::Result<void> go_on(app::DaemonState state, app::DaemonParts parts) {
  io::continue_clock(state.process.clock_went_back);
  const io::Descriptor lock = TRY(io::take(state.process.lock));
  io::show_as_daemon(lock.get());
  io::note_holder(lock.get());
  if (const auto logs = io::make_private_directory(parts.paths.log_dir); !logs)
    parts.no_logs = logs.error().what;
  become_private(parts.paths.state_dir);
  io::DaemonRecord record = state.process.record;
  io::Guard guard = TRY(io::Guard::resume(state.process.guard, record));
  parts.process = state.process;
  parts.guard = &guard;
  std::unique_ptr<app::Daemon> daemon = TRY(app::Daemon::resume(std::move(parts), std::move(state)));
  io::let_signals_in();
  serve(std::move(daemon), record, guard);
  return {};
}

// Under another program so far.
base::Result<void> go_on_in_place(const Arguments& arguments, app::DaemonParts parts) {
  app::DaemonState state = TRY(state_passed(arguments.resume_fd));
  parts.paths = TRY(paths_of(arguments));
  return go_on(std::move(state), std::move(parts));
}

// Servers live where the daemon did that has started them.
base::Result<void> can_take_over(const std::string& text) {
  TRY(app::can_go_on_from(text));
  const app::DaemonState state = TRY(app::state_from(text));
  if (state.process.inheritance.confines == io::own_inheritance().confines) return {};
  return base::failure(
      "it has other surroundings (namespaces, groups) than the process that was to take its place");
}

// What another process was so far.
base::Result<void> take_over(const Arguments& arguments, app::DaemonParts parts) {
  parts.paths = TRY(paths_of(arguments));
  io::Descriptor peer = TRY(io::adopt(arguments.take_over_fd));
  become_private(parts.paths.state_dir);
  std::vector<io::Descriptor*> own = {&parts.listener, &parts.port_socket};
  if (arguments.listen_fd >= 0) parts.listener = TRY(io::adopt(arguments.listen_fd));
  if (arguments.port_fd >= 0) parts.port_socket = TRY(io::adopt(arguments.port_fd));
  auto text = io::take_over_from(peer, can_take_over, own);
  if (!text) return base::failure("the daemon that runs does not hand over: " + text.error().what);
  app::DaemonState state = TRY(app::state_from(*text));
  TRY(state.process.record.renew());
  const int listener =
      parts.listener ? parts.listener.get() : state.front.socket(app::HttpOrigin::Kind::local_socket).number;
  parts.arguments.insert(parts.arguments.end(), {"--listen-fd", std::to_string(listener), "--lock-fd",
                                                 std::to_string(state.process.lock.number)});
  peer.reset();
  return go_on(std::move(state), std::move(parts));
}

// The state and the arguments are read, and nothing is done.
int try_state(int fd) {
  const auto verdict = [&]() -> base::Result<void> {
    const io::Descriptor file = TRY(io::adopt(fd));
    const std::string text = TRY(io::contents_of(file));
    return app::can_go_on_from(text);
  }();
  std::printf("%s\n", verdict ? "ok" : verdict.error().what.c_str());
  return verdict ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && (std::strcmp(argv[1], "--version") == 0)) {
    std::printf("hearthd %s\n", std::string(base::version).c_str());
    return 0;
  }
  if (argc == 3 && std::strcmp(argv[1], "--check-config") == 0) {
    app::ConfigFile file(argv[2]);
    file.load();
    std::printf("%s\n", app::report_on(file.in_force()).c_str());
    return 0;
  }
  const std::optional<Arguments> arguments = read_arguments(argc, argv);
  if (!arguments) {
    const bool asked = argc == 2 && std::strcmp(argv[1], "--help") == 0;
    std::fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : 2;
  }
  // Fixed, because left alone the thresholds grow with the messages and their memory stays here: large ones
  // are mapped and go back to the system, those of a megabyte are not worth that.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  mallopt(M_ARENA_MAX, 1);

  if (arguments->try_fd >= 0) return try_state(arguments->try_fd);
  app::DaemonParts parts = parts_of(*arguments, lasting(argc, argv));
  if (arguments->resume_fd >= 0 || arguments->take_over_fd >= 0) {
    const auto outcome = arguments->resume_fd >= 0 ? go_on_in_place(*arguments, std::move(parts))
                                                   : take_over(*arguments, std::move(parts));
    if (outcome) return 0;
    std::fprintf(stderr, "hearthd: %s\n", outcome.error().what.c_str());
    return 1;
  }
  auto ready = io::adopt(arguments->ready_fd);
  if (!ready) {
    std::fprintf(stderr, "hearthd: %s\n", ready.error().what.c_str());
    return 1;
  }
  const auto outcome = begin(*arguments, std::move(parts), *ready);
  if (outcome) return 0;
  std::fprintf(stderr, "hearthd: %s\n", outcome.error().what.c_str());
  if (*ready) dprintf(ready->get(), "%s", outcome.error().what.c_str());
  return 1;
}
