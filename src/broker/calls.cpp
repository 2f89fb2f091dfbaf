// Calls: filed under an id of ours, sent when the server can take them, answered under the client's own id.
#include <algorithm>
#include <array>

#include "broker/effects.h"
#include "broker/one_call.h"
#include "broker/state.h"
#include "core/limits.h"
#include "face/legacy_server.h"
#include "face/modern_client.h"
#include "face/modern_server.h"
#include "face/tasks.h"
#include "proto/members.h"

namespace broker {

void no_longer_waiting(State& state, core::Session& session, std::size_t bytes) {
  session.waiting_bytes -= bytes;
  if (session.waiting_bytes <= core::limits::waiting_bytes_per_session)
    resume(state, session, core::Pause::waiting);
}

bool taken_by_another(const State& state, core::Instance& instance, const Party& party) {
  bool taken = false;
  instance.calls.each([&](const core::Call& call) {
    // One that is parked waits for answers itself, and will take its turn before it gets them; so does one
    // whose client is being asked.
    const bool runs = !taken && call.state == core::CallState::sent;
    taken |= runs && call.purpose == core::Purpose::forwarded && party_of(call) != party &&
             proto::may_ask(call.method) && !in_dialog(state, instance, party_of(call));
  });
  return taken;
}

namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Waiting;
using proto::Message;
using proto::Span;

Call& file(State& state, Session& session, Instance& instance, const Scanned& message, proto::Method method,
           const Asked& asked) {
  const std::string_view id = message.of(message.envelope.id);
  Call& call = instance.calls.insert({.wire_id = 0,
                                      .session = session.id,
                                      .method = method,
                                      .task = message.envelope.task && asked.era == proto::Era::legacy,
                                      .era = asked.era,
                                      .abilities = asked.abilities,
                                      .level = asked.level,
                                      .lacking = {},
                                      .client_id = std::string(id),
                                      .token = std::string(message.of(message.envelope.progress_token)),
                                      .uri = proto::json::unquoted(message.of(message.envelope.task_id)),
                                      .tool = {},
                                      .original = {},
                                      .journal_slot = note_call(state, session, id),
                                      .cancelled_at = {}});
  session.calls.insert(id, call.wire_id);
  if (session.calls.size() >= core::limits::calls_per_session) pause(state, session, core::Pause::calls);
  return call;
}

// Only one session at a time may have calls in flight that can lead to a question, and the others take their
// turn.
bool others_wait(const State& state, Instance& instance, const Party& party) {
  for (const Waiting& waiting : instance.waiting) {
    const Call* call = waiting.call != 0 ? instance.calls.find(waiting.call) : nullptr;
    const bool other = call != nullptr && party_of(*call) != party && proto::may_ask(call->method);
    if (other && !held_by_own_dialog(state, instance, *call)) return true;
  }
  return false;
}

// A modern server's question belongs to its call, whoever else has one.
bool takes_turns(const Instance& instance, const Call& call) {
  return instance.interactive && instance.era == proto::Era::legacy && proto::may_ask(call.method);
}

// A server that has asked is given nothing else while a call that is over may still be asking.
bool waits_for_an_ending(const State& state, const Instance& instance, const Call& call) {
  const bool asks = instance.asks || instance.interactive;
  return asks && instance.era == proto::Era::legacy && proto::may_ask(call.method) &&
         another_is_ending(state, instance, party_of(call));
}

}  // namespace

bool must_wait_its_turn(const State& state, Instance& instance, const Call& call) {
  if (waits_for_an_ending(state, instance, call)) return true;
  if (waits_in_line(state, instance, call, state.waits_ever + 1)) return true;
  if (!takes_turns(instance, call)) return false;
  const Party party = party_of(call);
  return others_wait(state, instance, party) || taken_by_another(state, instance, party);
}

