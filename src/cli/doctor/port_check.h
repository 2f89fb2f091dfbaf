// The port for clients that connect by URL: wanted by config.json, and not the daemon's.
#pragma once

#include <cstdint>
#include <string>

#include "cli/doctor/finding.h"

namespace cli::doctor {

struct PortFacts {
  std::string hearth;  // As a person calls it for this home.
  std::string config_file;
  std::uint16_t wanted = 0;  // By the configuration; 0: none.
  bool daemon_runs = false;
  std::uint16_t opened = 0;      // By the daemon that runs; 0: none.
  bool chosen_at_start = false;  // By `hearth serve --port` or by a service: it need not be the wanted one.
  std::string listener;          // "node (pid 4711)": which process has the wanted one; empty: none.
  std::string daemon_log;
};

Findings check_port(const PortFacts& port);

}  // namespace cli::doctor
