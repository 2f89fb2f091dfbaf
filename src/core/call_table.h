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

#include "base/time.h"
#include "core/call.h"
#include "core/ids.h"

namespace core {

class CallTable {
 public:
  // The call is given the next free id, which it carries from then on.
  Call& insert(Call call, StateOfCall::Data state = Queued{});

  Call* find(std::int64_t wire_id);
  const Call* find(std::int64_t wire_id) const { return const_cast<CallTable*>(this)->find(wire_id); }
  // Takes the call out.
  Call take(std::int64_t wire_id);
  // Puts a call back that was taken and has not been replaced since, in the state that it had.
  void restore(Call call);

  // `call` is in the table.
  void become(Call& call, StateOfCall::Data state);

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
  using ByTime = std::set<std::pair<base::Instant, std::int64_t>>;

  static std::size_t index_of(CallState state) { return static_cast<std::size_t>(state); }
  Slot& slot_of(std::int64_t wire_id) { return ring_[place_of(wire_id)]; }
  void grow();
  std::size_t place_of(std::int64_t wire_id) const {
    return static_cast<std::size_t>(wire_id) & (ring_.size() - 1);
  }
  void link(Slot& slot);
  void unlink(Slot& slot);

  std::vector<Slot> ring_;
  std::array<std::int64_t, call_states> newest_{};  // By state.
  std::map<SessionId, ByTime> cancelled_;
  std::size_t size_ = 0;
  std::int64_t next_ = 1;
};

}  // namespace core
