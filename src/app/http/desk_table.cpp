#include "app/http/desk_table.h"

#include <algorithm>

namespace app {

std::optional<core::SessionId> DeskTable::find(const DeskKey& key) const {
  const auto found = by_key_.find(key);
  return found != by_key_.end() ? std::optional(found->second) : std::nullopt;
}

transport::ParamHeaders& DeskTable::borrow_params(const std::string& server, const std::string& project) {
  Params& params = params_[{server, project}];
  ++params.borrowers;
  return params.headers;
}

void DeskTable::give_back_params(const std::string& server, const std::string& project) {
  const auto found = params_.find({server, project});
  if (found != params_.end() && --found->second.borrowers == 0) params_.erase(found);
}

void DeskTable::forget(core::SessionId desk) {
  const auto found = std::ranges::find_if(by_key_, [&](const auto& entry) { return entry.second == desk; });
  if (found != by_key_.end()) by_key_.erase(found);
}

}  // namespace app
