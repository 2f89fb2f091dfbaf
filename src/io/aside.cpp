#include "io/aside.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "io/clock.h"
#include "io/descriptor.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr int report_fd = 3;

// In front of the text.
struct Head {
  int failed;  // 1: the text is a sentence, and `code` belongs to it.
  int code;
};

void put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(report_fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// All signals stay blocked, as they were for the fork: the handlers are those of the daemon.
[[noreturn]] void do_it(const std::function<base::Result<std::string>()>& work, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (report != report_fd && dup2(report, report_fd) < 0) _exit(1);
  close_from(report_fd + 1);
  const base::Result<std::string> outcome = work();
  const Head head{outcome ? 0 : 1, outcome ? 0 : outcome.error().code};
  put({reinterpret_cast<const char*>(&head), sizeof head});
  put(outcome ? *outcome : outcome.error().what);
  _exit(0);
}

// Until its end. False: it is late.
bool hear(int report, std::size_t bytes_max, base::Instant give_up, std::string& into) {
  std::array<char, 16384> piece;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - now()).count();
    pollfd readable{report, POLLIN, 0};
    const int found = poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (found == 0 && left <= 0) return false;
    if (found <= 0) continue;
    const ssize_t got = read(report, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    into.append(piece.data(), std::min(static_cast<std::size_t>(got), bytes_max - into.size()));
  }
}

}  // namespace

base::Result<std::string> aside(const std::function<base::Result<std::string>()>& work, std::size_t bytes_max,
                                base::Duration patience) {
  Pipe pipe = TRY(make_pipe());
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) do_it(work, pipe.write_end.get());
  const int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_failure("cannot make a process", code);
  pipe.write_end.reset();

  std::string said;
  if (!hear(pipe.read_end.get(), sizeof(Head) + bytes_max, now() + patience, said)) {
    kill(pid, SIGKILL);  // io/children reaps it once the system lets go of it.
    waitpid(pid, nullptr, WNOHANG);
    return base::failure("it takes too long", ETIMEDOUT);
  }
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  Head head{};
  if (said.size() < sizeof head) return base::failure("the process for it ended too early", EIO);
  std::memcpy(&head, said.data(), sizeof head);
  said.erase(0, sizeof head);
  if (head.failed != 0) return base::failure(std::move(said), head.code);
  return said;
}

}  // namespace io
