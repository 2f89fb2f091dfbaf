#include "io/descriptor.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/system_error.h"

namespace io {

namespace {

constexpr int lowest = 3;

// Moves a descriptor out of the way of the standard ones; only happens to processes started with those
// closed.
base::Result<Descriptor> above_standard(int fd) {
  Descriptor held(fd);
  if (fd >= lowest) return held;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
  if (moved < 0) return system_failure("cannot duplicate a descriptor");
  return Descriptor(moved);
}

}  // namespace

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

base::Result<Descriptor> Descriptor::duplicate() const {
  const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, lowest);
  if (copy < 0) return system_failure("cannot duplicate a descriptor");
  return Descriptor(copy);
}

base::Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return system_failure("cannot make a pipe");
  Descriptor write_end(ends[1]);
  Pipe pipe;
  pipe.read_end = TRY(above_standard(ends[0]));
  pipe.write_end = TRY(above_standard(write_end.release()));
  return pipe;
}

base::Result<Descriptor> adopt(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return system_failure("cannot use descriptor " + std::to_string(fd) +
                          ", which this process was started with");
  }
  return Descriptor(fd);
}

void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  const long open_max = sysconf(_SC_OPEN_MAX);
  for (int fd = first; fd < open_max; ++fd) ::close(fd);
}

void fill_standard_descriptors() {
  int fd = 0;
  do fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd < lowest && fcntl(fd, F_SETFD, 0) == 0);
  if (fd >= lowest) ::close(fd);
}

}  // namespace io
