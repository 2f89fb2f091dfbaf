// `hearth serve`: this process becomes the daemon.
#pragma once

#include "cli/command_line.h"

namespace cli {

int run_serve(const Arguments& arguments);

}  // namespace cli
