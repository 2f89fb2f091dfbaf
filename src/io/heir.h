// Finds the process that goes on with a server's pipes when the one that was started has ended: setsid(1),
// `sh -c 'server &'` and other launchers leave the server to a child of theirs, and end with status 0.
//
// The guard and we are the reapers of orphans (io/children.h), so a child that was left becomes one of ours.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "io/descriptor.h"
#include "io/process_table.h"

namespace io {

// Names the three pipes of one server, whichever end is looked at.
struct ServerPipes {
  ino_t input = 0;
  ino_t output = 0;
  ino_t errors = 0;

  bool any() const { return input != 0 || output != 0 || errors != 0; }
  static constexpr std::size_t fields = 3;
};
ino_t pipe_of(const Descriptor& end);

// The pipes that a process can read and write. A server holds the other ends than we do: a process that we
// have just forked holds ours of all servers until it executes its program, and belongs to none of them.
struct PipeEnds {
  std::vector<ino_t> read = {};
  std::vector<ino_t> written = {};

  // Which of a server's pipes it holds, at the server's end.
  ServerPipes of(const ServerPipes& pipes) const;
};
// Nothing of a process whose descriptors we may not see.
PipeEnds pipe_ends_of(pid_t pid);

enum class Heritage : unsigned char {
  conversation,  // Its stdin and stdout: it is spoken to over them.
  anything,      // It is spoken to otherwise, so that it need not hold any of them.
};

// A process that belongs to a server, and which of the server's pipes it holds.
struct Relative {
  Process process;
  ServerPipes held;
};

// The oldest of `left` that has become a child of one of `parents` and holds what it needs; of a pipeline,
// its end.
std::optional<Process> heir_among(std::span<const Relative> left, Heritage heritage,
                                  std::span<const pid_t> parents);

}  // namespace io
