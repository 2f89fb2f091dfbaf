// A small process beside the daemon that is the parent of its servers, and outlives it by a moment.
//
// It forks what the daemon wants to run: itself it is small, so that a fork is quick and holds up nobody,
// while one of the daemon would copy the page tables of all that it has in memory. Orphans of servers come to
// it, and of each process that it reaps it tells the daemon.
//
// When the daemon dies without a goodbye, kill -9 included, the guard kills everything that carries the
// daemon's mark, removes its control group and its record, and exits. So nothing is left running, even if no
// next daemon ever comes. When the guard dies, its servers die with it (PDEATHSIG), and the daemon starts
// another. It ignores the signals that end sessions.
//
// Nothing here waits: orders are queued when the guard does not read, and sent when it does (flush()).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/guard_words.h"
#include "io/leftovers.h"
#include "io/passed.h"
#include "io/spawn.h"

namespace io {

class Guard {
 public:
  // Forks. Early: what is allocated before is shared with the guard for ever.
  static base::Result<Guard> start(const DaemonRecord& record);

  Guard(Guard&&) noexcept = default;
  Guard& operator=(Guard&&) noexcept = default;
  // Destroying a guard without dismiss() is dying without a goodbye.

  // Everything is gone already: the guard just exits.
  void dismiss();
  pid_t pid() const { return pid_; }

  // The guard makes a process; GuardNews tells of it. `theirs` may be closed afterwards.
  base::Result<void> spawn(std::uint64_t number, const SpawnSpec& spec, const PipeEndsOfOne& theirs);
  // SIGKILL to the group of `pid`, if the guard has not reaped it yet; 0: of the one forked as `number`.
  void kill(std::uint64_t number, pid_t pid);

  // To be watched for news; for room, too, while it holds_back().
  const Descriptor& connection() const { return connection_; }
  bool holds_back() const { return !orders_.empty(); }
  void flush();
  // What it has said since. Absent: it has died, and the servers that it had forked die.
  std::optional<std::vector<GuardNews>> news();
  // Another guard in the place of one that has died.
  base::Result<void> renew();

  // It stands guard over the program that this one becomes, too. One of protocol 0 was a guard that forks
  // nothing: another takes its place.
  struct Saved {
    Passed lifeline;
    pid_t pid = 0;
    std::uint64_t protocol = 0;
    static constexpr std::size_t fields = 3;
  };
  Saved saved() const { return {pass(connection_), pid_, guard_protocol}; }
  static base::Result<void> can_resume(const Saved& saved);
  static base::Result<Guard> resume(const Saved& saved, const DaemonRecord& record);

 private:
  struct Order {
    GuardOrder order;
    std::string text = {};
    std::vector<Descriptor> descriptors = {};
  };
  Guard(DaemonRecord record, Descriptor connection, pid_t pid)
      : record_(std::move(record)), connection_(std::move(connection)), pid_(pid) {}

  DaemonRecord record_;
  Descriptor connection_;
  pid_t pid_ = 0;
  std::deque<Order> orders_;
};

}  // namespace io
