// Questions of a legacy server for a modern client (core/park.h): how they are gathered, handed out with a
// ticket and answered when the client comes back.
#include <algorithm>
#include <cstdio>

#include "base/siphash.h"
#include "broker/apart.h"
#include "core/limits.h"
#include "face/legacy_server.h"
#include "face/modern_client.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Park;
using core::ParkedAsk;
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

Park& new_park(State& state, const Instance& instance, const Session& session, std::int64_t call,
               const base::Bytes& request) {
  const std::uint64_t id = ++state.parks.last;
  return state.parks.all[id] = {.instance = instance.id,
                                .session = session.id,
                                .principal = session.principal,
                                .server = session.server,
                                .call = call,
                                .digest = digest_of(state, request),
                                .asks = {},
                                .presented = {},
                                .round_due = {},
                                .deadline = {},
                                .outcome = {}};
}

Park& new_park(State& state, const Instance& instance, const Call& call) {
  return new_park(state, instance, state.sessions.at(call.session), call.wire_id, call.original);
}

std::string new_ticket(State& state, std::uint64_t park) {
  const std::string number = std::to_string(++state.parks.tickets_ever);
  char text[48];
  const std::uint64_t key = state.options.hash_key;
  std::snprintf(text, sizeof text, "hearth-%016llx%016llx",
                static_cast<unsigned long long>(base::siphash({key, 2}, number)),
                static_cast<unsigned long long>(base::siphash({key, 3}, number)));
  state.parks.tickets[text] = {.park = park, .replay = {}};
  return text;
}

// Clients on stdio have no name that tells them apart, and each is a session.
bool of_the_same(const Park& park, const std::string& principal, SessionId session) {
  return principal.empty() ? park.principal.empty() && park.session == session : park.principal == principal;
}

std::size_t waiting_for(const State& state, const Session& session) {
  return static_cast<std::size_t>(std::ranges::count_if(state.parks.all, [&](const auto& entry) {
    return !entry.second.finished() && of_the_same(entry.second, session.principal, session.id);
  }));
}

// Room for one more that has ended. An outcome that its client has not seen is kept longer than one that it
// may only want again.
void forget_one_finished(State& state, const Park& added) {
  std::uint64_t seen = 0;
  std::uint64_t unseen = 0;
  std::size_t count = 0;
  for (const auto& [id, park] : state.parks.all) {
    if (!park.finished() || !of_the_same(park, added.principal, added.session)) continue;
    ++count;
    std::uint64_t& oldest = park.attached ? seen : unseen;
    if (oldest == 0) oldest = id;
  }
  if (count >= core::limits::outcomes_per_principal) state.parks.erase(seen != 0 ? seen : unseen);
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
  const auto ticket = state.parks.tickets.find(park.presented);
  if (ticket != state.parks.tickets.end()) ticket->second.replay = outcome;
}

// The client is told what is asked, and whatever the call was answered with before, it is not any more.
void give_round(State& state, std::uint64_t id, Park& park) {
  park.round_due.reset();
  Instance* instance = state.instances.find(park.instance);
  Call* call = instance != nullptr ? instance->calls.find(park.call) : nullptr;
  if (call == nullptr || call->park != id || call->state != CallState::sent || park.asks.empty()) return;
  const std::string outcome =
      R"("result":)" + face::input_required(park.asks, new_ticket(state, id), instance->server_info);
  remember_for_replay(state, park, outcome);
  send_outcome(state, *call, outcome);
  detach(state, *instance, *call);
  park.attached = false;
  park.deadline = state.now + instance->spec.timing.ask_timeout;
  drain_waiting(state, *instance);
}

