// One walk of /proc that answers many questions: which processes belong to a server, which of them may be its
// heir, and how much memory they take.
//
// Everything is copied in and copied out, so that it can be done on another thread (io/surveyor.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/cgroup.h"
#include "io/heir.h"
#include "io/process_table.h"

namespace io {

struct Question {
  enum class About : std::uint8_t {
    relatives,  // A server's processes, with the pipes that they hold.
    threads,    // The same processes, and nothing else of them.
    memory,     // The same processes, with the memory that they take.
    ourselves,  // This process, with the memory that it takes. What stands below counts for nothing.
  };
  About about = About::relatives;
  std::string mark = {};
  std::vector<Process> roots = {};
  std::optional<Cgroup> group = {};
  ServerPipes pipes = {};           // Children of one of `parents` that hold one of them belong to it, too.
  std::vector<pid_t> parents = {};  // Which are none of it themselves.
};

struct Seen {
  std::vector<Relative> relatives;
  std::uint64_t memory = 0;
  std::size_t threads = 0;  // Of all the processes.
};

// One answer for each question, in their order.
std::vector<Seen> survey(std::span<const Question> questions);

}  // namespace io
