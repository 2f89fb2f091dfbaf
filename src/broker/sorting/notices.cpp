// What follows from what the rooms below have noticed (notice.h).
#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/roots/roots.h"
#include "broker/sorting/sorting.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Session;

// Its bytes are a message that was read before.
Scanned scanned(const base::Bytes& bytes) {
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  return {bytes, *envelope};
}

void act_on(State& state, const AnswerKept& kept) {
  Instance* instance = state.instances.find(kept.instance);
  if (instance == nullptr || instance->calls.find(kept.call) == nullptr) return;
  pass_answer(state, *instance, kept.call, scanned(kept.answer));
  if (!instance->waiting.empty()) drain_waiting(state, *instance);
}

void act_on(State& state, const TurnCame& came) {
  Instance* instance = state.instances.find(came.instance);
  Call* call = instance != nullptr ? instance->calls.find(came.call) : nullptr;
  if (call == nullptr || call->state != CallState::sent) return;
  come_back_in_turn(state, *instance, *call, scanned(came.request));
}

void begin(State& state, Session& session, Instance& instance, const Scanned& message) {
  switch (proto::method_of(message.of(message.envelope.method))) {
    case proto::Method::resources_subscribe:
      return client_subscribes(state, session, instance, message);
    case proto::Method::resources_unsubscribe:
      return client_unsubscribes(state, session, instance, message);
    default:
      return client_sets_level(state, session, instance, message);
  }
}

void act_on(State& state, const RequestHeld& held) {
  Session* session = state.sessions.find(held.session);
  Instance* instance = session != nullptr ? state.instance_of(*session) : nullptr;
  if (instance == nullptr) return;
  begin(state, *session, *instance, scanned(held.request));
  drain_waiting(state, *instance);  // What came behind it.
}

void act_on(State& state, const RootsUnknown& unknown) {
  Session* session = state.sessions.find(unknown.session);
  Instance* instance = session != nullptr ? state.instance_of(*session) : nullptr;
  if (instance != nullptr) ask_on_its_stream(state, *session, *instance, unknown.client_id);
}

void act_on(State& state, const ListenEnded& ended) {
  Instance* instance = state.instances.find(ended.instance);
  if (instance == nullptr) return;
  for (const std::string& uri : ended.uris) {
    if (instance->life == core::Life::ready) subscription_step(state, *instance, uri);
  }
  if (ended.tasks) upstream_step(state, *instance);
}

}  // namespace

void act_on_notices(State& state) {
  while (!state.notices.empty()) {
    for (const Notice& notice : std::exchange(state.notices, {}))
      std::visit([&](const auto& one) { act_on(state, one); }, notice);
  }
}

}  // namespace broker
