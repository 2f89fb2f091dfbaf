// When to try a server again that did not stay up.
//
// Each failure doubles the wait; several in a row open the breaker, which then allows one attempt after a
// time to cool down. Staying up long enough forgives everything.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace core {

class Supervision {
 public:
  // It is ready, and from now on stays up. A process that only hangs does not.
  void started(base::Instant now);
  // The process ended unasked, or never came to be. Returns when the next attempt may be made.
  base::Instant failed(base::Instant now, base::Duration stable_after);
  // A person said: again, now.
  void forgive();

  bool broken() const;  // The breaker is open: do not try unless somebody asks.
  base::Instant retry_at() const { return retry_at_; }
  std::uint32_t failures() const { return failures_; }

 private:
  std::uint32_t failures_ = 0;
  std::optional<base::Instant> started_;
  base::Instant retry_at_;
};

}  // namespace core
