// All that the daemon knows, as values: what it hands to the program that it becomes (app/upgrade.h).
//
// Each part says what of it goes on (its Saved), and is written by the rule of save/codec.h, so that a daemon
// of another build finds its own. Reading it does nothing to the world: a program that is only tried reads it
// too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/attachment.h"
#include "app/config/config_file.h"
#include "app/config/wishes.h"
#include "app/http/front.h"
#include "app/http/session_registry.h"
#include "app/servers/upstreams.h"
#include "base/inheritance.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/broker.h"
#include "io/child.h"
#include "io/children.h"
#include "io/guard.h"
#include "io/leftovers.h"
#include "io/passed.h"

namespace app {

// A server does not read what it is sent; the broker was told.
struct Congestion {
  bool on = false;
  std::size_t bytes = 0;  // Queued when it began: later ones answer its own requests.
  bool unheard = false;   // Its stdout is not read meanwhile.
  std::size_t left = 0;   // Queued when that was set.
  static constexpr std::size_t fields = 4;
};

// What the process has whatever program it runs.
struct ProcessState {
  io::DaemonRecord record;
  io::Guard::Saved guard;
  io::Passed lock;
  base::Inheritance inheritance;  // What children get that are started for no session.
  base::Inheritance reach;        // What this daemon can give to children at most.
  base::Duration clock_went_back{0};
  static constexpr std::size_t fields = 6;
};

struct DaemonState {
  struct Instance {
    broker::InstanceId id;
    std::string name;
    io::Child::Saved child;
    Congestion congestion;
    static constexpr std::size_t fields = 4;
  };

  std::string version;  // Of the program that has written it; for people.
  ProcessState process;
  base::Instant started;
  std::uint64_t socket_inode = 0;  // Of the file where sessions connect, as this daemon has made it.
  std::uint64_t upgrades = 0;      // How many programs this process has been before.
  std::string last_later;          // The later program that a session has brought.
  std::string broker;              // As Broker::save() has it.
  io::Children::Saved children;
  std::vector<Instance> instances;
  std::vector<Attachment::Saved> sessions;
  Upstreams::Saved upstreams;
  HttpFront::Saved front;
  SessionRegistry::Saved http_sessions;
  ConfigFile::Saved config;  // What is in force.
  Wishes::Saved wishes;
  static constexpr std::size_t fields = 15;
};

struct WrittenState {
  std::string text;
  std::vector<int> descriptors;  // That it names.
};
WrittenState written(const DaemonState& state);

base::Result<DaemonState> state_from(std::string_view text);
// Whether this build could go on from it; nothing is done.
base::Result<void> can_go_on_from(std::string_view text);

}  // namespace app
