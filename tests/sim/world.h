// A whole invented world from one seed: a clock, clients, servers, a daemon that may die, and somebody who
// checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sim/checker.h"
#include "sim/chronicler.h"
#include "sim/client.h"
#include "sim/family.h"
#include "sim/hands.h"
#include "sim/options.h"
#include "sim/random.h"
#include "sim/schedule.h"
#include "sim/server.h"
#include "sim/trace.h"
#include "sim/truth.h"
#include "sim/witness.h"

namespace sim {

struct World {
  World(std::uint64_t seed, Trace::Lines lines);

  // Lets `steps` things happen, turns kind, and sees everybody home. False: an invariant broke.
  bool run(std::size_t steps);

  Client& add_client();
  void recording_ends();

  Random random;
  Random more;    // For what has come later: see Options::draw_more(),
  Random latest;  // and later still.
  Random editing;
  Options options;
  Schedule schedule;
  Trace trace;
  Truth truth;
  Checker checker;
  std::optional<Witness> witness;        // If what happens is to be recorded.
  std::optional<Chronicler> chronicler;  // If the daemon is killed, and another one goes on where it was.
  bool replaced_each_turn = false;       // The broker, by one that goes on from what it has written.
  Hands hands;
  std::vector<Family> families;
  std::deque<Client> clients;
  std::deque<Server> servers;
  bool kind = false;
  bool probing = false;  // What was begun before has ended.
  std::size_t step = 0;
  std::size_t kills = 0;  // Deaths of the daemon.

 private:
  void wild(std::size_t steps);
  void turn_kind();
  void probe();
  void send_home();
  bool one_step(base::Instant until);  // False: nothing happens before `until`.
  void run_for(base::Duration time);
  void fate();
  void edit();

  std::size_t idle_ticks_ = 0;
  std::size_t edits_ = 0;
};

}  // namespace sim
