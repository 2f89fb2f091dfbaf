#include "io/daemon_end.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "io/clock.h"
#include "io/daemon_lock.h"
#include "io/daemon_start.h"
#include "io/descriptor.h"
#include "io/leftovers.h"
#include "io/system_error.h"

namespace io {

namespace {

// For a killed process to be gone. The kernel may have to wait for a disk first.
constexpr base::Duration dying = std::chrono::seconds(3);
// A starter that waits for the lock may take it when its holder dies, and is then a daemon that works.
constexpr int holders_max = 3;

void doze() {
  const timespec pause{0, 10'000'000};
  nanosleep(&pause, nullptr);
}

// The lock, if nobody has it.
Descriptor free_lock(const Paths& paths) {
  Descriptor lock(open(paths.lock.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
  return lock;
}

bool gone(const Process& process) {
  const auto current = process_of(process.pid);
  return !current || !current->same(process) || current->zombie;
}

bool wait_until_gone(const Process& process, base::Instant give_up) {
  while (!gone(process)) {
    if (now() >= give_up) return false;
    doze();
  }
  return true;
}

}  // namespace

void show_as_daemon(int lock) {
  struct flock mark{};
  mark.l_type = F_WRLCK;
  mark.l_whence = SEEK_SET;
  fcntl(lock, F_SETLK, &mark);
}

std::optional<Process> daemon_process(const Paths& paths) {
  const Descriptor lock(open(paths.lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct flock mark{};
  mark.l_type = F_WRLCK;
  mark.l_whence = SEEK_SET;
  if (!lock || fcntl(lock.get(), F_GETLK, &mark) != 0 || mark.l_type == F_UNLCK || mark.l_pid <= 0) return {};
  return process_of(mark.l_pid);
}

base::Error daemon_hangs(const Paths& paths) {
  const std::string advice = "'" + hearth_for(paths) + " shutdown --force' ends it and its servers";
  if (daemon_ends_within(paths, base::Duration(0))) {
    return {.what = "a service manager listens on " + paths.socket +
                    ", but the daemon that it should start does not come; 'systemctl --user status "
                    "hearthd.service' says why, and after 'systemctl --user stop hearthd.socket' sessions "
                    "start the daemon themselves",
            .code = ETIMEDOUT};
  }
  const auto process = daemon_process(paths);
  if (!process) return {.what = "the daemon runs but does not answer; " + advice, .code = ETIMEDOUT};
  const std::string pid = std::to_string(process->pid);
  if (process->suspended) {
    return {.what = "the daemon (process " + pid + ") is suspended and does not answer; 'kill -CONT " + pid +
                    "' lets it go on, " + advice,
            .code = ETIMEDOUT};
  }
  return {.what = "the daemon (process " + pid + ") does not answer; " + advice, .code = ETIMEDOUT};
}

bool daemon_ends_within(const Paths& paths, base::Duration patience) {
  const base::Instant give_up = now() + patience;
  while (access(paths.lock.c_str(), F_OK) == 0 && !lock_is_free(paths)) {
    if (now() >= give_up) return false;
    doze();
  }
  return true;
}

bool daemon_ends_within(const Paths& paths, const std::optional<Process>& before, base::Duration patience) {
  const base::Instant give_up = now() + patience;
  return daemon_ends_within(paths, patience) && (!before || wait_until_gone(*before, give_up));
}

base::Result<pid_t> end_daemon_by_force(const Paths& paths) {
  pid_t killed = 0;
  for (int i = 0; i < holders_max; ++i) {
    if (const Descriptor lock = free_lock(paths)) {
      static_cast<void>(sweep_leftovers(paths.records_dir));
      // One that takes connections though no daemon has the lock belongs to a service manager.
      const auto connection = connect_existing(paths);
      if (!connection && connection.error().code == ECONNREFUSED) unlink(paths.socket.c_str());
      return killed;
    }
    const auto holder = daemon_process(paths);
    if (!holder) {
      // The lock became free meanwhile, or there is none.
      if (daemon_ends_within(paths, base::Duration(0))) continue;
      return base::failure("the daemon cannot be found: /proc does not say which process holds " +
                           paths.lock);
    }
    if (killed != 0) return killed;  // Another one, that has just been started.
    killed = holder->pid;
    const auto record = record_of(paths.records_dir, *holder);
    if (!send_signal(*holder, SIGKILL) && !gone(*holder)) {
      return system_failure("cannot kill the daemon, process " + std::to_string(holder->pid));
    }
    if (!wait_until_gone(*holder, now() + dying)) {
      return base::failure("the daemon, process " + std::to_string(holder->pid) +
                           ", was killed and does not end: the system itself waits for something, such as a "
                           "disk or a network mount");
    }
    if (record) kill_everything_of(record->daemon_id, record->cgroup);
  }
  return killed;
}

}  // namespace io
