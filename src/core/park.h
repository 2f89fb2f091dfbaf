// What a legacy server asks because of a modern client's call, until the client comes back with the answers.
//
// A modern client is not asked: its call is answered with the questions (input_required) and a ticket, the
// requestState, and it makes the call again with the answers. Meanwhile the call is still running in the
// server: it is parked. A ticket is good for one client's one call: principal, server, method and parameters
// are compared. A ticket that is presented again gets the same answer again; nothing is run twice for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/account.h"
#include "core/ids.h"
#include "core/outcome.h"
#include "proto/method.h"

namespace core {

struct ParkedAsk {
  std::string key;        // Under which the client knows it; unique within its call.
  std::string server_id;  // Raw.
  proto::Method method = proto::Method::other;
  std::string request;     // As it stands among the inputRequests, raw.
  base::Instant due = {};  // When a task's question is declined.
  static constexpr std::size_t fields = 5;
};

// Changed by core/parks.h only.
struct Park {
  // The call has ended: the park is kept for those who present its ticket again.
  bool finished() const { return outcome.has_value(); }

  InstanceId instance;
  SessionId session;  // Of the client that asked last.
  std::string principal;
  Account account = {};             // The session's.
  std::string server;               // The entry's name.
  std::size_t request = 0;          // Bytes of the call as its client wrote it.
  std::optional<CallId> call = {};  // In the server. Absent: none runs; whoever comes back makes it anew.
  std::uint64_t digest = 0;
  std::vector<ParkedAsk> asks;             // Without an answer.
  int keys = 0;                            // Given out.
  bool for_roots = false;                  // Hearth's own question: what the client's roots are.
  bool attached = true;                    // A client waits for the call.
  std::string presented;                   // The ticket with which it came, if it came back.
  std::optional<base::Instant> round_due;  // Attached: the client is told then what is asked.
  std::optional<base::Instant> deadline;   // It is given up then, unless its client comes back.
  std::vector<std::string> tickets;        // That were given out for it.
  std::optional<Outcome> outcome;          // What the call came to while nobody waited.
  Charge charge = {};                      // Of all this.
  static constexpr std::size_t fields = 18;
};

struct Ticket {
  ParkId park;
  std::optional<Outcome> replay;  // What whoever presented it was answered.
  static constexpr std::size_t fields = 2;
};

}  // namespace core
