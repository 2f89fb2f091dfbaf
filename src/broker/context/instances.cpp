#include "broker/context/instances.h"

namespace broker {

std::vector<InstanceId> Instances::ids() const {
  std::vector<InstanceId> all;
  all.reserve(all_.size());
  all_.each([&](InstanceId id, const core::Instance& /*instance*/) { all.push_back(id); });
  return all;
}

}  // namespace broker
