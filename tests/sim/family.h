// The invented configuration: a few servers, and the sessions' different ways to ask for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "broker/action.h"
#include "core/server_spec.h"
#include "sim/options.h"
#include "sim/random.h"

namespace sim {

// What a server speaks, and what a legacy one says when it is asked server/discover.
enum class Speaks : std::uint8_t { legacy, modern, both };

struct Family {
  core::ServerSpec spec;      // What all its sessions have in common.
  std::string revision_most;  // The newest revision its server speaks.
  bool strict = false;        // Its server refuses initialize for any other.
  bool tasks = false;         // Its server offers tasks.
  bool web = false;           // It speaks HTTP: each session has a conversation of its own.
  bool varies = false;        // Its sessions come from different projects, with different environments.
  Speaks speaks = Speaks::legacy;
  bool era_varies = false;  // Each of its processes is what it likes.
  void turn_to_web();
  void turn_to_questions();                             // Its server is a legacy one whose calls take turns.
  std::set<std::vector<std::string>> args_before = {};  // What the configuration had for it earlier.
  bool removed = false;      // From the configuration: its sessions have no server.
  std::size_t doomed = 0;    // So many of the next starts come to nothing.
  std::size_t troubles = 0;  // Crashes, failed starts and the like, so far: reasons for an error.
};

Speaks invented_speaks(Random& random);
Family invented_family(Random& random, const Options& options, std::size_t number);

// A session's own version of it.
core::ServerSpec invented_spec(Random& random, const Family& family);

// Equal for two sessions that differ in nothing relevant, and for the process that was started for them.
std::string share_key(const core::ServerSpec& spec);
std::string share_key(const broker::StartInstance& start);

// Whether a session that asked for `spec` may be served by that process: every relevant variable has the same
// value there, or is unknown to the session.
bool may_serve(const broker::StartInstance& start, const core::ServerSpec& spec);

}  // namespace sim
