// How a call ends: it leaves every table at once, and its client is told what came of it.
#include "broker/calls/calls.h"
#include "broker/calls/effects.h"
#include "broker/calls/one_call.h"
#include "broker/calls/waiting.h"
#include "core/limits.h"
#include "face/to_legacy_server.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Outcome;
using core::Park;
using core::ParkedAsk;
using core::ParkId;
using core::Purpose;
using core::Round;
using core::Session;
using proto::Code;
using proto::Message;
using proto::Method;

namespace {

// Makes room for an outcome of that size among those that are kept.
void forget_finished(State& state, core::Account account, std::size_t bytes) {
  while (account.full(core::Kept::outcome, {1, bytes})) {
    const auto oldest = state.parks.oldest_finished(account);
    if (!oldest) return;
    state.parks.take(*oldest);
  }
}

void end_round(State& state, Instance& instance, core::CallId wire_id) {
  const Round round = std::move(instance.rounds.at(wire_id));
  instance.rounds.erase(wire_id);
  const Call* call = instance.calls.find(wire_id);
  Session* session = call != nullptr ? state.sessions.find(call->session) : nullptr;
  if (session == nullptr) return;
  for (const auto& [ask, key] : round.pending) {
    if (session->asks.erase(ask) == 0) continue;
    state.send(session->id, face::cancelled_notice(ask.text(), "the call that it was asked for is over"));
  }
}

void end_listen(State& state, Instance& instance, core::CallId call) {
  const auto found = instance.listens.find(call);
  if (found == instance.listens.end()) return;
  const SessionId session = found->second.session;
  const bool tasks = !found->second.filter.tasks.empty();
  instance.listens.erase(found);
  std::vector<std::string> uris = instance.subscriptions.leave_listen(session, call);
  if (!uris.empty() || tasks) state.notices.push_back(ListenEnded{instance.id, std::move(uris), tasks});
  if (Session* still = state.sessions.find(session)) note_setup(state, *still);
}

}  // namespace

std::string response(std::string_view raw_id, const Outcome& outcome) {
  return outcome.failed ? proto::error_text(raw_id, outcome.raw) : proto::result_text(raw_id, outcome.raw);
}

void send_outcome(State& state, const Call& call, const Outcome& outcome) {
  // A listen's slot was freed when it was acknowledged, but its end is owed, too.
  std::optional<std::uint16_t> slot = call.journal_slot;
  Session* session = state.sessions.find(call.session);
  if (!slot && session != nullptr && call.method == Method::subscriptions_listen)
    slot = note_call(state, *session, call.client_id);
  state.outbox.push_back(SendToSession{call.session, Message(response(call.client_id, outcome)), slot});
}

Call finish(State& state, Instance& instance, core::CallId wire_id) {
  if (instance.listens.contains(wire_id)) end_listen(state, instance, wire_id);
  if (instance.rounds.contains(wire_id)) end_round(state, instance, wire_id);
  if (const auto led = instance.merging.ended(wire_id)) ensure(led->joined.empty());
  Call call = instance.calls.take(wire_id);
  if (call.effect) effect_noted(state, instance);
  turn_freed(state, instance);
  if (call.state == CallState::joined) instance.merging.leaves(call.state.as<core::Joined>().leader, wire_id);
  const bool waited_for = call.state != CallState::parked && call.state != CallState::cancelled;
  Session* session =
      call.purpose == Purpose::forwarded && waited_for ? state.sessions.find(call.session) : nullptr;
  if (call.state == CallState::queued || call.state == CallState::returning)
    no_longer_queued(state, session, instance, wire_id);
  if (session == nullptr) return call;
  session->calls.erase(call.client_id, wire_id);
  session->held_back.progress.erase(wire_id);
  if (session->unsettled) reconsider(state, instance);
  call.charge = {};
  reads_again(state, *session);
  return call;
}

void end(State& state, Instance& instance, core::CallId wire_id, const Outcome& outcome) {
  if (const auto led = instance.merging.ended(wire_id)) {
    ensure(outcome.failed || led->joined.empty());
    for (const core::CallId joined : led->joined) end(state, instance, joined, outcome);
  }
  const Call call = finish(state, instance, wire_id);
  if (call.state == CallState::cancelled || call.purpose != Purpose::forwarded) return;
  conclude(state, call, outcome);
}

void decline_parked(State& state, InstanceId instance, const ParkedAsk& ask) {
  if (ask.server_id.empty() || state.instances.find(instance) == nullptr) return;
  if (ask.method == Method::elicitation_create) {
    state.send(instance, proto::result_text(ask.server_id, R"({"action":"cancel"})"));
  } else {
    const Code code = ask.method == Method::sampling_create_message ? Code::rejected : Code::method_not_found;
    state.send(instance,
               proto::error_text(ask.server_id, code, "hearth: the client did not come back with an answer"));
  }
}

void conclude(State& state, const Call& call, const Outcome& outcome) {
  if (call.state != CallState::parked) send_outcome(state, call, outcome);
  const Park* park = state.parks.find(call.park);
  if (park == nullptr) return;
  // The call has ended although the server has asked something that nobody answered.
  for (const ParkedAsk& ask : park->asks) decline_parked(state, park->instance, ask);
  if (park->attached && park->presented.empty()) {  // No ticket is out.
    state.parks.take(*call.park);
    return;
  }
  const core::Account account = park->account;
  const bool kept_twice = state.parks.ticket(park->presented) != nullptr;
  forget_finished(state, account, outcome.raw.size() * (kept_twice ? 2 : 1));
  state.parks.replay(park->presented, outcome);
  const base::Instant until = park->attached ? state.now + core::limits::replay_for : *park->deadline;
  state.parks.finish(*call.park, outcome, until);
}

void unpark(State& state, ParkId id) {
  if (state.parks.find(id) == nullptr) return;
  const Park gone = state.parks.take(id);
  for (const ParkedAsk& ask : gone.asks) decline_parked(state, gone.instance, ask);
}

}  // namespace broker
