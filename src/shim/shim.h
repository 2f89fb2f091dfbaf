// One session of one client: attached to the daemon for as long as the client lives, whatever happens to
// daemons.
//
// Attaches, sleeps until the daemon speaks, hangs up or dies, and attaches to the next one with the same
// descriptors. Exits at once on SIGTERM and SIGHUP: the daemon sees the connection close and ends the
// session. SIGINT is for the client, which shares our terminal, and is ignored. Asleep it holds as little
// memory as it can.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "shim/attach_request.h"

namespace shim {

// Returns the exit status. The error is something that went wrong before there was a session to answer for.
base::Result<int> run(const Wish& wish, const std::optional<std::string>& home);

}  // namespace shim