// Nobody came back in time, or nobody will.
void give_up(State& state, std::uint64_t id, std::string_view why) {
  const Park park = std::move(state.parks.all.at(id));
  state.parks.erase(id);
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

void give_answers(State& state, Session& session, Instance& instance, Park& park, const Scanned& message) {
  const std::string_view responses = proto::member(message.of(message.envelope.params), "inputResponses");
  proto::each_member(responses, [&](std::string_view key, std::string_view raw_answer) {
    const auto ask = std::ranges::find(park.asks, key, &ParkedAsk::key);
    if (ask == park.asks.end()) return;
    give_answer(state, session, instance, *ask, raw_answer);
    park.asks.erase(ask);
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
  const bool same = session.roots && session.roots->same_as(roots);
  const std::vector<std::int64_t> calls = session.calls.wire_ids();
  const bool called = std::ranges::any_of(
      calls, [&](std::int64_t id) { return proto::may_ask(instance.calls.find(id)->method); });
  if (session.roots && !same && (called || has_something_there(state, session, instance))) {
    // Several clients may be behind one session that came by URL.
    const std::string_view id = message.of(message.envelope.id);
    state.reply(session, id,
                proto::error_text(id, error_about(instance,
                                                  "works for another client with other roots; make "
                                                  "the call again when that has its answer",
                                                  true)));
    return false;
  }
  if (same) return true;
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
void take_over(State& state, Session& session, Instance& instance, std::uint64_t id, const Scanned& message,
               const Asked& asked) {
  Park& park = state.parks.all.at(id);
  Call& call = *instance.calls.find(park.call);
  if (call.state != CallState::parked) {
    send_outcome(state, call,
                 R"("error":)" + error_about(instance, "was asked again with the same requestState", false));
    detach(state, instance, call);
  }
  call.abilities = asked.abilities;
  call.level = asked.level;
  park.attached = true;
  park.session = session.id;
  park.deadline.reset();
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
  Park* park = state.parks.find(call.park);
  const std::string server_id(message.of(message.envelope.id));
  if (park == nullptr) {
    const Session& session = state.sessions.at(call.session);
    if (waiting_for(state, session) >= core::limits::parked_per_principal) {
      state.log(Severity::warning, instance.spec.name + ": declined a question of the server: " +
                                       std::to_string(core::limits::parked_per_principal) +
                                       " calls of the client " + session.client +
                                       " wait for it to come back already");
      decline_parked(state, instance.id,
                     {.key = {}, .server_id = server_id, .method = method, .request = {}});
      return;
    }
    park = &new_park(state, instance, call);
    call.park = state.parks.last;
  }
  park->asks.push_back({.key = "q" + std::to_string(++park->keys),
                        .server_id = server_id,
                        .method = method,
                        .request = face::input_request(method, message.of(message.envelope.params))});
  if (park->attached && !park->round_due) park->round_due = state.now + core::limits::questions_together;
}

void park_ended(State& state, Instance& instance, const Call& call, std::vector<ParkedAsk> asks) {
  if (call.park != 0) state.parks.erase(call.park);
  if (state.sessions.find(call.session) == nullptr) return;
  Park& park = new_park(state, instance, call);
  for (ParkedAsk& ask : asks) ask.key = "q" + std::to_string(++park.keys);
  park.call = 0;
  park.attached = false;
  park.deadline = state.now + instance.spec.timing.ask_timeout;
  send_outcome(
      state, call,
      R"("result":)" + face::input_required(asks, new_ticket(state, state.parks.last), instance.server_info));
}

void park_for_roots(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  if (waiting_for(state, session) >= core::limits::parked_per_principal) {
    const std::string sentence = "has to know the roots of its client, and " +
                                 std::to_string(core::limits::parked_per_principal) +
                                 " calls wait for that to come back already; make the call again later";
    return state.reply(session, id, proto::error_text(id, error_about(instance, sentence, true)));
  }
  Park& park = new_park(state, instance, session, 0, message.bytes);
  park.attached = false;
  park.for_roots = true;
  park.deadline = state.now + instance.spec.timing.ask_timeout;
  const std::vector<ParkedAsk> asks = {{.key = std::string(roots_key),
                                        .server_id = {},
                                        .method = Method::roots_list,
                                        .request = face::input_request(Method::roots_list, {})}};
  state.reply(session, id,
              proto::result_text(
                  id, face::input_required(asks, new_ticket(state, state.parks.last), instance.server_info)));
}

void come_back(State& state, Session& session, Instance& instance, const Scanned& message, Method method,
               const Asked& asked) {
  const std::string presented = proto::json::unquoted(message.of(message.envelope.request_state));
  const auto ticket = state.parks.tickets.find(presented);
  Park* park = ticket != state.parks.tickets.end() ? state.parks.find(ticket->second.park) : nullptr;
  const bool known = park != nullptr && park->principal == session.principal &&
                     park->server == session.server && park->digest == digest_of(state, message.bytes);
  if (!known) return refuse_ticket(state, session, message);
  const std::uint64_t id = ticket->second.park;
  if (!ticket->second.replay.empty()) return reply_outcome(state, session, message, ticket->second.replay);
  ticket->second.used = true;
  park->presented = presented;
  if (!park->outcome.empty()) {
    ticket->second.replay = park->outcome;
    return reply_outcome(state, session, message, park->outcome);
  }
  if (park->call == 0) {
    const bool for_roots = park->for_roots;
    state.parks.erase(id);
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
  Park& park = state.parks.all.at(call.park);
  const bool level = call.level.has_value();
  give_answers(state, session, instance, park, message);  // The call may be elsewhere in the table then.
  if (!park.asks.empty()) park.round_due = state.now + core::limits::questions_together;
  if (level) level_step(state, instance);
}

void conclude(State& state, const Call& call, std::string outcome) {
  if (call.state != CallState::parked) send_outcome(state, call, outcome);
  Park* park = state.parks.find(call.park);
  if (park != nullptr) {
    // It did not need to know after all, but it has asked.
    for (const ParkedAsk& ask : park->asks) decline_parked(state, park->instance, ask);
    if (park->attached && park->presented.empty()) return state.parks.erase(call.park);  // No ticket is out.
    forget_one_finished(state, *park);
    remember_for_replay(state, *park, outcome);
    park->asks.clear();
    park->round_due.reset();
    park->outcome = std::move(outcome);
    park->deadline = state.now + (park->attached ? core::limits::replay_for : *park->deadline - state.now);
  }
}

void unpark(State& state, std::uint64_t id) {
  Park* park = state.parks.find(id);
  if (park == nullptr) return;
  const Park gone = std::move(*park);
  state.parks.erase(id);
  for (const ParkedAsk& ask : gone.asks) decline_parked(state, gone.instance, ask);
}

void questions_lost(State& state, const Instance& instance) {
  for (auto& [id, park] : state.parks.all) {
    if (park.instance == instance.id) park.asks.clear();
  }
}

bool server_cancels_parked(State& state, Instance& instance, std::string_view raw_id) {
  for (auto& [id, park] : state.parks.all) {
    if (park.instance != instance.id) continue;
    if (std::erase_if(park.asks, [&](const ParkedAsk& ask) { return ask.server_id == raw_id; }) != 0)
      return true;
  }
  return false;
}

void parks_leave(State& state, const Session& session) {
  if (session.many_streams) return;  // Its clients come and go; only time tells that one does not come back.
  std::vector<std::uint64_t> gone;
  for (const auto& [id, park] : state.parks.all) {
    if (park.session == session.id) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) give_up(state, id, "the session has ended");
}

bool is_parked_at(const State& state, const Session& session, const Instance& instance) {
  return std::ranges::any_of(state.parks.all, [&](const auto& entry) {
    const Park& park = entry.second;
    return park.session == session.id && park.instance == instance.id && park.call != 0 && !park.finished();
  });
}

void unpark_at(State& state, const Session& session, const Instance& instance) {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, park] : state.parks.all) {
    if (park.session == session.id && park.instance == instance.id && park.call != 0 && !park.finished())
      gone.push_back(id);
  }
  for (const std::uint64_t id : gone) give_up(state, id, "the session has another server now");
}

std::optional<base::Instant> parks_deadline(const State& state) {
  std::optional<base::Instant> first;
  for (const auto& [id, park] : state.parks.all) {
    for (const auto& due : {park.round_due, park.deadline}) {
      if (due && (!first || *due < *first)) first = due;
    }
  }
  return first;
}

void parks_tick(State& state) {
  std::vector<std::uint64_t> late;
  for (auto& [id, park] : state.parks.all) {
    if (park.round_due && *park.round_due <= state.now) give_round(state, id, park);
    if (park.deadline && *park.deadline <= state.now) late.push_back(id);
  }
  for (const std::uint64_t id : late) give_up(state, id, "nobody came back with the answers");
}

}  // namespace broker
