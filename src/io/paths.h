// Where everything of one user's Hearth lies.
//
// A function of the uid, the home directory and, if given, one directory that takes everything: every client
// passes its children a different environment, so XDG_* is never looked at, and the shim and the daemon
// always agree. Nothing here creates anything except make_private_directory() and prepare_run_directory().
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace io {

struct Paths {
  std::string home;   // What --home or HEARTH_HOME named, absolute; empty if neither did.
  std::string apart;  // Name of the surroundings, unless they are the first daemon's. See paths_apart().
  std::string config_file;
  std::string run_dir;    // Sockets, lock, records of living daemons. Empty after a reboot.
  std::string state_dir;  // Logs, and what must last.
  std::string cache_dir;
  std::string log_dir;     // One log per server.
  std::string daemon_log;  // The daemon's own, its stderr included.
  std::string socket;      // In run_dir, unless that path is too long for an address: then in a short one.
  std::string socket_dir;  // Its directory.
  std::string handover;    // Beside the socket: of a daemon that another may replace (io/handover.h).
  std::string lock;
  std::string records_dir;  // See io/leftovers.h.
};

// `home_flag` (of --home) wins over HEARTH_HOME, and that over the uid and HOME.
base::Result<Paths> paths_of(const std::optional<std::string>& home_flag);

// Of the daemon for one kind of surroundings (io/confinement.h), beside the one for all: it shares the
// configuration, and has its own run and state directories below theirs.
Paths paths_apart(const Paths& paths, const std::string& surroundings);

// How a person names `hearth` for these paths: "hearth", or "hearth --home '/a b'".
std::string hearth_for(const Paths& paths);

// Of this user: HOME, else what /etc/passwd says.
base::Result<std::string> home_directory();

// `path` as it is meant from the current directory.
base::Result<std::string> absolute(const std::string& path);

// Makes `path`, and parents that are missing, with mode 0700. Afterwards it is a directory, ours, and closed
// to everybody else; if it is ours and open to others, it is closed. A symbolic link is accepted only where
// nobody else could have put it, so never in /tmp.
base::Result<void> make_private_directory(const std::string& path);

// run_dir and socket_dir, with the checks above on each step below /tmp.
base::Result<void> prepare_run_directory(const Paths& paths);

// The same checks, without making or changing anything: one that is not there yet is all right.
base::Result<void> check_run_directory(const Paths& paths);

}  // namespace io
