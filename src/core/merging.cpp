#include "core/merging.h"

#include "base/ensure.h"
#include "core/limits.h"

namespace core {

void Merging::leads(CacheKey key, CallId call, base::Instant now) {
  open_[key] = call;
  const bool is_new =
      led_.emplace(call, Led{.key = std::move(key), .since = now, .outdated = false, .joined = {}}).second;
  ensure(is_new);
}

std::optional<CallId> Merging::leader(const CacheKey& key, base::Instant now) const {
  const auto found = open_.find(key);
  if (found == open_.end()) return std::nullopt;
  return now - led_.at(found->second).since < limits::join_within ? std::optional(found->second)
                                                                  : std::nullopt;
}

void Merging::joins(CallId leader, CallId call) {
  led_.at(leader).joined.push_back(call);
}

void Merging::leaves(CallId leader, CallId call) {
  const auto found = led_.find(leader);
  if (found != led_.end()) std::erase(found->second.joined, call);
}

std::optional<CallId> Merging::one_joined(CallId leader) const {
  const auto found = led_.find(leader);
  if (found == led_.end() || found->second.joined.empty()) return std::nullopt;
  return found->second.joined.front();
}

std::optional<Merging::Led> Merging::ended(CallId call) {
  const auto found = led_.find(call);
  if (found == led_.end()) return std::nullopt;
  Led led = std::move(found->second);
  led_.erase(found);
  const auto open = open_.find(led.key);
  if (open != open_.end() && open->second == call) open_.erase(open);
  return led;
}

}  // namespace core
