#include "core/subscriptions.h"

#include <algorithm>
#include <utility>

namespace core {

Subscriptions::Wish Subscriptions::want(const std::string& uri, Waiter waiter) {
  Resource& resource = resources_[uri];
  if (resource.upstream && resource.under_way == Step::none) {
    resource.subscribers.insert(waiter.subscriber());
    return {.granted = true};
  }
  resource.waiters.push_back(waiter);
  return {.granted = false};
}

Subscriptions::Unwanted Subscriptions::unwant(const std::string& uri, Subscriber who) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return {};
  Unwanted unwanted{.held = found->second.subscribers.erase(who) != 0, .calls = {}};
  std::erase_if(found->second.waiters, [&](const Waiter& waiter) {
    if (waiter.subscriber() != who) return false;
    unwanted.held = true;
    unwanted.calls.push_back(waiter.call);
    return true;
  });
  return unwanted;
}

void Subscriptions::withdraw(std::int64_t call) {
  for (auto& [uri, resource] : resources_) {
    std::erase_if(resource.waiters, [&](const Waiter& waiter) { return waiter.call == call; });
  }
}

Subscriptions::Step Subscriptions::step(const std::string& uri) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return Step::none;
  Resource& resource = found->second;
  if (resource.under_way != Step::none) return Step::none;
  const bool wanted = !resource.subscribers.empty() || !resource.waiters.empty();
  if (wanted == resource.upstream) {
    if (!wanted) resources_.erase(found);
    return Step::none;
  }
  resource.under_way = wanted ? Step::subscribe : Step::unsubscribe;
  return resource.under_way;
}

std::vector<Subscriptions::Waiter> Subscriptions::outcome(const std::string& uri, bool success) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return {};
  Resource& resource = found->second;
  const Step step = std::exchange(resource.under_way, Step::none);
  if (step != Step::subscribe) {
    resource.upstream = false;  // Also after an error: the server does not hold what it refuses to end.
    return {};
  }
  resource.upstream = success;
  std::vector<Waiter> waiters = std::exchange(resource.waiters, {});
  if (!success) {
    resource.subscribers.clear();
    return waiters;
  }
  for (const Waiter& waiter : waiters) resource.subscribers.insert(waiter.subscriber());
  return waiters;
}

std::vector<Subscriptions::Waiter> Subscriptions::no_outcome(const std::string& uri) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return {};
  found->second.under_way = Step::none;
  return std::exchange(found->second.waiters, {});
}

void Subscriptions::upstream_lost() {
  for (auto& [uri, resource] : resources_) {
    resource.upstream = false;
    resource.under_way = Step::none;
  }
}

void Subscriptions::upstream_broke_off() {
  for (auto& [uri, resource] : resources_) resource.upstream = false;
}

void Subscriptions::taken_back(const std::string& uri) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return;
  found->second.upstream = false;
  found->second.subscribers.clear();
}

template <class Mine>
std::vector<std::string> Subscriptions::leave_if(Mine mine) {
  std::vector<std::string> touched;
  for (auto& [uri, resource] : resources_) {
    const std::size_t gone =
        std::erase_if(resource.subscribers, mine) +
        std::erase_if(resource.waiters, [&](const Waiter& waiter) { return mine(waiter.subscriber()); });
    if (gone != 0) touched.push_back(uri);
  }
  return touched;
}

std::vector<std::string> Subscriptions::leave(SessionId session) {
  return leave_if([&](const Subscriber& who) { return who.session == session; });
}

std::vector<std::string> Subscriptions::leave_listen(std::int64_t listen) {
  return leave_if([&](const Subscriber& who) { return who.listen == listen; });
}

std::vector<std::string> Subscriptions::uris() const {
  std::vector<std::string> all;
  for (const auto& [uri, resource] : resources_) all.push_back(uri);
  return all;
}

std::vector<std::string> Subscriptions::wanted() const {
  std::vector<std::string> all;
  for (const auto& [uri, resource] : resources_) {
    if (!resource.subscribers.empty() || !resource.waiters.empty()) all.push_back(uri);
  }
  return all;
}

std::vector<std::string> Subscriptions::uris_of(Subscriber who) const {
  std::vector<std::string> all;
  for (const auto& [uri, resource] : resources_) {
    if (resource.subscribers.contains(who)) all.push_back(uri);
  }
  return all;
}

std::set<SessionId> Subscriptions::sessions_of(std::string_view uri) const {
  std::set<SessionId> all;
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return all;
  for (const Subscriber& one : found->second.subscribers) all.insert(one.session);
  for (const Waiter& one : found->second.waiters) all.insert(one.session);
  return all;
}

std::size_t Subscriptions::count_of(SessionId session) const {
  std::size_t count = 0;
  for (const auto& [uri, resource] : resources_) {
    for (const Subscriber& who : resource.subscribers) count += who.session == session ? 1U : 0U;
    for (const Waiter& waiter : resource.waiters) count += waiter.session == session ? 1U : 0U;
  }
  return count;
}

std::set<Subscriber> Subscriptions::concerned(std::string_view uri) const {
  const auto exact = resources_.find(uri);
  if (exact != resources_.end() && !exact->second.subscribers.empty()) return exact->second.subscribers;
  std::set<Subscriber> all;
  for (const auto& [whole, resource] : resources_) {
    // A sub-resource: "file:///a/b" is part of "file:///a" and of "file:///a/", not of "file:///ab".
    if (whole.empty() || !uri.starts_with(whole) || uri.size() == whole.size()) continue;
    const bool at_border = whole.back() == '/' || uri[whole.size()] == '/' || uri[whole.size()] == '#' ||
                           uri[whole.size()] == '?';
    if (at_border) all.insert(resource.subscribers.begin(), resource.subscribers.end());
  }
  return all;
}

}  // namespace core
