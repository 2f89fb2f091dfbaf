// When to try a server again that did not stay up.
//
// Each failure doubles the wait; several in a row open the breaker, which then allows one attempt after a
// time to cool down. A server that has answered a call, or stayed up long enough, works: whatever ends it
// then, what was before is forgiven, and it is tried again after the first, short wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/fields.h"
#include "base/time.h"

namespace core {

class Supervision {
 public:
  // It is ready, and from now on stays up. A process that only hangs does not.
  void started(base::Instant now);
  // It has answered a call of a session's.
  void answered() { answered_ = true; }
  bool has_answered() const { return answered_; }  // Since it is ready.
  // The process ended unasked, or never came to be. Returns when the next attempt may be made.
  base::Instant failed(base::Instant now, base::Duration stable_after);
  // A person said: again, now.
  void forgive();

  bool broken() const;  // The breaker is open: do not try unless somebody asks.
  base::Instant retry_at() const { return retry_at_; }
  std::uint32_t failures() const { return failures_; }

  static constexpr std::size_t fields = 4;
  friend struct base::Fields;

 private:
  std::uint32_t failures_ = 0;
  bool answered_ = false;  // Since it is ready.
  std::optional<base::Instant> started_;
  base::Instant retry_at_;
};

}  // namespace core