namespace {

void send_now(State& state, Instance& instance, Call& call, const Scanned& message) {
  const std::int64_t wire_id = call.wire_id;
  call.state = CallState::sent;
  ++instance.calls_total;
  call.effect = may_have_effect(instance, call, message);
  if (call.effect) effect_noted(state, instance);
  if (call.level && instance.era == proto::Era::legacy) level_step(state, instance);
  // It may stand elsewhere by now: the level is set by a call of ours.
  state.send(instance.id, for_server(state, instance, *instance.calls.find(wire_id), message));
}

void wait(State& state, Session& session, Instance& instance, std::int64_t call, Message message) {
  const std::size_t bytes = message.size();
  instance.waiting.push_back({session.id, call, std::move(message), bytes, ++state.waits_ever});
  session.waiting_bytes += bytes;
  if (session.waiting_bytes > core::limits::waiting_bytes_per_session)
    pause(state, session, core::Pause::waiting);
}

void unqueue(State& state, Session* session, Instance& instance, std::int64_t wire_id) {
  const auto found = std::ranges::find(instance.waiting, wire_id, &Waiting::call);
  if (found == instance.waiting.end()) return;
  if (session != nullptr) no_longer_waiting(state, *session, found->bytes);
  instance.waiting.erase(found);
}

}  // namespace

Party party_of(const Call& call) {
  return {call.session, call.era == proto::Era::modern ? call.wire_id : 0};
}

namespace {

bool knows_tasks(proto::Method method) {
  return method == proto::Method::tools_call || method == proto::Method::tasks_get ||
         method == proto::Method::tasks_cancel;
}

Message to_modern_server(State& state, const Instance& instance, Call& call, const Scanned& message,
                         const std::string& number) {
  const Session& session = state.sessions.at(call.session);
  if (proto::may_ask(call.method)) call.original = message.bytes;
  call.level = session.level;
  const bool tasks = instance.offers_tasks && knows_tasks(call.method);
  const std::string claim = tasks ? face::claim_with_tasks(session.claim) : session.claim;
  const face::Extra extra{.claim = claim,
                          .token = call.token.empty() ? std::string_view() : number,
                          .level = session.level,
                          .responses = {},
                          .request_state = {}};
  return Message(proto::request_text(number, message.of(message.envelope.method),
                                     face::modern_params(message.of(message.envelope.params), extra)));
}

}  // namespace

Message for_server(State& state, const Instance& instance, Call& call, const Scanned& message) {
  const std::string number = std::to_string(call.wire_id);
  const bool modern = instance.era == proto::Era::modern;
  if (modern && call.era == proto::Era::legacy)
    return to_modern_server(state, instance, call, message, number);
  if (!modern && call.era == proto::Era::modern) {
    if (proto::may_ask(call.method)) call.original = message.bytes;
    std::string params = face::legacy_params(message.of(message.envelope.params), number);
    call.task = becomes_task(instance, call, params);
    if (call.task) params = proto::with_members(params, R"("task":{})");
    return Message(proto::request_text(number, message.of(message.envelope.method), params));
  }
  Message out(message.bytes);
  const Span id = message.envelope.id;
  const Span token = message.envelope.progress_token;
  if (token.present() && token.at < id.at) out.splice(token, number);
  out.splice(id, number);
  if (token.present() && token.at > id.at) out.splice(token, number);
  if (proto::null_params(message.bytes.text, message.envelope)) out.restate(message.envelope.params, "{}");
  return out;
}

void forward_call(State& state, Session& session, Instance& instance, const Scanned& message,
                  proto::Method method, const Asked& asked) {
  Call& call = file(state, session, instance, message, method, asked);
  const std::int64_t wire_id = call.wire_id;
  identify(state, call, message);
  if (kills_its_server(state, instance, wire_id)) return;
  if (instance.life == core::Life::ready && !must_wait_its_turn(state, instance, call)) {
    if (!answered_by_another(state, instance, call, message)) send_now(state, instance, call, message);
    return;
  }
  wait(state, session, instance, wire_id, Message(message.bytes));
  if (!wake(state, instance)) fail(state, instance, wire_id, error_about(instance, instance.trouble, true));
}

