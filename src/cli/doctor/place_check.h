// Where the daemon and its clients meet: the directory, the socket, and the lock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/doctor/finding.h"

namespace cli::doctor {

struct PlaceFacts {
  enum class Lock : std::uint8_t { absent, free, held };
  // Something of ours that others can reach.
  struct Open {
    std::string path;
    unsigned mode = 0;
    unsigned wanted = 0;
  };
  std::string hearth;  // As a person calls it for this home.
  std::string socket;
  std::string lock_file;
  std::string directory_trouble;  // A sentence; empty: it is ours, or not there yet.
  std::vector<Open> open;
  bool socket_exists = false;
  bool listened = false;  // A process listens there, as far as can be told.
  Lock lock = Lock::absent;
  bool answers = false;  // The holder of the lock takes connections on the socket.
  std::string holder;    // "process 4711"
};

Findings check_place(const PlaceFacts& place);

}  // namespace cli::doctor
