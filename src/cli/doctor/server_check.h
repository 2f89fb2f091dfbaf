// Servers that are not well, as the status of the daemon shows them.
#pragma once

#include "cli/doctor/finding.h"
#include "proto/json.h"

namespace cli::doctor {

Findings check_servers(const proto::json::Value& status);

}  // namespace cli::doctor
