// Mistakes in config.json, and the port that it wants, as `hearthd --check-config` tells of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/finding.h"

namespace cli::doctor {

struct ConfigFacts {
  struct Mistake {
    Severity severity = Severity::error;
    std::string text;  // "config.json:7:18: …"
  };
  std::string file;
  std::vector<Mistake> mistakes;
  std::uint16_t port = 0;  // For clients by URL; 0: none, or any that is free.
};

// Absent if the report cannot be understood.
std::optional<ConfigFacts> config_facts(std::string_view file, std::string_view report);

Findings check_config(const ConfigFacts& config);

}  // namespace cli::doctor
