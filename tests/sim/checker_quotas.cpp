// What must hold where a client wants more than it may have: it is refused, and only then.
#include "core/limits.h"
#include "sim/checker.h"
#include "sim/world.h"

namespace sim {

void Checker::note_cancel(Client& client) {
  client.cancels.push_back(now());
  if (client.cancels.size() > core::limits::most(core::Kept::cancelled)) client.cancels.pop_front();
}

void Checker::check_quota(const Client& client, const Call& call, const std::string& text) {
  if (!call.failed || !text.contains("that were cancelled a moment ago")) return;
  const bool many = client.cancels.size() == core::limits::most(core::Kept::cancelled);
  if (!many || now() - client.cancels.front() > core::limits::ghost)
    broken("a session that has not cancelled too much is not told so", text);
}

}  // namespace sim
