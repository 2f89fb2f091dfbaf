#include "io/daemon_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "io/clock.h"
#include "io/files.h"
#include "io/system_error.h"

namespace io {

base::Result<Descriptor> open_lock(const Paths& paths) {
  Descriptor lock(open(paths.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return system_failure("cannot open the lock " + paths.lock);
  return lock;
}

base::Result<bool> try_lock(const Paths& paths, const Descriptor& lock) {
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK || errno == EINTR) return false;
  return system_failure("cannot take the lock " + paths.lock);
}

bool lock_is_free(const Paths& paths) {
  const Descriptor lock(open(paths.lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return lock && flock(lock.get(), LOCK_SH | LOCK_NB) == 0;
}

void note_holder(int lock) {
  const std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) == 0 && pwrite(lock, text.data(), text.size(), 0) < 0) return;
}

std::string holder_of(const Paths& paths) {
  const auto text = read_small_file(paths.lock, 32);
  if (!text || text->empty()) return "another process";
  return "process " + text->substr(0, text->find('\n'));
}

base::Result<bool> wait_for_lock(std::chrono::milliseconds patience,
                                 const std::function<base::Result<bool>()>& done) {
  const base::Instant deadline = now() + patience;
  std::chrono::milliseconds pause(1);
  while (!TRY(done())) {
    if (now() >= deadline) return false;
    const timespec time{0, static_cast<long>(pause.count()) * 1'000'000};
    nanosleep(&time, nullptr);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace io
