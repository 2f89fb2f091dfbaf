// The revisions in which a legacy server is greeted, one after the other, until it takes one.
//
// A server should answer initialize with the revision that it speaks, whichever was offered. Some answer any
// other than their own with an error. So the newest is offered first, or the one that the server is known to
// take; after a refusal those that the waiting clients speak, then the others from the newest down. Each is
// offered once in a greeting.
#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/fields.h"
#include "proto/revision.h"

namespace core {

class Offers {
 public:
  // What to offer next: `known` first, then the newest, then `wanted` in their order. Absent: all were
  // refused.
  std::optional<proto::Revision> next(std::optional<proto::Revision> known,
                                      const std::vector<proto::Revision>& wanted) const;
  void offer(proto::Revision revision) { offered_ = revision; }
  // What was offered last did not please.
  void refused() { refused_.set(static_cast<std::size_t>(offered_)); }
  void clear() { refused_.reset(); }

  proto::Revision offered() const { return offered_; }
  bool any_refused() const { return refused_.any(); }

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  proto::Revision offered_ = proto::newest_legacy;
  std::bitset<static_cast<std::size_t>(proto::newest_legacy) + 1> refused_;
};

}  // namespace core
