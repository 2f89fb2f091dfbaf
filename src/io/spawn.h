// One process, started with nothing of ours but three pipes.
//
// Own session and process group, default signal dispositions and an empty mask, descriptors 0 to 2 and no
// others, its directory and environment exactly as given, and of limits, priority and the like what its
// session has. It dies with the main thread of its parent (PDEATHSIG), which must be the caller. Nothing goes
// through a shell.
//
// fork_program() does not wait for exec, which takes as long as a disk does, or for ever on a mount whose
// server is gone: whether the program runs is known when the report can be read. Until then the process holds
// nothing of ours but its ends of the pipes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/inheritance.h"
#include "base/result.h"
#include "io/descriptor.h"

namespace io {

struct SpawnSpec {
  std::string program;                 // A path.
  std::vector<std::string> args = {};  // Without argv[0].
  std::string directory = {};
  std::map<std::string, std::string> environment = {};
  base::Inheritance inheritance = {};  // What is not in it is ours.
  int cgroup_entrance = -1;            // See io/cgroup.h; -1: none.
  static constexpr std::size_t fields = 6;
};

// One end of each pipe between a process and us. It reads the first, we read the others.
struct PipeEndsOfOne {
  Descriptor input;
  Descriptor output;
  Descriptor errors;
  Descriptor report;  // Can be read when the program runs, or cannot be run.
};
struct SpawnPipes {
  PipeEndsOfOne ours;
  PipeEndsOfOne theirs;
};
base::Result<SpawnPipes> make_spawn_pipes();

// Its process id, or errno.
std::expected<pid_t, int> fork_program(const SpawnSpec& spec, const PipeEndsOfOne& theirs);
// The sentence for one that could not be made.
base::Error fork_failure(const SpawnSpec& spec, int code);

// When the report can be read, or the process has ended: why its program does not run, as a sentence, or
// nothing if it does.
std::optional<base::Error> exec_failure(const SpawnSpec& spec, const Descriptor& report);
// The sentence for one that has taken too long.
base::Error exec_too_late(const SpawnSpec& spec);

}  // namespace io
