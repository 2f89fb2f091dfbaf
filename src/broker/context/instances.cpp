#include "broker/context/instances.h"

#include <algorithm>

#include "broker/context/state.h"

namespace broker {

std::vector<InstanceId> Instances::ids() const {
  std::vector<InstanceId> all;
  all.reserve(all_.size());
  all_.each([&](InstanceId id, const core::Instance& /*instance*/) { all.push_back(id); });
  return all;
}

std::vector<InstanceId> Instances::due(base::Instant now) const {
  std::vector<InstanceId> all;
  for (const auto& [when, id] : by_time_) {
    if (when > now) break;
    all.push_back(id);
  }
  std::ranges::sort(all);
  return all;
}

void Instances::file(InstanceId id, std::optional<base::Instant> due) {
  std::optional<base::Instant>& filed = filed_[id.index].due;
  if (filed == due) return;
  if (filed) by_time_.erase({*filed, id});
  if (due) by_time_.emplace(*due, id);
  filed = due;
}

}  // namespace broker
