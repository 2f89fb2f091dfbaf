// Requests that ask a server the same at the same time: one of them is sent, and its answer is everybody's.
//
// The one that is sent leads, the others join it. What is known to have changed since a request was sent may
// be missing from its answer: it is nobody's answer who asks after that, and is not to be kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "core/cache.h"
#include "core/ids.h"

namespace core {

class Merging {
 public:
  // The call is sent. Later calls that ask the same may join it, and no earlier call.
  void leads(CacheKey key, CallId call, base::Instant now);
  // The call to join; 0: none.
  std::optional<CallId> leader(const CacheKey& key, base::Instant now) const;
  void joins(CallId leader, CallId call);
  // It waits no more.
  void leaves(CallId leader, CallId call);
  // One that has joined the call; 0: none.
  std::optional<CallId> one_joined(CallId leader) const;

  struct Led {
    CacheKey key;
    base::Instant since;
    bool outdated = false;
    std::vector<CallId> joined;  // In order of joining.
    static constexpr std::size_t fields = 4;
  };
  // The call leads nobody any more. None if it did not lead.
  std::optional<Led> ended(CallId call);

  // No call may join the calls under way from now on. Calls that have joined still get their answers.
  void close() { open_.clear(); }

  // f(const CacheKey&) says what has changed.
  template <class F>
  void outdate(F&& f) {
    std::erase_if(open_, [&](const auto& entry) { return f(entry.first); });
    for (auto& [call, led] : led_) led.outdated |= f(led.key);
  }
  // Calls that lead and whose keys f() names, in order.
  template <class F>
  std::vector<CallId> leading(F&& f) const {
    std::vector<CallId> calls;
    for (const auto& [call, led] : led_) {
      if (f(led.key)) calls.push_back(call);
    }
    return calls;
  }

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  std::map<CallId, Led> led_;        // By call.
  std::map<CacheKey, CallId> open_;  // Calls that may be joined.
};

}  // namespace core
