#include "io/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "io/system_error.h"

namespace io {

namespace {

constexpr char goodbye = 'q';
constexpr int lifeline_fd = 3;

// Everything the daemon has open is closed: the lock and the socket must die with it.
bool keep_only(int lifeline) {
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  if (lifeline != lifeline_fd && dup2(lifeline, lifeline_fd) < 0) return false;
  close_from(lifeline_fd + 1);
  return true;
}

[[noreturn]] void stand_guard(const DaemonRecord& record, int lifeline) {
  setsid();
  prctl(PR_SET_NAME, "hearth-guard");
  if (chdir("/") != 0 || !keep_only(lifeline)) _exit(1);
  char said = 0;
  ssize_t got = 0;
  do got = read(lifeline_fd, &said, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1 && said == goodbye) _exit(0);
  kill_everything_of(record.id(), record.cgroup());
  unlink(record.file().c_str());
  _exit(0);
}

}  // namespace

base::Result<Guard> Guard::start(const DaemonRecord& record) {
  Pipe pipe = TRY(make_pipe());
  // Blocked from its first instruction: the handlers it inherits are the daemon's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) {
    pipe.write_end.reset();
    stand_guard(record, pipe.read_end.get());
  }
  const int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_failure("cannot start the guard process", code);
  return Guard(std::move(pipe.write_end), pid);
}

base::Result<Guard> Guard::resume(const Saved& saved) {
  return Guard(TRY(take(saved.lifeline)), saved.pid);
}

void Guard::dismiss() {
  if (lifeline_ && write(lifeline_.get(), &goodbye, 1) < 0) return;  // It is gone: nothing to dismiss.
  lifeline_.reset();
}

}  // namespace io
