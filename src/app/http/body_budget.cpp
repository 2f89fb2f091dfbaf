#include "app/http/body_budget.h"

#include <algorithm>

namespace app {

void BodyBudget::note(Key key, const std::string& principal, std::size_t held) {
  const auto [found, is_new] = bodies_.try_emplace(key);
  Body& body = found->second;
  if (is_new) {
    body.principal = principal;
    body.since = ++seen_;
  }
  held_ += held - body.held;
  by_principal_[body.principal] += held - body.held;
  body.held = held;
}

void BodyBudget::forget(Key key) {
  const auto found = bodies_.find(key);
  if (found == bodies_.end()) return;
  held_ -= found->second.held;
  if (const auto theirs = by_principal_.find(found->second.principal); theirs != by_principal_.end()) {
    theirs->second -= found->second.held;
    if (theirs->second == 0) by_principal_.erase(theirs);
  }
  bodies_.erase(found);
}

bool BodyBudget::may_go_on(Key key) const {
  const auto found = bodies_.find(key);
  if (found == bodies_.end() || found->second.held < limits_.small) return true;
  const Body& body = found->second;
  if (held_ < limits_.all && by_principal_.at(body.principal) < limits_.each_principal) return true;
  return std::ranges::none_of(bodies_, [&](const auto& entry) {
    const Body& other = entry.second;
    return other.principal == body.principal && other.held >= limits_.small && other.since < body.since;
  });
}

}  // namespace app
