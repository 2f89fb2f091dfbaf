#include "core/waiting_queue.h"

#include <iterator>

#include "base/ensure.h"

namespace core {

void WaitingQueue::push(Waiting waiting) {
  const Place place = waiting.answer ? --newest_answer_ : static_cast<Place>(waiting.number);
  ensure(waiting.answer || all_.empty() || place > all_.rbegin()->first);
  if (waiting.call) by_call_[*waiting.call] = place;
  if (!waiting.takes_turns()) free_.insert(place);
  all_.emplace(place, std::move(waiting));
}

std::optional<WaitingQueue::Place> WaitingQueue::first() const {
  return all_.empty() ? std::nullopt : std::optional(all_.begin()->first);
}

std::optional<WaitingQueue::Place> WaitingQueue::last() const {
  return all_.empty() ? std::nullopt : std::optional(all_.rbegin()->first);
}

std::optional<WaitingQueue::Place> WaitingQueue::after(Place place) const {
  const auto next = all_.upper_bound(place);
  return next != all_.end() ? std::optional(next->first) : std::nullopt;
}

Waiting WaitingQueue::take(Place place) {
  auto taken = all_.extract(place);
  ensure(!taken.empty());
  if (taken.mapped().call) by_call_.erase(*taken.mapped().call);
  free_.erase(place);
  return std::move(taken.mapped());
}

std::optional<Waiting> WaitingQueue::take(CallId call) {
  const auto found = by_call_.find(call);
  return found != by_call_.end() ? std::optional(take(found->second)) : std::nullopt;
}

std::size_t WaitingQueue::answers_of(SessionId session) const {
  std::size_t count = 0;
  for (auto each = all_.begin(); each != all_.end() && each->second.answer; ++each)
    count += each->second.session == session ? 1U : 0U;
  return count;
}

}  // namespace core
