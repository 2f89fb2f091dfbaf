// The commands that ask a running daemon something: status, why, stop, restart, upgrade, shutdown.
#pragma once

namespace cli {

class Arguments;

int run_status(const Arguments& arguments);
int run_why(const Arguments& arguments);
int run_stop(const Arguments& arguments);
int run_restart(const Arguments& arguments);
int run_upgrade(const Arguments& arguments);
int run_shutdown(const Arguments& arguments);

}  // namespace cli
