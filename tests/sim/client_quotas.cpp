// Clients that want more than they may have: calls that are cancelled at once,
// and subscriptions.
#include <utility>

#include "core/limits.h"
#include "sim/client.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr std::size_t beyond = 20;  // A limit.

}  // namespace

void Client::flood() {
  const bool odd = std::exchange(odd_ids_, false);
  for (std::size_t i = 0; i < core::limits::most(core::Kept::cancelled) + beyond; ++i) {
    const std::string id = tool_call().id;
    if (world.more.permille(20)) continue;
    write({.kind = Record::Kind::cancel,
           .id = id,
           .text = notice_line("notifications/cancelled", "\"requestId\":" + id)});
    if (const auto found = unanswered_.find(id); found != unanswered_.end()) unanswered_.erase(found);
  }
  odd_ids_ = odd;
}

}  // namespace sim
