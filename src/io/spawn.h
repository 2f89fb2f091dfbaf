// One process, started with nothing of ours but three pipes.
//
// Own session and process group, default signal dispositions and an empty mask, descriptors 0 to 2 and no
// others, its directory and environment exactly as given, and of limits, priority and the like what its
// session has. It dies with the daemon's main thread (PDEATHSIG), which must be the caller. Nothing goes
// through a shell. A failure up to and including exec is reported as a sentence.
#pragma once

#include <sys/types.h>

#include <map>
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
};

struct Spawned {
  pid_t pid = 0;
  Descriptor input;   // We write.
  Descriptor output;  // We read.
  Descriptor errors;  // We read.
};

base::Result<Spawned> spawn(const SpawnSpec& spec);

}  // namespace io