void go_alone(State& state, Instance& instance, Call& call) {
  const base::Bytes bytes = std::exchange(call.original, {});
  call.joined = 0;
  call.state = CallState::waiting;
  if (instance.life != core::Life::ready || must_wait_its_turn(state, instance, call)) {
    wait(state, state.sessions.at(call.session), instance, call.wire_id, Message(bytes));
    return;
  }
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  send_now(state, instance, call, {bytes, *envelope});
}

std::int64_t hold_call(State& state, Session& session, Instance& instance, const Scanned& message,
                       proto::Method method, const Asked& asked) {
  return file(state, session, instance, message, method, asked).wire_id;
}

Attached attach(State& state, Session& session, Instance& instance, Call& call, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  call.session = session.id;
  call.client_id = id;
  // The server was given a token only if the first request had one.
  const auto first = proto::scan(call.original.text);
  if (first && first->progress_token.present()) call.token = message.of(message.envelope.progress_token);
  call.journal_slot = note_call(state, session, id);
  session.calls.insert(id, call.wire_id);
  if (!must_wait_its_turn(state, instance, call)) {
    call.state = CallState::sent;
    return Attached::has_its_turn;
  }
  call.state = CallState::returning;
  wait(state, session, instance, call.wire_id, Message(message.bytes));
  return Attached::waits;
}

void detach(State& state, Instance& instance, Call& call) {
  Session* session = state.sessions.find(call.session);
  if (call.state == CallState::returning) unqueue(state, session, instance, call.wire_id);
  if (session != nullptr) {
    session->calls.erase(call.client_id, call.wire_id);
    session->held_back.progress.erase(call.wire_id);
  }
  call.state = CallState::parked;
  call.client_id.clear();
  call.token.clear();
  call.journal_slot.reset();
}

void forward_notice(State& state, Session& session, Instance& instance, const Scanned& message) {
  if (instance.era == proto::Era::modern) return;  // It knows none but the cancellation of a call.
  switch (instance.life) {
    case core::Life::ready:
      state.send(instance.id, Message(message.bytes));
      return;
    case core::Life::starting:
    case core::Life::greeting:
    case core::Life::backing_off:
      wait(state, session, instance, 0, Message(message.bytes));
      return;
    case core::Life::stopped:
    case core::Life::stopping:
      return;  // It was meant for the process that is gone, and is no reason to start another.
  }
}

std::int64_t own_call(Instance& instance, Purpose purpose, std::string uri) {
  Call call;
  call.purpose = purpose;
  call.state = CallState::sent;
  call.uri = std::move(uri);
  return instance.calls.insert(std::move(call)).wire_id;
}

Call finish(State& state, Instance& instance, std::int64_t wire_id) {
  if (instance.listens.contains(wire_id)) end_listen(state, instance, wire_id);
  if (instance.rounds.contains(wire_id)) end_round(state, instance, wire_id);
  if (const auto led = instance.merging.ended(wire_id)) ensure(led->joined.empty());
  Call call = instance.calls.take(wire_id);
  if (call.effect) effect_noted(state, instance);
  turn_freed(state, instance);
  if (call.state == CallState::joined) instance.merging.leaves(call.joined, wire_id);
  const bool waited_for = call.state != CallState::parked && call.state != CallState::cancelled;
  Session* session =
      call.purpose == Purpose::forwarded && waited_for ? state.sessions.find(call.session) : nullptr;
  if (call.state == CallState::waiting || call.state == CallState::returning)
    unqueue(state, session, instance, wire_id);
  if (session == nullptr) return call;
  session->calls.erase(call.client_id, wire_id);
  session->held_back.progress.erase(wire_id);
  if (session->calls.size() < core::limits::calls_per_session_resume)
    resume(state, *session, core::Pause::calls);
  return call;
}

void answer(State& state, Instance& instance, std::int64_t wire_id, std::string_view raw_result) {
  const Call call = finish(state, instance, wire_id);
  if (call.state == CallState::cancelled) return;
  if (call.era == proto::Era::modern) return conclude(state, call, R"("result":)" + std::string(raw_result));
  state.send_answer(call, Message(proto::result_text(call.client_id, raw_result)));
}

