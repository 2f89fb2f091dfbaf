// Whether program and daemon belong together, and whether the daemon answers.
#pragma once

#include <string>
#include <string_view>

#include "cli/doctor/finding.h"

namespace cli::doctor {

struct DaemonFacts {
  std::string hearth;             // As a person calls it for this home (io::hearth_for).
  std::string own_version;        // Of this program.
  std::string installed;          // The hearthd that this program starts; empty: there is none.
  std::string installed_trouble;  // Why there is none, or why it does not say its version.
  std::string installed_version;
  bool runs = false;
  std::string trouble;  // Why the daemon that runs does not answer.
  std::string pid;
  std::string version;
  bool other_program = false;  // It runs another file than `installed`.
};

// "0.1.0" of "hearthd 0.1.0\n"; empty: it is something else.
std::string version_in(std::string_view output);

Findings check_daemon(const DaemonFacts& daemon);

}  // namespace cli::doctor
