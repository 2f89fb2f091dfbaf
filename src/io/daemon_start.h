// How a shim or a command finds the daemon, and starts it if there is none.
//
// Any number of starters may race: exactly one daemon comes out, because the lock decides who starts it and
// the daemon holds that lock for life. Process ids are never trusted, only connections and the lock. Every
// wait is bounded.
//
// The daemon is detached completely: own session, no terminal, cwd /, standard streams on /dev/null and its
// log, default signal dispositions and mask, no inherited descriptors but the three it is told of
// (--listen-fd 3 --lock-fd 4 --ready-fd 5), and an environment of a few named variables: it must not keep one
// session's secrets.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/activation.h"
#include "io/descriptor.h"
#include "io/paths.h"

namespace io {

struct StartPatience {
  std::chrono::milliseconds lock{
      5000};  // For another starter, or a daemon on its way out. Both take milliseconds.
  std::chrono::milliseconds ready{
      15000};  // For a started daemon to be ready: it reads files, a cold disk is slow.
};

// A connection to the daemon, whose peer has been checked. Fails with code ENOENT or ECONNREFUSED when there
// is none.
base::Result<Descriptor> connect_existing(const Paths& paths);

// The same for questions, which start nothing: it fails with ENOENT where no daemon holds the lock, though a
// service manager that would start one takes connections.
base::Result<Descriptor> connect_running(const Paths& paths);

// The daemon for the surroundings of this process where one lives, else the usual one, else any: its
// connection, and its paths. For questions, not for sessions.
base::Result<Descriptor> connect_own(const Paths& paths);
Paths own_paths(const Paths& paths);

// The same as connect_existing(), and starts `daemon_binary` if nobody answers. If the daemon says on its
// readiness pipe why it cannot run, that sentence is the error.
base::Result<Descriptor> connect_or_start(const Paths& paths, const std::string& daemon_binary,
                                          StartPatience patience = {});

// Fails where a daemon runs that this process did not start. Waits for one that is on its way out.
base::Result<void> expect_no_daemon(const Paths& paths, StartPatience patience = {});

// Turns this process into the daemon, which keeps its terminal, its streams and its place in a container or
// unit. Returns only if that cannot be done, among other things because a daemon runs already. `options` are
// further arguments of the daemon's. What a service manager has passed on goes along; none of it reaches the
// environment, from which servers might have it.
base::Error become_the_daemon(const Paths& paths, const std::string& daemon_binary,
                              const std::vector<std::string>& options, Activation activation = {},
                              StartPatience patience = {});

// Turns this process into the daemon in the place of another: `peer` is a connection to it (io/handover.h).
// Returns only if that cannot be done.
base::Error take_the_daemons_place(const Paths& paths, const std::string& daemon_binary,
                                   const std::vector<std::string>& options, const Descriptor& peer,
                                   const Activation& activation);

// `hearthd` next to the running executable, else in PATH.
base::Result<std::string> find_daemon_binary();

}  // namespace io
