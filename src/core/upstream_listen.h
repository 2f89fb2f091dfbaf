// The one subscriptions/listen that Hearth holds at a modern server, for all who want to hear something.
//
// Its filter cannot change, so another is opened, and the old one is ended when the new one is acknowledged.
// One that is lost is opened again, later each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/ids.h"
#include "core/listen.h"

namespace core {

struct UpstreamListen {
  std::optional<CallId> call;         // Acknowledged.
  Filter filter;                      // What was asked for with it.
  std::optional<CallId> opening;      // Not yet acknowledged.
  Filter wanted;                      // What was asked for with that.
  std::vector<std::string> changing;  // Resources whose subscription its acknowledgement decides.
  // Replaced, but over HTTP what it said before may still be on its way: each is ended at its time.
  struct Replaced {
    CallId call;
    base::Instant due;
    static constexpr std::size_t fields = 2;
  };
  std::vector<Replaced> replaced;
  int failures = 0;  // In a row.
  std::optional<base::Instant> retry_at;
  static constexpr std::size_t fields = 8;
};

}  // namespace core
