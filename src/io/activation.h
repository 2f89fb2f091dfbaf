// What a service manager has handed to this process: sockets to listen on, and how it wants to be told.
//
// systemd names the sockets by LISTEN_FDS, of descriptors from 3 on, and the process that they are for by
// LISTEN_PID; NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say the rest. What is meant for another process,
// one that started this one, is not looked at. The socket for sessions must be the one that sessions connect
// to, or they would start a second daemon. Which socket is which is seen from what it is, not from its name.
#pragma once

#include <string>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/notify.h"

namespace io {

struct Activation {
  Descriptor sessions;  // A Unix socket; none: it was not handed over, and the daemon makes its own.
  Descriptor port;      // A TCP socket, for clients that connect by URL.
  NotifyTarget notify = {};
};

inline constexpr int first_passed_descriptor = 3;

// `socket`: where sessions connect. An error says which socket is wrong, and what to do.
base::Result<Activation> take_activation(const std::string& socket, int first = first_passed_descriptor);

}  // namespace io
