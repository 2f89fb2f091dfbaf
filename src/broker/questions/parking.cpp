// Questions of a legacy server for a modern client (core/park.h): how they are gathered, handed out with a
// ticket and answered when the client comes back.
#include <cstdio>

#include "base/siphash.h"
#include "broker/calls/calls.h"
#include "broker/questions/questions.h"
#include "core/limits.h"
#include "face/to_modern_client.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Park;
using core::ParkedAsk;
using core::ParkId;
using core::Session;
using proto::Method;

Park park_of(const State& state, const Instance& instance, const Session& session,
             const base::Bytes& request) {
  return {.instance = instance.id,
          .session = session.id,
          .principal = session.principal,
          .account = session.account,
          .server = session.server,
          .request = request.text.size(),
          .digest = digest_of(state, request),
          .asks = {},
          .presented = {},
          .round_due = {},
          .deadline = {},
          .tickets = {},
          .outcome = {}};
}

Park park_of(const State& state, const Instance& instance, const Call& call) {
  return park_of(state, instance, state.sessions.at(call.session), call.original);
}

std::string new_ticket(State& state, ParkId park) {
  const std::string number = std::to_string(++state.parks.tickets_ever);
  char text[48];
  const std::uint64_t key = state.options.ticket_key;
  std::snprintf(text, sizeof text, "hearth-%016llx%016llx",
                static_cast<unsigned long long>(base::siphash({key, 2}, number)),
                static_cast<unsigned long long>(base::siphash({key, 3}, number)));
  state.parks.add_ticket(park, text);
  return text;
}

std::optional<core::Full> full(const Session& session) {
  return session.account.full(core::Kept::parked, {1, 0});
}

std::string refusal(const Instance& instance, std::string_view what, const core::Full& full) {
  return error_about(instance,
                     std::string(what) + ", and its client has " + full.text() +
                         "; answer one of those first, then make the call again",
                     true);
}

// Answers the call with input_required and detaches it from its client's request.
void give_round(State& state, ParkId id) {
  state.parks.set_round_due(id, {});
  const Park& park = state.parks.at(id);
  Instance* instance = state.instances.find(park.instance);
  Call* call = instance != nullptr ? instance->calls.find(park.call) : nullptr;
  if (call == nullptr || call->park != id || call->state != CallState::sent || park.asks.empty()) return;
  const core::Outcome outcome = core::Outcome::result(
      face::input_required(park.asks, new_ticket(state, id), instance->known.server_info));
  state.parks.replay(park.presented, outcome);
  send_outcome(state, *call, outcome);
  detach(state, *instance, *call);
  state.parks.send_away(id, state.now + instance->spec.timing.ask_timeout);
  drain_waiting(state, *instance);
}

// The client did not come back in time, or will not: decline the questions and cancel the call.
void give_up(State& state, ParkId id, std::string_view why) {
  const Park park = state.parks.take(id);
  for (const ParkedAsk& ask : park.asks) decline_parked(state, park.instance, ask);
  Instance* instance = state.instances.find(park.instance);
  Call* call = instance != nullptr ? instance->calls.find(park.call) : nullptr;
  if (call == nullptr || call->park != id) return;
  cancel(state, *instance, *park.call, why);
  drain_waiting(state, *instance);
}

}  // namespace

void park_ask(State& state, Instance& instance, Call& call, const Scanned& message, Method method) {
  ParkedAsk ask{.key = {},
                .server_id = std::string(message.of(message.envelope.id)),
                .method = method,
                .request = face::input_request(method, message.of(message.envelope.params))};
  const Session& session = state.sessions.at(call.session);
  const bool parked = state.parks.find(call.park) != nullptr;
  const core::Amount more{parked ? 0U : 1U, ask.request.size()};
  if (const auto full = session.account.full(core::Kept::parked, more)) {
    state.log(Severity::warning, instance.spec.name +
                                     ": declined a question of the server, because the client " +
                                     session.client + " has " + full->text());
    return decline_parked(state, instance.id, ask);
  }
  if (!parked) {
    Park park = park_of(state, instance, call);
    park.call = call.wire_id;
    call.park = state.parks.insert(std::move(park));
  }
  state.parks.ask(*call.park, std::move(ask));
  const Park& park = state.parks.at(*call.park);
  if (park.attached && !park.round_due)
    state.parks.set_round_due(*call.park, state.now + core::limits::questions_together);
}

void park_ended(State& state, Instance& instance, const Call& call, std::vector<ParkedAsk> asks) {
  if (call.park) state.parks.take(*call.park);
  const Session* session = state.sessions.find(call.session);
  if (session == nullptr) return;
  if (const auto limit = full(*session)) {
    const std::string error = refusal(instance, "wants a person to visit a page first", *limit);
    return send_outcome(state, call, core::Outcome::error(error));
  }
  Park park = park_of(state, instance, call);
  park.attached = false;
  park.deadline = state.now + instance.spec.timing.ask_timeout;
  park.asks = std::move(asks);
  const ParkId id = state.parks.insert(std::move(park));
  send_outcome(state, call,
               core::Outcome::result(face::input_required(state.parks.at(id).asks, new_ticket(state, id),
                                                          instance.known.server_info)));
}

void park_for_roots(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  if (const auto limit = full(session)) {
    const std::string error = refusal(instance, "has to know the roots of its client", *limit);
    return state.reply(session, id, proto::error_text(id, error));
  }
  Park park = park_of(state, instance, session, message.bytes);
  park.attached = false;
  park.for_roots = true;
  park.deadline = state.now + instance.spec.timing.ask_timeout;
  const ParkId parked = state.parks.insert(std::move(park));
  const std::vector<ParkedAsk> asks = {{.key = std::string(roots_key),
                                        .server_id = {},
                                        .method = Method::roots_list,
                                        .request = face::input_request(Method::roots_list, {})}};
  state.reply(session, id,
              proto::result_text(
                  id, face::input_required(asks, new_ticket(state, parked), instance.known.server_info)));
}

void questions_lost(State& state, const Instance& instance) {
  for (const ParkId id : state.parks.of_instance(instance.id)) state.parks.drop_questions(id);
}

bool server_cancels_parked(State& state, Instance& instance, std::string_view raw_id) {
  return state.parks.withdraw(instance.id, raw_id);
}

void parks_leave(State& state, const Session& session) {
  if (session.many_streams) return;  // Its clients come and go; only time tells that one does not come back.
  for (const ParkId id : state.parks.of_session(session.id)) give_up(state, id, "the session has ended");
}

void unpark_at(State& state, const Session& session, const Instance& instance) {
  for (const ParkId id : parked_at(state, session, instance))
    give_up(state, id, "the session has another server now");
}

void parks_tick(State& state) {
  for (const ParkId id : state.parks.due(state.now)) {
    const Park* park = state.parks.find(id);
    if (park == nullptr) continue;  // What became of another ended it.
    const bool late = park->deadline && *park->deadline <= state.now;
    if (park->round_due && *park->round_due <= state.now) give_round(state, id);
    if (late && state.parks.find(id) != nullptr)
      give_up(state, id, "the client did not come back with the answers");
  }
}

std::uint64_t digest_of(const State& state, const base::Bytes& request) {
  const auto envelope = proto::scan(request.text);
  if (!envelope) return 0;
  return face::digest_of(state.options.hash_key, envelope->method.in(request.text),
                         envelope->params.in(request.text));
}

}  // namespace broker
