// A modern client comes back with its ticket, and with the answers to what it was asked.
#include "broker/calls/calls.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "core/limits.h"
#include "face/to_modern_client.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Park;
using core::ParkedAsk;
using core::ParkId;
using core::Session;
using proto::Code;
using proto::Method;

namespace {

void give_answer(State& state, Session& session, Instance& instance, const ParkedAsk& ask,
                 std::string_view raw_answer) {
  if (ask.method != Method::roots_list) {
    state.send(instance.id, proto::result_text(ask.server_id, raw_answer));
    return;
  }
  // Several clients may be behind a session that came by URL, each with roots of its own.
  if (keeps_roots_apart(instance) && session.many_streams)
    return state.send(instance.id, proto::result_text(ask.server_id, raw_answer));
  if (keeps_roots_apart(instance)) {
    instance.talk.roots.waiting.push_back(ask.server_id);
    return roots_known(state, session, instance, core::given_roots(raw_answer, session.id));
  }
  instance.roots.answered(session.id, raw_answer);
  instance.talk.roots.cared_for = true;
  instance.talk.roots.told = instance.roots.union_result();
  state.send(instance.id, proto::result_text(ask.server_id, instance.talk.roots.told));
}

void give_answers(State& state, Session& session, Instance& instance, ParkId park, const Scanned& message) {
  const std::string_view responses = proto::member(message.of(message.envelope.params), "inputResponses");
  proto::each_member(responses, [&](std::string_view key, std::string_view raw_answer) {
    if (const auto ask = state.parks.answered(park, key))
      give_answer(state, session, instance, *ask, raw_answer);
  });
}

void refuse_ticket(State& state, Session& session, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  state.reply(session, id,
              proto::error_text(id, Code::invalid_params,
                                "hearth: invalid or expired requestState; make the call again without it",
                                {session.server, false}));
}

void reply_outcome(State& state, Session& session, const Scanned& message, const core::Outcome& outcome) {
  const std::string_view id = message.of(message.envelope.id);
  state.reply(session, id, response(id, outcome));
}

// What the client said its roots are. False: they cannot be respected now, and the client has been told.
bool take_roots(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string_view responses = proto::member(message.of(message.envelope.params), "inputResponses");
  core::GivenRoots roots = core::given_roots(proto::member(responses, roots_key), session.id);
  if (session.roots && session.roots->same_as(roots)) return true;
  if (session.roots && has_something_there(state, session, instance)) {
    const std::string_view id = message.of(message.envelope.id);
    state.reply(
        session, id,
        proto::error_text(id, error_about(instance,
                                          "still works on a call of this client that gave other roots; "
                                          "make this call again when that one is answered",
                                          true)));
    return false;
  }
  reconsider(state, instance);
  roots_known(state, session, instance, std::move(roots));
  return true;
}

// Nothing of it has reached the server, or nothing is left of it: it is a call like any other, without what
// only Hearth wanted to know.
void begin_anew(State& state, Session& session, Instance& instance, const Scanned& message, Method method,
                const Asked& asked) {
  const std::string params =
      proto::with_members(message.of(message.envelope.params), {}, {"requestState", "inputResponses"});
  const base::Bytes bytes = base::Bytes::copy(
      proto::request_text(message.of(message.envelope.id), message.of(message.envelope.method), params));
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  forward_call(state, session, instance, {bytes, *envelope}, method, asked);
}

// The call still runs: from now on this client is the one that waits for it, with what it says of itself now.
void take_over(State& state, Session& session, Instance& instance, ParkId id, const Scanned& message,
               const Asked& asked) {
  Call& call = *instance.calls.find(state.parks.at(id).call);
  if (call.state != CallState::parked) {
    send_outcome(
        state, call,
        core::Outcome::error(error_about(instance, "was asked again with the same requestState", false)));
    detach(state, instance, call);
  }
  call.abilities = asked.abilities;
  call.level = asked.level;
  state.parks.hand_over(id, session.id, session.account);
  if (attach(state, session, instance, call, message) == Attached::has_its_turn)
    come_back_in_turn(state, instance, call, message);
}

}  // namespace

void come_back(State& state, Session& session, Instance& instance, const Scanned& message, Method method,
               const Asked& asked) {
  const std::string presented = proto::json::unquoted(message.of(message.envelope.request_state));
  const core::Ticket* ticket = state.parks.ticket(presented);
  const Park* park = ticket != nullptr ? state.parks.find(ticket->park) : nullptr;
  const bool known = park != nullptr && park->principal == session.principal &&
                     park->server == session.server && park->digest == digest_of(state, message.bytes);
  if (!known) return refuse_ticket(state, session, message);
  const ParkId id = ticket->park;
  if (ticket->replay) return reply_outcome(state, session, message, *ticket->replay);
  state.parks.present(id, presented);
  if (park->finished()) {
    state.parks.replay(presented, *park->outcome);
    return reply_outcome(state, session, message, *park->outcome);
  }
  if (!park->call) {
    const bool for_roots = state.parks.take(id).for_roots;
    if (for_roots && !take_roots(state, session, instance, message)) return;
    // Before the call is at a server: from then on it would stay there.
    if (for_roots) settle_places(state);
    Instance& home = *state.instance_of(session);
    if (!for_roots && asked_by_its_call(state, session, home, message, method)) return;
    return begin_anew(state, session, home, message, method, asked);
  }
  Instance* of = state.instances.find(park->instance);
  Call* call = of != nullptr ? of->calls.find(park->call) : nullptr;
  if (call == nullptr || call->park != id || of->id != instance.id)
    return refuse_ticket(state, session, message);
  take_over(state, session, *of, id, message, asked);
}

void come_back_in_turn(State& state, Instance& instance, Call& call, const Scanned& message) {
  Session& session = state.sessions.at(call.session);
  const ParkId park = *call.park;
  const bool level = call.level.has_value();
  give_answers(state, session, instance, park, message);  // The call may be elsewhere in the table then.
  if (!state.parks.at(park).asks.empty())
    state.parks.set_round_due(park, state.now + core::limits::questions_together);
  if (level) level_step(state, instance);
}

}  // namespace broker
