// Clients that wait to hear what the server is: initialize of legacy ones, server/discover of modern ones.
#include "broker/calls/calls.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"
#include "face/to_legacy_client.h"
#include "face/to_modern_client.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::Instance;
using core::Phase;
using core::Session;
using proto::Method;

std::string what_it_is(const Instance& instance) {
  return instance.era == proto::Era::modern ? face::discovered_result(instance.known.discover_result)
                                            : face::discover_result(instance.known.initialize_result);
}

void answer_initialize(State& state, Session& session, Instance& instance) {
  std::string text =
      face::initialize_answer(session.initialize_id, instance.known.initialize_result, session.revision);
  state.outbox.push_back(SendToSession{session.id, proto::Message(std::move(text)), session.initialize_slot});
  session.phase = session.initialized_early ? Phase::ready : Phase::answered;
  note_setup(state, session);
  learn_roots(state, session, instance);
}

void fail_initialize(State& state, Session& session, std::string_view raw_error) {
  // An error of ours is the sentence itself. In one of the server's own there is no word of it.
  const std::string message = proto::json::unquoted(proto::member(raw_error, "message"));
  constexpr std::string_view ours = "hearth: ";
  if (message.starts_with(ours)) {
    state.outbox.push_back(TellSession{session.id, message.substr(ours.size())});
  } else if (const Instance* instance = state.instance_of(session)) {
    state.outbox.push_back(TellSession{
        session.id,
        "server " + instance->spec.name + ": " + (instance->trouble.empty() ? message : instance->trouble)});
  }
  state.outbox.push_back(SendToSession{session.id,
                                       proto::Message(proto::error_text(session.initialize_id, raw_error)),
                                       std::exchange(session.initialize_slot, {})});
  session.phase = Phase::fresh;
  session.initialized_early = false;
  note_setup(state, session);
}

void answer_discovers(State& state, Instance& instance) {
  for (const core::CallId wire_id : instance.calls.ids()) {
    const Call* call = instance.calls.find(wire_id);
    if (call == nullptr || call->method != Method::server_discover || call->era != proto::Era::modern)
      continue;
    answer(state, instance, wire_id, what_it_is(instance));
  }
}

}  // namespace broker
