// Calls that nobody waits for any more and that may still be running: a cancelled one, or one whose client
// left.
//
// For a moment (core::limits::ending) such a call may still be asking. A question that could be its waits for
// its answer, or until the moment is over, and then belongs to the call that is still wanted; a server that
// asks is not given others' calls before that. After the moment a call that is over counts no more.
#include <algorithm>

#include "broker/calls/calls.h"
#include "core/limits.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;

std::optional<core::Full> cancels_too_fast(const State& state, const Instance& instance,
                                           const core::Session& session) {
  auto full = session.account.full(core::Kept::cancelled, {1, 0});
  if (!full) return std::nullopt;
  const core::Account account = full->of_principal ? session.account.widest() : session.account;
  const Call* oldest = instance.calls.longest_cancelled(account.id());
  return oldest != nullptr && core::ghost(*oldest, state.now) ? full : std::nullopt;
}

bool another_is_ending(const State& state, const Instance& instance, const Party& party) {
  if (instance.times.endings.empty()) return false;
  bool found = false;
  instance.calls.newest_first(CallState::cancelled, [&](const Call& call) {
    const bool ending = core::ending(call, state.now);
    found = ending && call.purpose == core::Purpose::forwarded && proto::may_ask(call.method) &&
            party_of(call) != party;
    return ending && !found;
  });
  return found;
}

std::optional<base::Instant> endings_deadline(const Instance& instance) {
  // What waits for a server that is given one call at a time may wait in another of its conversations.
  const bool elsewhere = instance.order.one && instance.spec.link != core::Link::stdio;
  const bool waited_for = elsewhere || !instance.waiting.empty() || !instance.talk.held_questions.empty();
  if (!waited_for || instance.times.endings.empty()) return instance.times.turn_due;
  return std::min(instance.times.endings.front(), instance.times.turn_due.value_or(base::Instant::max()));
}

}  // namespace broker
