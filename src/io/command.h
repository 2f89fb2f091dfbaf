// Another program, run to its end: for a command line that lets the system's own tools do their work.
//
// Nothing goes through a shell. The program gets no stdin and none of our descriptors, what it says on stdout
// and stderr is kept up to a limit, and one that does not end in time is killed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace io {

struct CommandEnd {
  int status = 0;      // As a shell counts: 128 and the signal, of one that a signal has ended.
  std::string output;  // stdout and stderr, in the order in which they came.
};

// `words` begin with a path. `variables`, NAME=value, come on top of our environment.
base::Result<CommandEnd> run_command(const std::vector<std::string>& words,
                                     const std::vector<std::string>& variables,
                                     std::chrono::milliseconds patience);

// The first program of that name in PATH; relative entries are passed over. Empty: there is none.
std::string program_in_path(const std::string& name);

}  // namespace io
