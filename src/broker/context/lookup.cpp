// Which call, party or server something is about.
#include <algorithm>

#include "broker/context/state.h"
#include "proto/minted_id.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Session;

Party party_of(const Call& call) {
  return {call.session, call.era == proto::Era::modern ? std::optional(call.wire_id) : std::nullopt};
}

Call* call_of(Instance& instance, std::string_view raw_id) {
  const std::optional<std::int64_t> id = proto::minted_id(raw_id);
  Call* call = id ? instance.calls.find(core::CallId(*id)) : nullptr;
  if (call == nullptr) return nullptr;
  // What has not been sent, or is answered already, has no answer to come.
  using enum CallState;
  const bool out =
      call->state == sent || call->state == parked || call->state == returning || call->state == cancelled;
  return out ? call : nullptr;
}

std::string concerned_call(const State& state, const Session& session, const Instance& instance) {
  if (!session.many_streams) return {};
  const std::vector<core::CallId> own = session.calls.wire_ids();
  const auto heard_on = std::ranges::find(own, state.heard_on);
  // Over stdio nothing says it, but while there is only one call it is about that one.
  const bool only_one = !state.heard_on && instance.spec.link == core::Link::stdio && own.size() == 1;
  if (heard_on == own.end() && !only_one) return {};
  const Call* call = instance.calls.find(only_one ? own.front() : *heard_on);
  return call != nullptr ? call->client_id : std::string();
}

void reconsider(State& state, const Instance& instance) {
  const InstanceId id = instance.channel_of.value_or(instance.id);
  if (std::ranges::find(state.to_settle, id) == state.to_settle.end()) state.to_settle.push_back(id);
}

}  // namespace broker
