// Clients that start servers without Hearth: one finding for each file and project.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "cli/doctor/client_files.h"
#include "cli/doctor/finding.h"

namespace cli::doctor {

// `text`: what the file holds, or why it cannot be read.
Findings check_client(const ClientFile& file, const base::Result<std::string>& text);

}  // namespace cli::doctor
