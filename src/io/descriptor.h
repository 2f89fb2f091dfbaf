// A file descriptor that closes itself.
//
// Every descriptor this program opens is held by one of these and is O_CLOEXEC. Does not know what the
// descriptor is.
#pragma once

#include <utility>

#include "base/result.h"

namespace io {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

  // Another descriptor of the same open file description.
  base::Result<Descriptor> duplicate() const;

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

// Neither end is below 3, so that setting up a child's standard streams cannot overwrite one.
base::Result<Pipe> make_pipe();

// Takes over a descriptor this process was started with, and keeps it from those it starts.
base::Result<Descriptor> adopt(int fd);

// Closes this one and all above it: for a process that keeps only what it works with.
void close_from(int first);

// Opens /dev/null on whichever of 0, 1 and 2 is closed: the next file opened would become somebody's standard
// stream.
void fill_standard_descriptors();

}  // namespace io
