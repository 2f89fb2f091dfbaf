#include "io/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>

#include "io/clean_exec.h"
#include "io/clock.h"
#include "io/descriptor.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr std::size_t output_max = std::size_t{64} << 10;
constexpr int cannot_run = 127;

std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::vector<std::string> all = variables;
  const auto is_set = [&](std::string_view entry) {
    const std::string_view begin = entry.substr(0, entry.find('=') + 1);
    return std::ranges::any_of(variables, [&](const std::string& set) { return set.starts_with(begin); });
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_set(*entry)) all.emplace_back(*entry);
  }
  return all;
}

// False: it has not closed its output in time.
bool read_output(int from, base::Instant deadline, std::string& into) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    pollfd readable{from, POLLIN, 0};
    const int found = poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) return false;
    std::array<char, 4096> piece{};
    const ssize_t got = read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const std::size_t room = output_max - std::min(into.size(), output_max);
    into.append(piece.data(), std::min(static_cast<std::size_t>(got), room));
  }
}

int as_a_shell_counts(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Absent: it has not ended in time.
std::optional<int> wait_for(pid_t pid, base::Instant deadline) {
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) return as_a_shell_counts(status);
    if (now() >= deadline) return {};
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace

base::Result<CommandEnd> run_command(const std::vector<std::string>& words,
                                     const std::vector<std::string>& variables,
                                     std::chrono::milliseconds patience) {
  Pipe output = TRY(make_pipe());
  const Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const CleanExec exec(words.front(), words, environment_with(variables));
  const pid_t pid = fork();
  if (pid < 0) return system_failure("cannot start " + words.front());
  if (pid == 0) {
    setpgid(0, 0);  // So that what it starts can be killed with it.
    exec.run(std::array{null.get(), output.write_end.get(), output.write_end.get()});
    _exit(cannot_run);
  }
  output.write_end.reset();
  CommandEnd end;
  setpgid(pid, pid);  // Whichever of the two comes first.
  const base::Instant deadline = now() + patience;
  if (read_output(output.read_end.get(), deadline, end.output)) {
    if (const auto status = wait_for(pid, deadline)) {
      end.status = *status;
      return end;
    }
  }
  kill(-pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return base::failure(
      words.front() + " did not end within " +
          std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
          " s, and was killed",
      ETIMEDOUT);
}

std::string program_in_path(const std::string& name) {
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + '/' + name;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    struct stat status{};
    const bool there = candidate.starts_with('/') && stat(candidate.c_str(), &status) == 0;
    if (there && S_ISREG(status.st_mode) && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace io
