// `hearth service status`: what is installed, what systemd makes of it, and which daemon serves.
#pragma once

#include "cli/command_line.h"
#include "cli/service_units.h"

namespace cli {

// `choice`: what would be installed now, but for the port. Returns exit_no_daemon where nothing is installed.
int show_service_status(const Arguments& arguments, UnitChoice choice);

}  // namespace cli
