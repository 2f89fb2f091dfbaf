// `hearth service`: the daemon as a service of the user's systemd.
//
// install and uninstall write and remove units and tell systemd of them, where there is one; a daemon that a
// session has started goes on and keeps its socket. Without systemd they say what does the job instead.
#pragma once

#include "cli/command_line.h"

namespace cli {

int run_service(const Arguments& arguments);

}  // namespace cli