void fail(State& state, Instance& instance, std::int64_t wire_id, std::string_view raw_error) {
  if (const auto led = instance.merging.ended(wire_id)) {
    for (const std::int64_t joined : led->joined) fail(state, instance, joined, raw_error);
  }
  const Call call = finish(state, instance, wire_id);
  if (call.state == CallState::cancelled || call.purpose != Purpose::forwarded) return;
  if (call.era == proto::Era::modern) return conclude(state, call, R"("error":)" + std::string(raw_error));
  state.send_answer(call, Message(proto::error_text(call.client_id, raw_error)));
}

namespace {

// First, so that those of its own calls that others have joined are left to others.
void leave_others(State& state, Session& session, Instance& instance) {
  for (const std::int64_t wire_id : session.calls.wire_ids()) {
    if (instance.calls.find(wire_id)->state != CallState::joined) continue;
    const Call call = finish(state, instance, wire_id);
    if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
  }
}

}  // namespace

void cancel_by_client(State& state, Session& session, Instance& instance, const Scanned& message) {
  const auto raw_of = [&](std::int64_t wire_id) {
    return std::string_view(instance.calls.find(wire_id)->client_id);
  };
  const Span named = message.envelope.request_id;
  std::optional<std::int64_t> wire_id = session.calls.find(message.of(named), raw_of);
  if (!wire_id) return;  // Unknown, answered already, or initialize, which cannot be cancelled.
  wire_id = make_way(state, instance, *wire_id);
  Call call = finish(state, instance, *wire_id);
  if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
  if (call.state == CallState::joined) return;
  if (leave_task(state, instance, call)) {
    unpark(state, call.park);
    drain_waiting(state, instance);
    return;
  }
  if (call.state == CallState::waiting || call.state == CallState::asking) {
    instance.subscriptions.withdraw(*wire_id);
    std::erase(instance.level_waiters, *wire_id);
    drain_waiting(state, instance);
    return;
  }
  if (call.era == proto::Era::modern || instance.era == proto::Era::modern) {
    unpark(state, call.park);
    state.send(instance.id, face::cancelled_notice(std::to_string(*wire_id), "the client wants no answer"));
  } else {
    Message out(message.bytes);
    out.splice(named, std::to_string(*wire_id));
    state.send(instance.id, std::move(out));
  }
  becomes_cancelled(state, instance, call);
  instance.calls.restore(std::move(call));
  drain_waiting(state, instance);
}

void abandon_calls(State& state, Session& session, Instance& instance) {
  // Who has left is not told that nobody needs his answers.
  std::erase_if(session.asks, [](const auto& entry) { return entry.second.call != 0; });
  leave_others(state, session, instance);
  for (const std::int64_t id : session.calls.wire_ids()) {
    const std::int64_t wire_id = make_way(state, instance, id);
    Call call = finish(state, instance, wire_id);
    if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
    if (call.state == CallState::joined) continue;
    if (leave_task(state, instance, call)) {
      unpark(state, call.park);
      continue;
    }
    if (call.state == CallState::waiting || call.state == CallState::asking) {
      instance.subscriptions.withdraw(wire_id);
      std::erase(instance.level_waiters, wire_id);
      continue;
    }
    unpark(state, call.park);
    if (instance.life == core::Life::ready) {
      state.send(instance.id, face::cancelled_notice(std::to_string(wire_id), "the session has ended"));
    }
    becomes_cancelled(state, instance, call);
    instance.calls.restore(std::move(call));
  }
  std::erase_if(instance.waiting, [&](const Waiting& waiting) { return waiting.session == session.id; });
}

void wait_again(State& state, Instance& instance, Call& call, Message message) {
  if (const auto led = instance.merging.ended(call.wire_id)) {
    for (const std::int64_t joined : led->joined) {
      Call& other = *instance.calls.find(joined);
      other.joined = 0;
      wait_again(state, instance, other, Message(std::exchange(other.original, {})));
    }
  }
  Session* session = state.sessions.find(call.session);
  if (session == nullptr) return;
  call.state = CallState::waiting;
  wait(state, *session, instance, call.wire_id, std::move(message));
}

