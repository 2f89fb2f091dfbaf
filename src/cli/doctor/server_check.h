// Servers that are not well, as the status of the daemon shows them.
#pragma once

#include <string>

#include "cli/doctor/finding.h"
#include "proto/json.h"

namespace cli::doctor {

// `hearth`: as a person calls it for this home.
Findings check_servers(const proto::json::Value& status, const std::string& hearth);

}  // namespace cli::doctor
