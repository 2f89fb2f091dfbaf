// Questions of a legacy server for a modern client (core/park.h): how they are gathered, handed out with a
// ticket and answered when the client comes back.
#include "broker/parking.h"

#include <algorithm>
#include <cstdio>

#include "base/siphash.h"
#include "broker/apart.h"
#include "core/limits.h"
#include "face/legacy_server.h"
#include "face/modern_client.h"
#include "proto/json.h"
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
using proto::Code;
using proto::Method;

// What a call asks for, to compare with what comes back under its ticket.
std::uint64_t digest_of(const State& state, const base::Bytes& request) {
  const auto envelope = proto::scan(request.text);
  if (!envelope) return 0;
  return face::digest_of(state.options.hash_key, envelope->method.in(request.text),
                         envelope->params.in(request.text));
}

constexpr std::string_view roots_key = "roots";  // Of Hearth's own question for them.

Park park_of(const State& state, const Instance& instance, const Session& session,
             const base::Bytes& request) {
  return {.instance = instance.id,
          .session = session.id,
          .principal = session.principal,
          .server = session.server,
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
  const std::uint64_t key = state.options.hash_key;
  std::snprintf(text, sizeof text, "hearth-%016llx%016llx",
                static_cast<unsigned long long>(base::siphash({key, 2}, number)),
                static_cast<unsigned long long>(base::siphash({key, 3}, number)));
  state.parks.add_ticket(park, text);
  return text;
}

bool has_too_many(const State& state, const Session& session) {
  return state.parks.waiting(session.principal, session.id) >= core::limits::parked_per_principal;
}

// Room for one more that has ended.
void forget_one_finished(State& state, const Park& added) {
  if (state.parks.finished(added.principal, added.session) < core::limits::outcomes_per_principal) return;
  if (const auto oldest = state.parks.oldest_finished(added.principal, added.session))
    state.parks.take(*oldest);
}

void send_outcome(State& state, const Call& call, std::string_view outcome) {
  std::string text = R"({"jsonrpc":"2.0","id":)" + call.client_id + ',';
  text.append(outcome).append("}");
  // A listen's slot was freed when it was acknowledged, but its end is owed, too.
  std::optional<std::uint16_t> slot = call.journal_slot;
  Session* session = state.sessions.find(call.session);
  if (!slot && session != nullptr && call.method == Method::subscriptions_listen)
    slot = note_call(state, *session, call.client_id);
  state.outbox.push_back(SendToSession{call.session, proto::Message(std::move(text)), slot});
}

void remember_for_replay(State& state, const Park& park, const std::string& outcome) {
  if (core::Ticket* ticket = state.parks.ticket(park.presented)) ticket->replay = outcome;
}

// The client is told what is asked, and whatever the call was answered with before, it is not any more.
void give_round(State& state, ParkId id) {
  state.parks.set_round_due(id, {});
  const Park& park = state.parks.at(id);
  Instance* instance = state.instances.find(park.instance);
  Call* call = instance != nullptr ? instance->calls.find(park.call) : nullptr;
  if (call == nullptr || call->park != id || call->state != CallState::sent || park.asks.empty()) return;
  const std::string outcome =
      R"("result":)" + face::input_required(park.asks, new_ticket(state, id), instance->server_info);
  remember_for_replay(state, park, outcome);
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
  if (leave_task(state, *instance, *call)) {
    finish(state, *instance, park.call);
    drain_waiting(state, *instance);
    return;
  }
  state.send(instance->id, face::cancelled_notice(std::to_string(park.call), why));
  becomes_cancelled(state, *instance, *call);
  drain_waiting(state, *instance);
}

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
    instance.roots.waiting.push_back(ask.server_id);
    return roots_known(state, session, instance, core::given_roots(raw_answer, session.id));
  }
  instance.roots.answered(session.id, raw_answer);
  instance.roots.cared_for = true;
  instance.roots.told = instance.roots.union_result();
  state.send(instance.id, proto::result_text(ask.server_id, instance.roots.told));
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

void reply_outcome(State& state, Session& session, const Scanned& message, std::string_view outcome) {
  const std::string_view id = message.of(message.envelope.id);
  std::string text = R"({"jsonrpc":"2.0","id":)" + std::string(id) + ',';
  text.append(outcome).append("}");
  state.reply(session, id, std::move(text));
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
    send_outcome(state, call,
                 R"("error":)" + error_about(instance, "was asked again with the same requestState", false));
    detach(state, instance, call);
  }
  call.abilities = asked.abilities;
  call.level = asked.level;
  state.parks.hand_over(id, session.id);
  if (attach(state, session, instance, call, message) == Attached::has_its_turn)
    come_back_in_turn(state, instance, call, message);
}

}  // namespace

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

void park_ask(State& state, Instance& instance, Call& call, const Scanned& message, Method method) {
  ParkedAsk ask{.key = {},
                .server_id = std::string(message.of(message.envelope.id)),
                .method = method,
                .request = face::input_request(method, message.of(message.envelope.params))};
  if (state.parks.find(call.park) == nullptr) {
    const Session& session = state.sessions.at(call.session);
    if (has_too_many(state, session)) {
      state.log(Severity::warning, instance.spec.name + ": declined a question of the server, because " +
                                       std::to_string(core::limits::parked_per_principal) +
                                       " calls already wait for answers of the client " + session.client);
      return decline_parked(state, instance.id, ask);
    }
    Park park = park_of(state, instance, call);
    park.call = call.wire_id;
    call.park = state.parks.insert(std::move(park));
  }
  state.parks.ask(call.park, std::move(ask));
  const Park& park = state.parks.at(call.park);
  if (park.attached && !park.round_due)
    state.parks.set_round_due(call.park, state.now + core::limits::questions_together);
}

