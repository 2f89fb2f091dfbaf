// The calls of one channel, by the id under which the server knows them.
//
// A JSON-RPC server sees one client whose request ids are unique. The table makes that true: it mints an
// integer for every call, never twice, not even after the server was restarted, and finds the call again when
// the answer comes. The same integer serves as the call's progress token towards the server.
//
// Ids grow, calls are answered roughly in order, so the table is a ring: an id's place is its low bits. An id
// whose place is still taken is passed over, which keeps look-up at one comparison.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "core/capabilities.h"
#include "core/ids.h"
#include "core/levels.h"
#include "proto/method.h"
#include "proto/revision.h"

namespace core {

// Whose call it is and what its answer means to us.
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

enum class CallState : std::uint8_t {
  waiting,  // Held back: the server is not ready, or serves another session first.
  sent,
  asking,     // A modern server wants answers first, and its legacy client has been asked for them.
  parked,     // The server asked something, a modern client has been told, and has not come back yet.
  returning,  // It has come back, with answers that wait for the call's turn.
  joined,     // Another call asks the same, and has been sent: its answer will do (core/merging.h).
  cancelled,  // The client wants no answer any more; the server may still give one.
};

struct Call {
  std::int64_t wire_id = 0;
  SessionId session;
  Purpose purpose = Purpose::forwarded;
  CallState state = CallState::waiting;
  proto::Method method = proto::Method::other;
  bool task = false;                    // Asked to become a task.
  bool effect = false;                  // Sent, and may change something at the server (broker/effects.h).
  proto::Era era = proto::Era::legacy;  // In which the client asked.
  Abilities abilities;                  // Modern: what its client may be asked because of it.
  std::optional<Level> level;           // Modern: the log lines that it wants.
  std::string lacking;       // Modern: what the server asked for and the client has not declared, raw.
  std::uint64_t park = 0;    // Modern: what the server has asked because of it. 0: nothing.
  std::string client_id;     // Raw JSON, quotes included: 1 and "1" are different ids.
  std::string token;         // The client's progress token, raw; empty when it wants no progress.
  std::string uri;           // subscribe, unsubscribe.
  std::string tool;          // tools/call: which,
  std::uint64_t digest = 0;  // and of it with its arguments. 0: another method, or not sent yet.
  std::int64_t joined = 0;   // The call that it has joined.
  base::Bytes
      original;  // Of one that was sent across eras, or that has joined another: as the client wrote it.
  std::optional<std::uint16_t> journal_slot;
  base::Instant cancelled_at;
};

// A call that was cancelled a moment ago may still be running in the server.
bool ghost(const Call& call, base::Instant now);
// It may still be asking, if it was cancelled just now.
bool ending(const Call& call, base::Instant now);

class CallTable {
 public:
  // The call is given the next free id, which it carries from then on.
  Call& insert(Call call);

  Call* find(std::int64_t wire_id);
  const Call* find(std::int64_t wire_id) const { return const_cast<CallTable*>(this)->find(wire_id); }
  // Takes the call out.
  Call take(std::int64_t wire_id);
  // Puts a call back that was taken and has not been replaced since.
  void restore(Call call);

  std::size_t size() const { return size_; }

  // f(Call&) in order of ids. Calls may be taken out meanwhile.
  template <class F>
  void each(F&& f) {
    for (const std::int64_t id : ids()) {
      if (Call* call = find(id)) f(*call);
    }
  }

  template <class F>
  void each(F&& f) const {
    for (const std::int64_t id : ids()) f(*const_cast<CallTable*>(this)->find(id));
  }

  // Every id in the table, ascending.
  std::vector<std::int64_t> ids() const;

 private:
  void grow();
  std::size_t place_of(std::int64_t wire_id) const;

  std::vector<Call> ring_;  // wire_id 0: free.
  std::size_t size_ = 0;
  std::int64_t next_ = 1;
};

}  // namespace core
