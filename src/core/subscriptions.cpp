#include "core/subscriptions.h"

#include <algorithm>
#include <utility>

namespace core {

void Subscriptions::forget_held(Subscriber who, std::string_view uri) {
  const auto held = held_.find(who);
  if (held == held_.end()) return;
  held->second.erase(uri);
  if (held->second.empty()) held_.erase(held);
}

void Subscriptions::adopt(const std::string& uri, Subscriber who, Charge charge) {
  auto& [key, resource] = *resources_.try_emplace(uri).first;
  resource.subscribers.insert(who);
  note_held(who, key, std::move(charge));
}

bool Subscriptions::waits_for(const Resource& resource, Subscriber who) {
  return std::ranges::any_of(resource.waiters, [&](const Waiter& one) { return one.subscriber() == who; });
}

Subscriptions::Wish Subscriptions::want(const std::string& uri, Waiter waiter, Charge charge) {
  auto& [key, resource] = *resources_.try_emplace(uri).first;
  note_held(waiter.subscriber(), key, std::move(charge));
  if (resource.upstream && resource.under_way == Step::none) {
    resource.subscribers.insert(waiter.subscriber());
    return {.granted = true};
  }
  resource.waiters.push_back(waiter);
  waiting_.emplace(waiter.call, key);
  return {.granted = false};
}

Subscriptions::Unwanted Subscriptions::remove(Resources::value_type& entry, Subscriber who) {
  auto& [key, resource] = entry;
  Unwanted unwanted{.held = resource.subscribers.erase(who) != 0, .calls = {}};
  std::erase_if(resource.waiters, [&](const Waiter& waiter) {
    if (waiter.subscriber() != who) return false;
    unwanted.held = true;
    unwanted.calls.push_back(waiter.call);
    waiting_.erase({waiter.call, key});
    return true;
  });
  forget_held(who, key);
  return unwanted;
}

Subscriptions::Unwanted Subscriptions::unwant(const std::string& uri, Subscriber who) {
  const auto found = resources_.find(uri);
  return found != resources_.end() ? remove(*found, who) : Unwanted{};
}

void Subscriptions::withdraw(CallId call) {
  for (auto waiting = waiting_.lower_bound({call, {}});
       waiting != waiting_.end() && waiting->first == call;) {
    auto& [key, resource] = *resources_.find(waiting->second);
    waiting = waiting_.erase(waiting);
    const auto waiter = std::ranges::find(resource.waiters, call, &Waiter::call);
    const Subscriber who = waiter->subscriber();
    resource.waiters.erase(waiter);
    if (!waits_for(resource, who) && !resource.subscribers.contains(who)) forget_held(who, key);
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

std::vector<Subscriptions::Waiter> Subscriptions::take_waiters(Resources::value_type& entry) {
  std::vector<Waiter> waiters = std::exchange(entry.second.waiters, {});
  for (const Waiter& waiter : waiters) {
    waiting_.erase({waiter.call, entry.first});
    if (!entry.second.subscribers.contains(waiter.subscriber()))
      forget_held(waiter.subscriber(), entry.first);
  }
  return waiters;
}

void Subscriptions::drop_subscribers(Resources::value_type& entry) {
  for (const Subscriber& who : std::exchange(entry.second.subscribers, {})) {
    if (!waits_for(entry.second, who)) forget_held(who, entry.first);
  }
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
  if (success) {
    for (const Waiter& waiter : resource.waiters) resource.subscribers.insert(waiter.subscriber());
  }
  std::vector<Waiter> waiters = take_waiters(*found);
  if (!success) drop_subscribers(*found);
  return waiters;
}

std::vector<Subscriptions::Waiter> Subscriptions::no_outcome(const std::string& uri) {
  const auto found = resources_.find(uri);
  if (found == resources_.end()) return {};
  found->second.under_way = Step::none;
  return take_waiters(*found);
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
  drop_subscribers(*found);
}

std::vector<std::string> Subscriptions::leave(const std::vector<Subscriber>& all) {
  std::set<std::string> touched;
  for (const Subscriber& who : all) {
    for (auto held = held_.find(who); held != held_.end(); held = held_.find(who)) {
      const std::string_view uri = held->second.begin()->first;
      touched.emplace(uri);
      remove(*resources_.find(uri), who);
    }
  }
  return {touched.begin(), touched.end()};
}

std::vector<std::string> Subscriptions::leave(SessionId session) {
  std::vector<Subscriber> all;
  for (auto held = held_.lower_bound(Subscriber(session));
       held != held_.end() && held->first.session == session; ++held)
    all.push_back(held->first);
  return leave(all);
}

std::vector<std::string> Subscriptions::leave_listen(SessionId session, CallId listen) {
  const Subscriber who{session, listen};
  return held_.contains(who) ? leave(std::vector{who}) : std::vector<std::string>{};
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
  const auto held = held_.find(who);
  if (held == held_.end()) return all;
  for (const auto& [uri, charge] : held->second) {
    const auto found = resources_.find(uri);
    if (found->second.subscribers.contains(who)) all.push_back(found->first);
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
  for (auto held = held_.lower_bound(Subscriber(session));
       held != held_.end() && held->first.session == session; ++held)
    count += held->second.size();
  return count;
}

namespace {

// f(std::string_view) for each resource that `uri` is part of: "file:///a/b" is part of "file:///a" and of
// "file:///a/", not of "file:///ab".
template <class F>
void each_whole(std::string_view uri, F&& f) {
  for (std::size_t at = uri.find_first_of("/#?"); at != std::string_view::npos;
       at = uri.find_first_of("/#?", at + 1)) {
    if (at != 0) f(uri.substr(0, at));
    if (uri[at] == '/' && at + 1 != uri.size()) f(uri.substr(0, at + 1));
  }
}

}  // namespace

std::set<Subscriber> Subscriptions::concerned(std::string_view uri) const {
  const auto exact = resources_.find(uri);
  if (exact != resources_.end() && !exact->second.subscribers.empty()) return exact->second.subscribers;
  std::set<Subscriber> all;
  each_whole(uri, [&](std::string_view whole) {
    const auto found = resources_.find(whole);
    if (found != resources_.end())
      all.insert(found->second.subscribers.begin(), found->second.subscribers.end());
  });
  return all;
}

std::vector<std::string> Subscriptions::subscribed_for(std::string_view uri, Subscriber who) const {
  std::vector<std::string> all;
  const auto look_at = [&](std::string_view whole) {
    const auto found = resources_.find(whole);
    if (found != resources_.end() && found->second.subscribers.contains(who)) all.push_back(found->first);
  };
  look_at(uri);
  each_whole(uri, look_at);
  return all;
}

}  // namespace core
