// How one world misbehaves: drawn from its seed, so that many worlds are calm and some are hell.
//
// Chances are in thousandths of the occasion they are named after.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "core/limits.h"
#include "sim/random.h"

namespace sim {

struct Options {
  enum class Temper { calm, mixed, hell };
  Temper temper = Temper::calm;
  // What all have come for: anything; calls of legacy clients that a modern
  // server makes tasks of; or hundreds of questions of a legacy server to one
  // modern client, which are answered at once.
  enum class Subject { any, tasks, rounds };
  Subject subject = Subject::any;

  std::size_t families = 1;       // Different entries of the configuration.
  std::size_t clients_first = 2;  // At the start, and
  std::size_t clients_most = 8;   // in all.
  base::Duration think{20000};    // Between two acts of a client.
  base::Duration wire{200};       // From one end of a link to the other.
  base::Duration work{3000};      // A server's, on a call.

  // Of a client, at every act.
  std::size_t duplicate_id = 0, malformed = 0, overlong = 0, forged_answer = 0, stray_cancel = 0, vanish = 0;
  std::size_t stop_reading = 0, foreign_task = 0, cancel = 0, batch = 0, come = 0;
  // Of a client: a call that its server dies of, the same for all.
  std::size_t lethal = 0;
  std::size_t away = 0;  // Behind every line.
  // Of a modern client that is to bring answers: with something else than it was asked for, twice, not all.
  std::size_t tamper = 0, come_twice = 0, bring_less = 0;
  // Of a client, when it is asked.
  std::size_t ask_ignored = 0, ask_late = 0, ask_error = 100;
  // Of a server, at every call.
  std::size_t never = 0, twice = 0, slow = 0, error = 0, bad_answer = 0, crash = 0, asks = 0, progress = 200;
  std::size_t stray_progress = 0, deaf_to_cancel = 0;
  // Of a server, at every start and stop.
  std::size_t start_fails = 0, dies_on_start = 0, silent_start = 0, slow_start = 0, slow_stop = 0,
              refuses = 0;
  // Of a modern server: input it wants, listens it does not grant in full, or ends.
  std::size_t wants = 0, grants_less = 0, ends_listen = 0;
  // Of a modern server that has tasks: calls that become one, with an id that
  // is in use, or that are lost.
  std::size_t tasks = 0, reuses_task = 0, loses_task = 0;
  // Of a server, now and then.
  std::size_t garbage = 0, outside_ask = 0, notes = 300, stray_notes = 0, server_stops_reading = 0,
              crash_idle = 0;
  base::Duration hum{50000};  // How often is "now and then".
  // Of the daemon, in millionths: at every event, and between two actions.
  std::size_t kill = 0, kill_in_outbox = 0;
  // Of the person, in millionths at every event.
  std::size_t person = 0;
  // Of an editor of the configuration, in millionths at every event; and of that being a removal.
  std::size_t edits = 0, removals = 0;

  // Of a client, at every act: to ask what others ask, too. And whether clients are of different principals.
  std::size_t equal = 0;
  bool principals = false;
  // Of a client, at every act: to make and cancel more calls than it may.
  std::size_t floods = 0;
  // What one client in this world wants more of than it may have, and how often it comes to that.
  enum class Press : std::uint8_t { none, listens, subscriptions, parks, updates };
  Press press = Press::none;
  std::size_t presses = 0;
  // What may be kept because of a client: little, in worlds where somebody wants more.
  core::Allowances allowances = core::limits::allowances;
  // Of a desk: how many clients it has, at most. Of one of them, at every act: to hang up on all it waits
  // for.
  std::size_t desk = 1, hangs_up = 0;
  // Of a server, when it is invented: that it speaks HTTP. Of one that does, now and then: that it forgets a
  // conversation, or breaks it off; that its client is told on which of its calls' streams it hears
  // something.
  std::size_t web = 0, forgets = 0, breaks_off = 0, many_streams = 0;

  std::size_t soft_limit = 16384, hard_limit = 262144, server_limit = 65536;  // Queues in the daemon.
  std::size_t pipe = 65536;                                                   // What a pipe holds.
  std::size_t chunk = 4096;                                                   // What one read yields.
  std::size_t message_max = 65536;

  // Objects that one session may have.
  std::size_t most(core::Kept kind) const {
    return allowances[static_cast<std::size_t>(kind)].session.objects;
  }

  void turn_to_rounds();
  static Options drawn(Random& random);
  // What has come later, from chance of its own: so worlds without it stay as they are.
  void draw_more(Random& random);
  void draw_latest(Random& random);
  void draw_edits(Random& random);

  // The same world turned kind: everybody healthy, everybody reading.
  Options turned_kind() const;
};

}  // namespace sim
