// What waits for a server to be ready, or to be free, in the order in which it is looked at: answers of
// clients, the newest first, before all that has not begun; then the rest as it came.
//
// A queue may hold hundreds of thousands, of many sessions. Found without passing by all of it are the
// message of a call, the answers, and whether anything can go without a turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "core/account.h"
#include "core/ids.h"
#include "proto/message.h"

namespace core {

struct Waiting {
  SessionId session;
  std::optional<CallId> call;  // Absent: a notification, or an answer.
  proto::Message message;
  Charge charge;
  std::uint64_t number = 0;  // In order of arrival, over all instances. An answer has none: it goes first.
  bool answer = false;       // Of a client to a question, while another party has its turn.
  bool may_ask = false;      // A call that the server may ask something because of.

  // Only a call that may ask, and an answer, wait for turns.
  bool takes_turns() const { return may_ask || answer; }
  static constexpr std::size_t fields = 7;
};

class WaitingQueue {
 public:
  using Place = std::int64_t;  // Ascending.

  // Its number is greater than that of any in the queue; an answer has none.
  void push(Waiting waiting);

  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  bool contains(CallId call) const { return by_call_.contains(call); }

  std::optional<Place> first() const;
  std::optional<Place> last() const;
  // The next place behind that one, at which nothing need be any more.
  std::optional<Place> after(Place place) const;
  Waiting& at(Place place) { return all_.at(place); }
  const Waiting& at(Place place) const { return all_.at(place); }

  Waiting take(Place place);
  // That of the call, if it has one here.
  std::optional<Waiting> take(CallId call);
  // In order, all that bool f(const Waiting&) is true for.
  template <class F>
  std::vector<Waiting> take_if(F&& f) {
    std::vector<Place> places;
    for (const auto& [place, waiting] : all_) {
      if (f(waiting)) places.push_back(place);
    }
    std::vector<Waiting> taken;
    taken.reserve(places.size());
    for (const Place place : places) taken.push_back(take(place));
    return taken;
  }

  // f(const Waiting&) in order, until it returns true; whether it has.
  template <class F>
  bool any(F&& f) const {
    for (const auto& [place, waiting] : all_) {
      if (f(waiting)) return true;
    }
    return false;
  }
  // Answers that the session has in it.
  std::size_t answers_of(SessionId session) const;
  // Whether all that is behind the place waits for turns.
  bool only_turns_after(Place place) const { return free_.upper_bound(place) == free_.end(); }

  static constexpr std::size_t fields = 4;
  friend struct base::Fields;

 private:
  std::map<Place, Waiting> all_;
  std::map<CallId, Place> by_call_;
  std::set<Place> free_;  // Without turns.
  Place newest_answer_ = 0;
};

}  // namespace core
