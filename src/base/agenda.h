// When things that are named by ids are next due: the first time is known, and those that are due are found,
// without a look at the others.
//
// The owner of the things knows the time that each has here, and says it when that changes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/time.h"

namespace base {

template <class Id>
class Agenda {
 public:
  // Absent: it has no time.
  void move(const Id& id, std::optional<Instant> from, std::optional<Instant> to) {
    if (from == to) return;
    if (from) times_.erase({*from, id});
    if (to) times_.emplace(*to, id);
  }

  std::optional<Instant> first() const {
    return times_.empty() ? std::nullopt : std::optional(times_.begin()->first);
  }
  // In order of ids. They keep their times.
  std::vector<Id> due(Instant now) const {
    std::vector<Id> all;
    for (const auto& [when, id] : times_) {
      if (when > now) break;
      all.push_back(id);
    }
    std::ranges::sort(all);
    return all;
  }

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  std::set<std::pair<Instant, Id>> times_;
};

}  // namespace base
