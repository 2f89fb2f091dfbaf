// Finds the process that goes on with a server's pipes when the one that was started has ended: setsid(1),
// `sh -c 'server &'` and other launchers leave the server to a child of theirs, and end with status 0.
//
// We are the reaper of orphans (io/children.h), so a child that was left becomes ours.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <span>

#include "io/descriptor.h"
#include "io/process_table.h"

namespace io {

// Names the three pipes of one server, whichever end is looked at.
struct ServerPipes {
  ino_t input = 0;
  ino_t output = 0;
  ino_t errors = 0;
};
ino_t pipe_of(const Descriptor& end);

enum class Heritage : unsigned char {
  conversation,  // Its stdin and stdout: it is spoken to over them.
  anything,      // It is spoken to otherwise, so that it need not hold any of them.
};

// The oldest of `left` that has become our child and holds what it needs; of a pipeline, its end.
std::optional<Process> heir_among(std::span<const Process> left, const ServerPipes& pipes, Heritage heritage);

// Our own children that hold one of the pipes: what is left of a server that carries no mark any more.
std::vector<pid_t> adopted_with(const ServerPipes& pipes);

}  // namespace io
