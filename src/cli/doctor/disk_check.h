// Directories that Hearth writes to, and cannot.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/doctor/finding.h"

namespace cli::doctor {

enum class Obstacle : std::uint8_t {
  none,
  in_the_way,  // Something that is no directory has the name.
  read_only,
  forbidden,
  full,
  silent,  // The file system does not answer.
};

struct DiskFacts {
  std::string purpose;  // "logs and state"
  std::string path;     // The directory.
  std::string nearest;  // Of it and its parents, the first that is there; the obstacle is about this one.
  Obstacle obstacle = Obstacle::none;
};

Findings check_disks(std::span<const DiskFacts> disks);

}  // namespace cli::doctor
