#include "core/merging.h"

#include "base/ensure.h"
#include "core/limits.h"

namespace core {

void Merging::leads(CacheKey key, std::int64_t call, base::Instant now) {
  open_[key] = call;
  const bool is_new =
      led_.emplace(call, Led{.key = std::move(key), .since = now, .outdated = false, .joined = {}}).second;
  ensure(is_new);
}

std::int64_t Merging::leader(const CacheKey& key, base::Instant now) const {
  const auto found = open_.find(key);
  if (found == open_.end()) return 0;
  return now - led_.at(found->second).since < limits::join_within ? found->second : 0;
}

void Merging::joins(std::int64_t leader, std::int64_t call) {
  led_.at(leader).joined.push_back(call);
}

void Merging::leaves(std::int64_t leader, std::int64_t call) {
  const auto found = led_.find(leader);
  if (found != led_.end()) std::erase(found->second.joined, call);
}

std::int64_t Merging::one_joined(std::int64_t leader) const {
  const auto found = led_.find(leader);
  return found == led_.end() || found->second.joined.empty() ? 0 : found->second.joined.front();
}

std::optional<Merging::Led> Merging::ended(std::int64_t call) {
  const auto found = led_.find(call);
  if (found == led_.end()) return std::nullopt;
  Led led = std::move(found->second);
  led_.erase(found);
  const auto open = open_.find(led.key);
  if (open != open_.end() && open->second == call) open_.erase(open);
  return led;
}

}  // namespace core
