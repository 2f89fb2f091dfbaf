// One call at a server: what it is, and in which state it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/fields.h"
#include "base/time.h"
#include "core/account.h"
#include "core/capabilities.h"
#include "core/ids.h"
#include "core/levels.h"
#include "proto/method.h"
#include "proto/revision.h"

namespace core {

// What made the call, and what its answer means to us.
enum class Purpose : std::uint8_t {
  forwarded,    // A session's; the answer goes to it.
  initialize,   // Ours.
  discover,     // Ours: whether the server is a modern one.
  listen,       // Ours: what a modern server is to tell us.
  task_tools,   // Ours: which tools may be tasks.
  task_poll,    // Ours: how a task of `uri` stands.
  task_result,  // Ours: what it came to.
  task_told,    // Ours: a client's answers for it, or its end.
  subscribe,    // Ours, on behalf of all who want the resource.
  unsubscribe,
  set_level,
};

// The states of a call, each with what is only known while it lasts.
struct Queued {};     // Held back: the server is not ready, or serves another session first.
struct Held {};       // Hearth answers it when something else has happened.
struct Sent {};       // The server works at it.
struct Asking {};     // A modern server wants answers first, and its legacy client has been asked for them.
struct Following {};  // It has become a task (Call::uri), and is answered with what that comes to.
struct Parked {};     // The server asked something, a modern client has been told, and has not come back yet.
struct Returning {};  // It has come back, with answers that wait for the call's turn.
// Another call asks the same, and has been sent: its answer will do (core/merging.h).
struct Joined {
  CallId leader;
  base::Bytes request;  // As the client wrote it.
  static constexpr std::size_t fields = 2;
};
// The client wants no answer any more; the server may still give one.
struct Cancelled {
  base::Instant at;
  Charge charge = {};
  static constexpr std::size_t fields = 2;
};

// Which of them, in the same order.
enum class CallState : std::uint8_t {
  queued,
  held,
  sent,
  asking,
  following,
  parked,
  returning,
  joined,
  cancelled
};

// Written by the table only.
class StateOfCall {
 public:
  using Data = std::variant<Queued, Held, Sent, Asking, Following, Parked, Returning, Joined, Cancelled>;

  operator CallState() const { return static_cast<CallState>(data_.index()); }
  // What it knows as a T, which it is.
  template <class T>
  const T& as() const {
    return std::get<T>(data_);
  }

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  friend class CallTable;
  Data data_;
};

inline constexpr std::size_t call_states = std::variant_size_v<StateOfCall::Data>;

struct Call {
  CallId wire_id;
  SessionId session;
  Purpose purpose = Purpose::forwarded;
  StateOfCall state;
  proto::Method method = proto::Method::other;
  bool task = false;    // Asked to become a task.
  bool effect = false;  // Sent, and may change something at the server (broker/calls/effects.h).
  proto::Era era = proto::Era::legacy;  // In which the client asked.
  Abilities abilities;                  // Modern: what its client may be asked because of it.
  std::optional<Level> level;           // Modern: the log lines that it wants.
  std::string lacking;              // Modern: what the server asked for and the client has not declared, raw.
  std::optional<ParkId> park = {};  // Modern: what the server has asked because of it.
  std::string client_id;            // Raw JSON, quotes included: 1 and "1" are different ids.
  std::string token;                // The client's progress token, raw; empty when it wants no progress.
  std::string uri;           // subscribe, unsubscribe; or the id of the task that it is about, or became.
  std::string tool;          // tools/call: which,
  std::uint64_t digest = 0;  // and of it with its arguments. 0: another method, or not sent yet.
  base::Bytes original;      // Of one that was sent across eras: as the client wrote it.
  Charge charge;             // Of that, or of the request of one that has joined another.
  std::optional<std::uint16_t> journal_slot;
  static constexpr std::size_t fields = 20;
};

// A call that was cancelled a moment ago may still be running in the server.
bool ghost(const Call& call, base::Instant now);
// It may still be asking, if it was cancelled just now.
bool ending(const Call& call, base::Instant now);

}  // namespace core
