// What the broker can tell about itself, as plain data for the command line and the API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/ids.h"
#include "core/kept.h"
#include "core/server_spec.h"
#include "core/share_key.h"
#include "core/suspects.h"

namespace broker {

struct InstanceReport {
  core::InstanceId instance;
  std::uint64_t number = 0;  // For people; unique in this daemon's life.
  std::string name;
  std::string state;  // "starting", "ready", "idle", "restarting", "failed", "stopping", "stopped".
  std::int64_t pid = 0;
  std::string program;
  std::vector<std::string> args;
  core::Scope scope = core::Scope::project;
  std::string scope_directory;
  std::string server_version;  // "name version" from its initialize answer; empty before it.
  std::string revision;        // The protocol revision agreed with it.
  std::size_t sessions = 0;
  std::size_t calls = 0;    // In flight.
  std::size_t waiting = 0;  // Calls held back until the server is ready, or serialised.
  std::uint64_t calls_total = 0;
  std::uint64_t from_cache = 0;  // Calls that were answered with what was kept,
  std::uint64_t merged = 0;      // and with the answer to another that asked the same.
  std::uint32_t restarts = 0;
  std::uint32_t failures = 0;                // In a row: starts that led to no answer.
  std::vector<core::Suspect> refused_calls;  // Not sent any more, because it died of them.
  bool interactive = false;
  std::string one_at_a_time;  // Why its calls go one at a time; empty: they do not.
  std::optional<base::Instant> started;
  std::string trouble;        // Why it failed or restarts; empty when well.
  std::uint64_t dropped = 0;  // Messages of the server that belonged to no session.
  base::ResourceLimits limits;
};

struct KeptReport {
  core::Kept kind = {};
  core::Amount amount;
};

struct SessionReport {
  core::SessionId session;
  std::string server;                            // The entry's name.
  std::optional<core::InstanceId> instance;      // The server, not the channel.
  std::optional<core::InstanceId> conversation;  // The channel, or the server if that has none.
  std::string client;                            // "claude-code 2.1.329", from initialize; empty before it.
  std::string revision;
  core::Scope scope = core::Scope::project;
  std::string project;  // Directory; empty in scope `user`.
  std::int64_t client_pid = 0;
  std::size_t calls = 0;  // Without listens; with those that wait for their client to bring answers.
  base::Instant opened;
  std::optional<base::Instant> away_since;  // Set while no client is connected to it.
  std::vector<KeptReport> kept;             // Because of it; kinds of which there is something.
};

using core::Difference;

struct SharingReport {
  struct Group {  // One instance and who shares it.
    core::InstanceId instance;
    std::string name;
    std::vector<core::SessionId> sessions;
    std::vector<Difference> ignored;      // What differed between its sessions and was judged irrelevant.
    std::vector<std::string> declared;    // What the server was told that clients can do; none: nothing.
    std::vector<std::string> undeclared;  // What clients of its sessions can do beside that.
    std::string roots;                    // That it cares for them, and which; empty: it does not.
    std::string one_at_a_time;            // Why its calls go one at a time; empty: they do not.
  };
  struct Apart {  // Why two instances of one name are two.
    core::InstanceId one, other;
    std::vector<Difference> because;
  };
  std::vector<Group> groups;
  std::vector<Apart> apart;
};

}  // namespace broker
