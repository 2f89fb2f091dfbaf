// Settings that several sessions have for one server: the stricter ones hold (core/stricter.h).
#include "broker/sessions/sessions.h"
#include "core/stricter.h"

namespace broker {

using core::Instance;

void settle_order(Instance& instance) {
  const core::ServerSpec& spec = instance.spec;
  instance.order = core::call_order_of(spec);
  // Over HTTP each session has a conversation of its own, and a question comes in one.
  const bool known_to_ask = spec.asks && spec.link == core::Link::stdio;
  instance.interactive |= spec.interactive == core::Interactive::serialise || known_to_ask;
}

void heed_stricter(State& state, Instance& server, const core::ServerSpec& asking) {
  const auto heed = [&](Instance& one) {
    std::string tightened = core::tighten(one.spec, asking);
    if (tightened.empty()) return tightened;
    settle_order(one);
    if (!one.spec.cache) one.talk.cache.clear();
    return tightened;
  };
  const std::string tightened = heed(server);
  for (const InstanceId channel : server.channels) heed(state.instances.at(channel));
  if (tightened.empty()) return;
  state.log(Severity::info, server.spec.name + ": a session has come with stricter settings (" + tightened +
                                "); they hold for all of its sessions from now on");
}

}  // namespace broker
