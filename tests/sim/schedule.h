// The invented clock, and what is going to happen on it.
//
// Things planned for the same moment happen in the order in which they were planned.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/time.h"

namespace sim {

class Schedule {
 public:
  base::Instant now() const { return now_; }

  void after(base::Duration wait, std::function<void()> what) {
    planned_.emplace(std::pair(now_ + wait, next_++), std::move(what));
  }

  std::optional<base::Instant> next() const {
    if (planned_.empty()) return std::nullopt;
    return planned_.begin()->first.first;
  }
  void run_next() {
    auto first = planned_.extract(planned_.begin());
    advance(first.key().first);
    first.mapped()();
  }
  void advance(base::Instant to) {
    if (to > now_) now_ = to;
  }

 private:
  base::Instant now_{std::chrono::hours(1)};
  std::uint64_t next_ = 0;
  std::map<std::pair<base::Instant, std::uint64_t>, std::function<void()>> planned_;
};

}  // namespace sim
