#include "broker/calls/waiting.h"

#include <algorithm>
#include <set>

#include "broker/calls/calls.h"
#include "broker/calls/one_call.h"
#include "core/limits.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Waiting;
using proto::Message;

bool taken_by_another(const State& state, core::Instance& instance, const Party& party) {
  // One that is parked waits for answers itself, and will take its turn before it gets them; so does one
  // whose client is being asked.
  return instance.calls.any(CallState::sent, [&](const Call& call) {
    return call.purpose == Purpose::forwarded && party_of(call) != party && proto::may_ask(call.method) &&
           !in_dialog(state, instance, party_of(call));
  });
}

namespace {

bool held(const State& state, const Instance& instance, const Waiting& waiting) {
  const Session* session = state.sessions.find(waiting.session);
  return session != nullptr && !may_reach(*session, instance);
}

bool works_for(const Instance& instance, const Party& party) {
  return instance.calls.any(CallState::sent, [&](const Call& call) {
    return call.purpose == Purpose::forwarded && proto::may_ask(call.method) && party_of(call) == party;
  });
}

// Only one session at a time may have calls in flight that can lead to a question, and the others take their
// turn.
bool others_wait(const State& state, Instance& instance, const Party& party) {
  for (const Waiting& waiting : instance.waiting) {
    if (held(state, instance, waiting)) continue;
    const Call* call = instance.calls.find(waiting.call);
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

void wait_there(State& state, Session& session, Instance& instance, std::optional<core::CallId> call,
                Message message) {
  const std::size_t bytes = message.size();
  const Call* filed = instance.calls.find(call);
  instance.waiting.push_back({.session = session.id,
                              .call = call,
                              .message = std::move(message),
                              .bytes = bytes,
                              .number = ++state.waits_ever,
                              .may_ask = filed != nullptr && proto::may_ask(filed->method)});
  session.waiting_bytes += bytes;
  if (session.waiting_bytes > core::limits::waiting_bytes_per_session)
    pause(state, session, core::Pause::waiting);
}

void no_longer_waiting(State& state, core::Session& session, std::size_t bytes) {
  session.waiting_bytes -= bytes;
  if (session.waiting_bytes <= core::limits::waiting_bytes_per_session)
    resume(state, session, core::Pause::waiting);
}

void no_longer_queued(State& state, Session* session, Instance& instance, core::CallId wire_id) {
  const auto found = std::ranges::find(instance.waiting, wire_id, &Waiting::call);
  if (found == instance.waiting.end()) return;
  if (session != nullptr) no_longer_waiting(state, *session, found->bytes);
  instance.waiting.erase(found);
}

void wait_again(State& state, Instance& instance, Call& call, Message message) {
  if (const auto led = instance.merging.ended(call.wire_id)) {
    for (const core::CallId joined : led->joined) {
      Call& other = *instance.calls.find(joined);
      wait_again(state, instance, other, Message(other.state.as<core::Joined>().request));
    }
  }
  Session* session = state.sessions.find(call.session);
  if (session == nullptr) return;
  instance.calls.become(call, core::Queued{});
  wait_there(state, *session, instance, call.wire_id, std::move(message));
}

namespace {

// What is not sent on as it is, but was held with everything else of its session.
bool begins_again(const Call& call) {
  using enum proto::Method;
  const bool ours = call.method == resources_subscribe || call.method == resources_unsubscribe ||
                    call.method == logging_set_level;
  return ours && call.era == proto::Era::legacy;
}

void begin_again(State& state, Instance& instance, const Call& call, const base::Bytes& request) {
  Session& session = state.sessions.at(call.session);
  const Call gone = finish(state, instance, call.wire_id);
  if (gone.journal_slot) session.journal.call_ended(*gone.journal_slot);
  state.notices.push_back(RequestHeld{session.id, request});
}

// What was filed before the server turned out to be a legacy one, and cannot be said to it.
bool only_a_modern_server_knows(const Call& call, const Scanned& message) {
  return call.era == proto::Era::modern &&
         (proto::about_a_task(call.method) || message.envelope.request_state.present());
}

// It was read once already, and is as the client wrote it; or, if it was sent in vain, as the server heard
// it.
void send_waiting(State& state, Instance& instance, Call& call, const Message& message) {
  const base::Bytes& bytes = message.bytes();
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  const Scanned scanned{bytes, *envelope};
  if (call.state == CallState::returning) {
    instance.calls.become(call, core::Sent{});
    state.notices.push_back(TurnCame{instance.id, call.wire_id, bytes});
    return;
  }
  if (instance.era == proto::Era::legacy && only_a_modern_server_knows(call, scanned)) {
    fail(state, instance, call.wire_id,
         error_about(instance,
                     "did not give the task or requestState of this request; make the call again without it",
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

std::ptrdiff_t offset(std::size_t index) {
  return static_cast<std::ptrdiff_t>(index);
}

// Whether everything from there on waits for a turn that none of it can have now: where calls are not given
// one by one, that of `next` is all there is, and another runs. So a long queue is not gone through for each
// call that ends.
bool all_wait_behind(const State& state, Instance& instance, const Party& next,
                     const std::deque<Waiting>& all, std::size_t from) {
  if (instance.order.one || !instance.interactive || instance.era != proto::Era::legacy) return false;
  return taken_by_another(state, instance, next) &&
         std::all_of(all.begin() + offset(from), all.end(),
                     [](const Waiting& waiting) { return waiting.may_ask || waiting.answer; });
}

// The messages from there on go on waiting, behind those that wait again already.
void leave_waiting(Instance& instance, std::deque<Waiting>& all, std::size_t from) {
  all.erase(all.begin(), all.begin() + offset(from));
  while (!instance.waiting.empty()) {
    all.push_front(std::move(instance.waiting.back()));
    instance.waiting.pop_back();
  }
  instance.waiting = std::move(all);
}

}  // namespace

void drain_waiting(State& state, Instance& instance) {
  turn_freed(state, instance);
  if (instance.life != core::Life::ready) return;
  if (instance.waiting.empty()) return;
  std::deque<Waiting> all = std::move(instance.waiting);
  instance.waiting.clear();
  std::optional<Party> next;  // The party whose turn is next; calls of other parties stay queued behind it.
  // A call waits for its turn at a server that takes one call at a time; one that is made again has it first.
  bool line = std::ranges::any_of(instance.rounds, [](const auto& entry) { return entry.second.waits; });
  std::set<SessionId> behind;  // Sessions whose next messages follow a request that begins when this is over.
  for (std::size_t i = 0; i < all.size(); ++i) {
    Waiting& waiting = all[i];
    Session* session = state.sessions.find(waiting.session);
    if (session == nullptr) continue;
    if (!may_reach(*session, instance)) {
      instance.waiting.push_back(std::move(waiting));
      continue;
    }
    Call* call = instance.calls.find(waiting.call);
    if (call != nullptr && begins_again(*call)) {
      no_longer_waiting(state, *session, waiting.bytes);
      begin_again(state, instance, *call, waiting.message.bytes());
      behind.insert(session->id);
      continue;
    }
    if (behind.contains(session->id)) {
      instance.waiting.push_back(std::move(waiting));
      continue;
    }
    std::optional<Party> party;
    if (waiting.answer) party = Party{waiting.session};
    if (call != nullptr && takes_turns(instance, *call)) party = party_of(*call);
    const bool counts = call != nullptr && is_one_of_one(instance, *call);
    const bool in_line = counts && (line || waits_in_line(state, instance, *call, waiting.number));
    const bool ending = call != nullptr ? in_line || waits_for_an_ending(state, instance, *call)
                                        : waiting.answer && others_at_work(state, instance, *party);
    if (ending || (party && ((next && next != party) || taken_by_another(state, instance, *party)))) {
      const bool in_nobodys_way = counts && !line && held_by_own_dialog(state, instance, *call);
      line |= counts && !in_nobodys_way;
      if (!next && !in_nobodys_way) next = party;
      instance.waiting.push_back(std::move(waiting));
      if (next && all_wait_behind(state, instance, *next, all, i + 1))
        return leave_waiting(instance, all, i + 1);
      continue;
    }
    no_longer_waiting(state, *session, waiting.bytes);
    if (call != nullptr) {
      send_waiting(state, instance, *call, waiting.message);
      // One that could be answered at once leaves its turn to the next.
      if (!next && instance.calls.find(waiting.call) != nullptr) next = party;
    } else if (instance.era == proto::Era::legacy) {  // A modern one knows no notifications of that kind.
      state.send(instance.id, std::move(waiting.message));
      // The call that it is about may be over already, and no end of it will pass the turn on.
      if (!next && party && works_for(instance, *party)) next = party;
    }
  }
}

}  // namespace broker
