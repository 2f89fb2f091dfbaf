// The calls of one channel, by the id under which the server knows them.
//
// A JSON-RPC server sees one client whose request ids are unique. The table makes that true: it mints an
// integer for every call, never twice, not even after the server was restarted, and finds the call again when
// the answer comes. The same integer serves as the call's progress token towards the server.
//
// Ids grow, calls are answered roughly in order, so the table is a ring: an id's place is its low bits. An id
// whose place is still taken is passed over, which keeps look-up at one comparison.
//
// It is the only writer of a call's state, and keeps the calls of each state together: what looks for those
// that run, or that were cancelled a moment ago, does not pass by thousands of others.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
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

enum class CallState : std::uint8_t {
  waiting,  // Held back: the server is not ready, or serves another session first.
  sent,
  asking,     // A modern server wants answers first, and its legacy client has been asked for them.
  parked,     // The server asked something, a modern client has been told, and has not come back yet.
  returning,  // It has come back, with answers that wait for the call's turn.
  joined,     // Another call asks the same, and has been sent: its answer will do (core/merging.h).
  cancelled,  // The client wants no answer any more; the server may still give one.
};

// Written by the table only.
class StateOfCall {
 public:
  operator CallState() const { return state_; }

 private:
  friend class CallTable;
  CallState state_ = CallState::waiting;
};

struct Call {
  std::int64_t wire_id = 0;
  SessionId session;
  Purpose purpose = Purpose::forwarded;
  StateOfCall state;
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
  Call& insert(Call call, CallState state = CallState::waiting);

  Call* find(std::int64_t wire_id);
  const Call* find(std::int64_t wire_id) const { return const_cast<CallTable*>(this)->find(wire_id); }
  // Takes the call out.
  Call take(std::int64_t wire_id);
  // Puts a call back that was taken and has not been replaced since, in the state that it had.
  void restore(Call call);

  // `call` is in the table. One that is cancelled has its time.
  void become(Call& call, CallState state);

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
    for (const std::int64_t id : ids()) f(*find(id));
  }

  // bool f(const Call&) for those in that state, beginning with the last that came into it, until it returns
  // false. Nothing may change meanwhile.
  template <class F>
  void newest_first(CallState state, F&& f) const {
    for (std::int64_t id = newest_[index_of(state)]; id != 0;) {
      const Slot& slot = ring_[place_of(id)];
      if (!f(slot.call)) return;
      id = slot.older;
    }
  }
  // Whether there is one in that state that f(const Call&) is true for.
  template <class F>
  bool any(CallState state, F&& f) const {
    bool found = false;
    newest_first(state, [&](const Call& call) { return !(found = f(call)); });
    return found;
  }

  // Every id in the table, ascending; or of the calls in those states.
  std::vector<std::int64_t> ids() const;
  std::vector<std::int64_t> ids_of(std::initializer_list<CallState> states) const;

  // The session's calls that are cancelled and have no answer: how many, and the one cancelled first.
  std::size_t cancelled_of(SessionId session) const;
  const Call& longest_cancelled_of(SessionId session) const;

 private:
  struct Slot {
    Call call;               // wire_id 0: free.
    std::int64_t newer = 0;  // Of the same state. 0: none.
    std::int64_t older = 0;
  };
  using Cancelled = std::set<std::pair<base::Instant, std::int64_t>>;

  static std::size_t index_of(CallState state) { return static_cast<std::size_t>(state); }
  Slot& slot_of(std::int64_t wire_id) { return ring_[place_of(wire_id)]; }
  void grow();
  std::size_t place_of(std::int64_t wire_id) const {
    return static_cast<std::size_t>(wire_id) & (ring_.size() - 1);
  }
  void link(Slot& slot);
  void unlink(Slot& slot);

  std::vector<Slot> ring_;
  std::array<std::int64_t, 7> newest_{};  // By state.
  std::map<SessionId, Cancelled> cancelled_;
  std::size_t size_ = 0;
  std::int64_t next_ = 1;
};

}  // namespace core
