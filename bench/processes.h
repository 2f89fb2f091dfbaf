// The processes a measurement is about: starting them, finding them, and what they cost.
//
// adopt_orphans() makes this program a subreaper, so whatever a target starts stays below it, however it
// detaches. What a target costs is then the sum over descendants. Shares no code with the programs that are
// measured.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bench {

using Command = std::vector<std::string>;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

// What a client gives a server as stdin and stdout: Rust and Python clients pipes, those on Node socket
// pairs.
enum class Wire : std::uint8_t { pipes, socket_pairs };

struct Child {
  pid_t pid = 0;
  Descriptor to;    // Its stdin. Not blocking.
  Descriptor from;  // Its stdout. Not blocking.
};

// Its stderr is ours.
base::Result<Child> start(const Command& command, Wire wire);

// Reaps it. False if it is still there after `patience`.
bool wait_for_exit(pid_t pid, std::chrono::milliseconds patience);

void adopt_orphans();

// Children, their children and so on; zombies left out.
std::vector<pid_t> descendants();
std::string name_of(pid_t pid);

// Since each of them was started. One that is gone counts nothing.
std::chrono::nanoseconds cpu_time(std::span<const pid_t> processes);

// What all processes of the machine took, and what its host took away. Counted in ticks of 10 ms.
std::chrono::nanoseconds busy_time();

struct Memory {
  std::int64_t proportional_kib = 0;  // Pages shared with others are divided among them.
  std::int64_t resident_kib = 0;
  std::int64_t private_kib = 0;  // Written to, and shared with nobody.
};
Memory memory_of(std::span<const pid_t> processes);

// On one CPU nothing runs in parallel and no sleeping CPU has to be woken: what is left is the work, and the
// switches between processes. Where a wake-up lands otherwise is the kernel's choice, and makes a factor of
// six. With the client on the first CPU and everything else off it, every call has to wake another CPU, as
// a client that is itself at work makes it.
enum class Placement : std::uint8_t { anywhere, one_cpu, client_apart };
void place(std::span<const pid_t> processes, Placement placement);

// Asks all descendants to end, then makes them. Returns when none is left.
void end_descendants();

}  // namespace bench