// The call has ended: what is asked is known, and the client makes the call anew.
void park_ended(State& state, Instance& instance, const Call& call, std::vector<ParkedAsk> asks) {
  if (call.park != 0) state.parks.take(call.park);
  const Session* session = state.sessions.find(call.session);
  if (session == nullptr) return;
  if (has_too_many(state, *session)) {
    const std::string sentence = "wants a person to visit a page first, and " +
                                 std::to_string(core::limits::parked_per_principal) +
                                 " calls of this client already wait for answers; give one of those, "
                                 "then make the call again";
    return send_outcome(state, call, R"("error":)" + error_about(instance, sentence, true));
  }
  Park park = park_of(state, instance, call);
  park.attached = false;
  park.deadline = state.now + instance.spec.timing.ask_timeout;
  park.asks = std::move(asks);
  const ParkId id = state.parks.insert(std::move(park));
  send_outcome(state, call,
               R"("result":)" + face::input_required(state.parks.at(id).asks, new_ticket(state, id),
                                                     instance.server_info));
}

void park_for_roots(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  if (has_too_many(state, session)) {
    const std::string sentence = "has to know the roots of its client, and " +
                                 std::to_string(core::limits::parked_per_principal) +
                                 " calls of this client already wait for answers; give one of those, "
                                 "then make the call again";
    return state.reply(session, id, proto::error_text(id, error_about(instance, sentence, true)));
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
  state.reply(
      session, id,
      proto::result_text(id, face::input_required(asks, new_ticket(state, parked), instance.server_info)));
}

void come_back(State& state, Session& session, Instance& instance, const Scanned& message, Method method,
               const Asked& asked) {
  const std::string presented = proto::json::unquoted(message.of(message.envelope.request_state));
  core::Ticket* ticket = state.parks.ticket(presented);
  const Park* park = ticket != nullptr ? state.parks.find(ticket->park) : nullptr;
  const bool known = park != nullptr && park->principal == session.principal &&
                     park->server == session.server && park->digest == digest_of(state, message.bytes);
  if (!known) return refuse_ticket(state, session, message);
  const ParkId id = ticket->park;
  if (!ticket->replay.empty()) return reply_outcome(state, session, message, ticket->replay);
  ticket->used = true;
  state.parks.present(id, presented);
  if (park->finished()) {
    ticket->replay = park->outcome;
    return reply_outcome(state, session, message, park->outcome);
  }
  if (park->call == 0) {
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
  const ParkId park = call.park;
  const bool level = call.level.has_value();
  give_answers(state, session, instance, park, message);  // The call may be elsewhere in the table then.
  if (!state.parks.at(park).asks.empty())
    state.parks.set_round_due(park, state.now + core::limits::questions_together);
  if (level) level_step(state, instance);
}

void conclude(State& state, const Call& call, std::string outcome) {
  if (call.state != CallState::parked) send_outcome(state, call, outcome);
  const Park* park = state.parks.find(call.park);
  if (park == nullptr) return;
  // It did not need to know after all, but it has asked.
  for (const ParkedAsk& ask : park->asks) decline_parked(state, park->instance, ask);
  if (park->attached && park->presented.empty()) {  // No ticket is out.
    state.parks.take(call.park);
    return;
  }
  forget_one_finished(state, *park);
  remember_for_replay(state, *park, outcome);
  const base::Instant until = park->attached ? state.now + core::limits::replay_for : *park->deadline;
  state.parks.finish(call.park, std::move(outcome), until);
}

void unpark(State& state, ParkId id) {
  if (state.parks.find(id) == nullptr) return;
  const Park gone = state.parks.take(id);
  for (const ParkedAsk& ask : gone.asks) decline_parked(state, gone.instance, ask);
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

namespace {

std::vector<ParkId> parked_at(const State& state, const Session& session, const Instance& instance) {
  std::vector<ParkId> found = state.parks.of_session(session.id);
  std::erase_if(found, [&](ParkId id) {
    const Park& park = state.parks.at(id);
    return park.instance != instance.id || park.call == 0 || park.finished();
  });
  return found;
}

}  // namespace

bool is_parked_at(const State& state, const Session& session, const Instance& instance) {
  return !parked_at(state, session, instance).empty();
}

void unpark_at(State& state, const Session& session, const Instance& instance) {
  for (const ParkId id : parked_at(state, session, instance))
    give_up(state, id, "the session has another server now");
}

void parks_tick(State& state) {
  for (const ParkId id : state.parks.due(state.now)) {
    const Park& park = state.parks.at(id);
    const bool late = park.deadline && *park.deadline <= state.now;
    if (park.round_due && *park.round_due <= state.now) give_round(state, id);
    if (late) give_up(state, id, "the client did not come back with the answers");
  }
}

}  // namespace broker
