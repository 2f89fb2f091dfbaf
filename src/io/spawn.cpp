#include "io/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "io/clean_exec.h"
#include "io/inheritance.h"
#include "io/system_error.h"

namespace io {

namespace {

// What a pipe holds when the user's limits allow: fewer changes between writer and reader for a large
// message.
constexpr int pipe_bytes = 256 * 1024;

enum class Step : int { prepare, directory, program };

struct Report {
  Step step;
  int code;
};

struct ChildSetup {
  const Bequest& bequest;
  pid_t parent;
  int report;
  std::array<int, 3> standard;
};

std::vector<std::string> arguments_of(const SpawnSpec& spec) {
  std::vector<std::string> arguments = {spec.program};
  arguments.insert(arguments.end(), spec.args.begin(), spec.args.end());
  return arguments;
}

std::vector<std::string> environment_of(const SpawnSpec& spec) {
  std::vector<std::string> environment;
  environment.reserve(spec.environment.size());
  for (const auto& [name, value] : spec.environment) environment.push_back(name + '=' + value);
  return environment;
}

[[noreturn]] void fail_in_child(int report, Step step, int code) {
  const Report text{step, code};
  const ssize_t told = write(report, &text, sizeof text);
  _exit(told == sizeof text ? 127 : 126);
}

// Between fork and exec: system calls only.
[[noreturn]] void become_program(const SpawnSpec& spec, const CleanExec& exec, const ChildSetup& setup) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != setup.parent) _exit(126);  // It died before we asked to be told.
  if (spec.cgroup_entrance >= 0 && write(spec.cgroup_entrance, "0", 1) < 0) {
    // Not in the group: the mark finds it all the same.
  }
  setup.bequest.apply_settings();
  const int code = exec.place(setup.standard, setup.report);
  if (code != 0) _exit(126);
  const int report = static_cast<int>(setup.standard.size());
  if (chdir(spec.directory.c_str()) != 0) fail_in_child(report, Step::directory, errno);
  fail_in_child(report, Step::program, exec.run(setup.bequest));
}

base::Error sentence_of(const SpawnSpec& spec, const Report& report) {
  switch (report.step) {
    case Step::prepare:
      return system_error("cannot make a process", report.code);
    case Step::directory:
      return system_error("cannot enter its directory " + spec.directory, report.code);
    case Step::program:
      break;
  }
  if (report.code == ENOENT && access(spec.program.c_str(), F_OK) == 0) {
    return {"cannot run " + spec.program + ": the interpreter that its first line names does not exist",
            ENOENT};
  }
  if (report.code == E2BIG) {
    return {"cannot run " + spec.program + ": its arguments and environment together are too long", E2BIG};
  }
  return system_error("cannot run " + spec.program, report.code);
}

}  // namespace

base::Result<SpawnPipes> make_spawn_pipes() {
  Pipe input = TRY(make_pipe());
  Pipe output = TRY(make_pipe());
  Pipe errors = TRY(make_pipe());
  Pipe report = TRY(make_pipe());
  fcntl(input.write_end.get(), F_SETPIPE_SZ, pipe_bytes);
  fcntl(output.read_end.get(), F_SETPIPE_SZ, pipe_bytes);
  return SpawnPipes{.ours = {.input = std::move(input.write_end),
                             .output = std::move(output.read_end),
                             .errors = std::move(errors.read_end),
                             .report = std::move(report.read_end)},
                    .theirs = {.input = std::move(input.read_end),
                               .output = std::move(output.write_end),
                               .errors = std::move(errors.write_end),
                               .report = std::move(report.write_end)}};
}

std::expected<pid_t, int> fork_program(const SpawnSpec& spec, const PipeEndsOfOne& theirs) {
  const CleanExec exec(spec.program, arguments_of(spec), environment_of(spec));
  const Bequest bequest(spec.inheritance);
  const ChildSetup setup{
      bequest, getpid(), theirs.report.get(), {theirs.input.get(), theirs.output.get(), theirs.errors.get()}};

  // A signal that came between fork and exec would run our handler in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Without the handlers of libraries: in a guard that was forked from a daemon, libuv's would close
  // descriptors by the numbers that they had there.
  const pid_t pid = _Fork();
  if (pid == 0) become_program(spec, exec, setup);
  const int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return std::unexpected(code);
  return pid;
}

base::Error fork_failure(const SpawnSpec& spec, int code) {
  return sentence_of(spec, {Step::prepare, code});
}

std::optional<base::Error> exec_failure(const SpawnSpec& spec, const Descriptor& report) {
  Report text{};
  ssize_t got = 0;
  do got = read(report.get(), &text, sizeof text);
  while (got < 0 && errno == EINTR);
  if (got != sizeof text) return {};
  return sentence_of(spec, text);
}

base::Error exec_too_late(const SpawnSpec& spec) {
  return sentence_of(spec, {Step::program, ETIMEDOUT});
}

}  // namespace io
