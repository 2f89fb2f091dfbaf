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
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "core/call.h"
#include "core/ids.h"

namespace core {

class CallTable {
 public:
  // The call is given the next free id, which it carries from then on.
  Call& insert(Call call, StateOfCall::Data state = Queued{});

  Call* find(CallId wire_id);
  const Call* find(CallId wire_id) const { return const_cast<CallTable*>(this)->find(wire_id); }
  // Of none there is no call.
  template <std::same_as<std::optional<CallId>> Id>
  Call* find(Id wire_id) {
    return wire_id ? find(*wire_id) : nullptr;
  }
  template <std::same_as<std::optional<CallId>> Id>
  const Call* find(Id wire_id) const {
    return wire_id ? find(*wire_id) : nullptr;
  }
  // Takes the call out.
  Call take(CallId wire_id);
  // Puts a call back that was taken and has not been replaced since, in the state that it had.
  void restore(Call call);

  // `call` is in the table.
  void become(Call& call, StateOfCall::Data state);

  std::size_t size() const { return size_; }

  // f(Call&) in order of ids. Calls may be taken out meanwhile.
  template <class F>
  void each(F&& f) {
    for (const CallId id : ids()) {
      if (Call* call = find(id)) f(*call);
    }
  }
  template <class F>
  void each(F&& f) const {
    for (const CallId id : ids()) f(*find(id));
  }

  // bool f(const Call&) for those in that state, beginning with the last that came into it, until it returns
  // false. Nothing may change meanwhile.
  template <class F>
  void newest_first(CallState state, F&& f) const {
    for (CallId id = newest_[index_of(state)]; id != CallId();) {
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
  std::vector<CallId> ids() const;
  std::vector<CallId> ids_of(std::initializer_list<CallState> states) const;

  // Of the calls that are charged to a session or to its principal, and have no answer, the one that was
  // cancelled first. Absent: there are none here.
  const Call* longest_cancelled(AccountId account) const;

  static constexpr std::size_t fields = 5;
  friend struct base::Fields;

 private:
  struct Slot {
    Call call;     // wire_id as it is made: free.
    CallId newer;  // Of the same state. Default: none.
    CallId older;
    static constexpr std::size_t fields = 3;
  };
  using ByTime = std::set<std::pair<base::Instant, CallId>>;

  static std::size_t index_of(CallState state) { return static_cast<std::size_t>(state); }
  Slot& slot_of(CallId wire_id) { return ring_[place_of(wire_id)]; }
  void grow();
  std::size_t place_of(CallId wire_id) const {
    return static_cast<std::size_t>(wire_id.value) & (ring_.size() - 1);
  }
  void link(Slot& slot);
  void unlink(Slot& slot);
  void link_cancelled(const Call& call);
  void unlink_cancelled(const Call& call);

  std::vector<Slot> ring_;
  std::array<CallId, call_states> newest_{};  // By state.
  std::map<AccountId, ByTime> cancelled_;     // Of sessions, and of principals.
  std::size_t size_ = 0;
  CallId next_{1};
};

}  // namespace core
