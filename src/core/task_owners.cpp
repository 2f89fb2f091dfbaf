#include "core/task_owners.h"

#include "core/limits.h"

namespace core {

void TaskOwners::created(const std::string& server, const std::string& id, const std::string& principal) {
  const Key key{server, id};
  if (!owners_.insert_or_assign(key, principal).second) return;
  order_.push_back(key);
  if (order_.size() <= limits::tasks_owned) return;
  owners_.erase(order_.front());
  order_.pop_front();
}

bool TaskOwners::hidden_from(std::string_view principal, const std::string& server,
                             const std::string& id) const {
  const auto found = owners_.find({server, id});
  return found != owners_.end() && found->second != principal;
}

}  // namespace core