std::string concerned_call(const State& state, const Session& session, const Instance& instance) {
  if (!session.many_streams) return {};
  const std::vector<std::int64_t> own = session.calls.wire_ids();
  const auto heard_on = std::ranges::find(own, state.heard_on);
  // Over stdio nothing says it, but while there is only one call it is about that one.
  const bool only_one = state.heard_on == 0 && instance.spec.link == core::Link::stdio && own.size() == 1;
  if (heard_on == own.end() && !only_one) return {};
  const Call* call = instance.calls.find(only_one ? own.front() : *heard_on);
  return call != nullptr ? call->client_id : std::string();
}

namespace {

// It was read once already, and is as the client wrote it; or, if it was sent in vain, as the server heard
// it.
void send_waiting(State& state, Instance& instance, Call& call, const Message& message) {
  const base::Bytes& bytes = message.bytes();
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  const Scanned scanned{bytes, *envelope};
  if (call.state == CallState::returning) {
    call.state = CallState::sent;
    return come_back_in_turn(state, instance, call, scanned);
  }
  if (instance.era == proto::Era::legacy && only_a_modern_server_knows(call, scanned)) {
    fail(state, instance, call.wire_id,
         error_about(instance, "does not know what this request presents; make the call again without it",
                     false));
    return;
  }
  if (instance.era == proto::Era::modern && call.era == proto::Era::legacy &&
      call.method == proto::Method::tasks_list) {
    fail(state, instance, call.wire_id, R"({"code":-32601,"message":"Method not found"})");
    return;
  }
  if (kills_its_server(state, instance, call.wire_id)) return;
  if (!answered_by_another(state, instance, call, scanned)) send_now(state, instance, call, scanned);
}

}  // namespace

void drain_waiting(State& state, Instance& instance) {
  turn_freed(state, instance);
  if (instance.life != core::Life::ready) return;
  rounds_go_on(state, instance);
  if (instance.waiting.empty()) return;
  std::deque<Waiting> all = std::move(instance.waiting);
  instance.waiting.clear();
  std::optional<Party> next;  // Whose turn it is, or will be: that holds back the calls of others behind it.
  bool line = false;          // Of a server that takes one call at a time: one waits for its turn.
  for (Waiting& waiting : all) {
    Session* session = state.sessions.find(waiting.session);
    if (session == nullptr) continue;
    Call* call = waiting.call != 0 ? instance.calls.find(waiting.call) : nullptr;
    std::optional<Party> party;
    if (waiting.answer) party = Party{waiting.session};
    if (call != nullptr && takes_turns(instance, *call)) party = party_of(*call);
    const bool counts = call != nullptr && is_one_of_one(instance, *call);
    const bool in_line = counts && (line || waits_in_line(state, instance, *call, waiting.number));
    const bool held = call != nullptr ? in_line || waits_for_an_ending(state, instance, *call)
                                      : waiting.answer && others_at_work(state, instance, *party);
    if (held || (party && ((next && next != party) || taken_by_another(state, instance, *party)))) {
      const bool in_nobodys_way = counts && !line && held_by_own_dialog(state, instance, *call);
      line |= counts && !in_nobodys_way;
      if (!next && !in_nobodys_way) next = party;
      instance.waiting.push_back(std::move(waiting));
      continue;
    }
    no_longer_waiting(state, *session, waiting.bytes);
    if (call != nullptr) {
      send_waiting(state, instance, *call, waiting.message);
      // One that could be answered at once leaves its turn to the next.
      if (!next && instance.calls.find(waiting.call) != nullptr) next = party;
    } else if (instance.era == proto::Era::legacy) {  // A modern one knows no notifications of that kind.
      state.send(instance.id, std::move(waiting.message));
      if (!next) next = party;
    }
  }
}

}  // namespace broker
