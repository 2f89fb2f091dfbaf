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
using core::WaitingQueue;
using proto::Message;

bool taken_by_another(const State& state, core::Instance& instance, const Party& party) {
  // A parked call does not count: it waits for its client, and takes a turn before it gets the answers. Nor
  // does a call whose legacy client is being asked.
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

// Whether a call of another party that may ask is queued already, and goes first. Only one party at a time
// may have such calls at a server that takes turns.
bool others_wait(const State& state, Instance& instance, const Party& party) {
  return instance.waiting.any([&](const Waiting& waiting) {
    if (held(state, instance, waiting)) return false;
    const Call* call = instance.calls.find(waiting.call);
    const bool other = call != nullptr && party_of(*call) != party && proto::may_ask(call->method);
    return other && !held_by_own_dialog(state, instance, *call);
  });
}

// A modern server says which call it asks because of, so its calls need not take turns.
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
  core::Charge charge(session.account, core::Kept::waiting, message.size());
  const Call* filed = instance.calls.find(call);
  instance.waiting.push({.session = session.id,
                         .call = call,
                         .message = std::move(message),
                         .charge = std::move(charge),
                         .number = ++state.waits_ever,
                         .may_ask = filed != nullptr && proto::may_ask(filed->method)});
  if (session.account.over(core::Kept::waiting)) pause(state, session, core::Pause::waiting);
}

void no_longer_waiting(State& state, core::Session& session, Waiting& waiting) {
  waiting.charge = {};
  if (!session.account.over(core::Kept::waiting)) resume(state, session, core::Pause::waiting);
}

void no_longer_queued(State& state, Session* session, Instance& instance, core::CallId wire_id) {
  auto waiting = instance.waiting.take(wire_id);
  if (waiting && session != nullptr) no_longer_waiting(state, *session, *waiting);
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

// A request that Hearth answers itself. It was queued only because its session could not reach the server yet
// (may_reach), and is handled from the start when it can.
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

// The call was queued before it was known that the server is a legacy one, which has no words for it.
bool only_a_modern_server_knows(const Call& call, const Scanned& message) {
  return call.era == proto::Era::modern &&
         (proto::about_a_task(call.method) || message.envelope.request_state.present());
}

// The message was scanned once, so it is well-formed. It is as the client wrote it, or, if it was sent in
// vain before, as it was sent.
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

// Whether nothing behind the place can go now, so that a long queue is not gone through for each call that
// ends. That is so if all of it waits for turns, `next` has the next turn, and a call of another party still
// runs. Not decided here for servers that take one call at a time, where some calls need no turn.
bool all_wait_behind(const State& state, Instance& instance, const Party& next, WaitingQueue::Place place) {
  if (instance.order.one || !instance.interactive || instance.era != proto::Era::legacy) return false;
  return instance.waiting.only_turns_after(place) && taken_by_another(state, instance, next);
}

}  // namespace

void drain_waiting(State& state, Instance& instance) {
  turn_freed(state, instance);
  if (instance.life != core::Life::ready) return;
  WaitingQueue& queue = instance.waiting;
  const std::optional<WaitingQueue::Place> last = queue.last();  // What is queued meanwhile can wait.
  std::optional<Party> next;  // The party whose turn is next; calls of other parties stay queued behind it.
  // A call waits for its turn at a server that takes one call at a time, so that those behind it wait, too. A
  // call that is to be made again with its client's answers is before all of them.
  bool line = std::ranges::any_of(instance.rounds, [](const auto& entry) { return entry.second.waits; });
  // Sessions with a request that begins by a notice (RequestHeld); their other messages stay behind it.
  std::set<SessionId> behind;
  for (auto place = queue.first(); place && *place <= *last; place = queue.after(*place)) {
    const Waiting& waiting = queue.at(*place);
    Session* session = state.sessions.find(waiting.session);
    if (session == nullptr) {
      queue.take(*place);
      continue;
    }
    if (!may_reach(*session, instance)) continue;
    Call* call = instance.calls.find(waiting.call);
    if (call != nullptr && begins_again(*call)) {
      const base::Bytes request = waiting.message.bytes();
      begin_again(state, instance, *call, request);
      behind.insert(session->id);
      continue;
    }
    if (behind.contains(session->id)) continue;
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
      if (next && all_wait_behind(state, instance, *next, *place)) return;
      continue;
    }
    Waiting ready = queue.take(*place);
    no_longer_waiting(state, *session, ready);
    if (call != nullptr) {
      send_waiting(state, instance, *call, ready.message);
      // A call that was answered or refused at once passes the turn on.
      if (!next && instance.calls.find(ready.call) != nullptr) next = party;
    } else if (instance.era == proto::Era::legacy) {  // A modern one knows no notifications of that kind.
      state.send(instance.id, std::move(ready.message));
      // The call that it is about may be over already, and no end of it will pass the turn on.
      if (!next && party && works_for(instance, *party)) next = party;
    }
  }
}

}  // namespace broker
