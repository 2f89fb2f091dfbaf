// Calls that nobody waits for any more.
#include "broker/calls/calls.h"
#include "core/limits.h"
#include "face/to_legacy_server.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Session;
using core::Waiting;
using proto::Message;

// Of too many the oldest is forgotten, unless it may still be running. An answer that comes for it later is
// dropped.
void forget_cancelled(const State& state, Instance& instance, core::Account account) {
  while (const auto full = account.full(core::Kept::cancelled, {})) {
    const Call* oldest =
        instance.calls.longest_cancelled(full->of_principal ? account.widest().id() : account.id());
    if (oldest == nullptr || core::ghost(*oldest, state.now)) return;
    instance.calls.take(oldest->wire_id);
  }
}

// What of a call is kept until its late answer comes.
std::size_t size_of(const Call& call) {
  return sizeof(Call) + call.client_id.size() + call.token.size() + call.uri.size() + call.tool.size();
}

// The server has been told, and may answer all the same: until then the call stays in the table.
void becomes_cancelled(State& state, Instance& instance, Call& call) {
  call.original = {};  // It is not made again.
  call.charge = {};
  call.lacking = {};
  const bool may_ask = proto::may_ask(call.method);
  instance.times.tombstones.push_back({state.now + core::limits::tombstone, call.wire_id});
  const Session* session = state.sessions.find(call.session);
  const core::Account account = session != nullptr ? session->account : core::Account();
  instance.calls.become(call,
                        core::Cancelled{state.now, account.charge(core::Kept::cancelled, size_of(call))});
  forget_cancelled(state, instance, account);
  if (!may_ask) return;
  // endings_deadline() is only set while something waits; otherwise those that are over are taken out here.
  const bool waited_for = !instance.waiting.empty() || !instance.talk.held_questions.empty();
  while (!waited_for && !instance.times.endings.empty() && instance.times.endings.front() <= state.now)
    instance.times.endings.pop_front();
  instance.times.endings.push_back(state.now + core::limits::ending);
}

// The server has the call and has not answered it. A call in a round (CallState::asking) has been answered
// with input_required; if it is cancelled, it is just not made again.
bool is_with_server(const Call& call) {
  return call.state == CallState::sent || call.state == CallState::parked ||
         call.state == CallState::returning;
}

// Takes the call out of every table, and with it its park and task. Returns it if the server has to be told.
std::optional<Call> withdraw(State& state, Instance& instance, core::CallId wire_id) {
  Call call = finish(state, instance, wire_id);
  Session* session = state.sessions.find(call.session);
  if (session != nullptr && call.journal_slot) session->journal.call_ended(*call.journal_slot);
  call.journal_slot.reset();  // Another call may have it by the time this one is forgotten.
  if (call.park) unpark(state, *call.park);
  if (leave_task(state, instance, call)) return std::nullopt;
  if (is_with_server(call)) return call;
  instance.subscriptions.withdraw(wire_id);
  std::erase(instance.level_waiters, wire_id);
  return std::nullopt;
}

void tell_server(State& state, Instance& instance, Call call, Message notice) {
  const core::CallId wire_id = call.wire_id;
  if (instance.life == core::Life::ready) {
    state.send(instance.id, std::move(notice));
  } else if (instance.life == core::Life::greeting) {
    instance.greeting.cancelled.push_back(wire_id);
  }
  instance.calls.restore(std::move(call));
  becomes_cancelled(state, instance, *instance.calls.find(wire_id));
}

}  // namespace

void cancel(State& state, Instance& instance, core::CallId wire_id, std::string_view why) {
  const core::CallId id = make_way(state, instance, wire_id);
  if (auto call = withdraw(state, instance, id))
    tell_server(state, instance, std::move(*call), Message(face::cancelled_notice(id.text(), why)));
}

void cancel_by_client(State& state, Session& session, Instance& instance, const Scanned& message) {
  const auto raw_of = [&](core::CallId id) { return std::string_view(instance.calls.find(id)->client_id); };
  const proto::Span named = message.envelope.request_id;
  const std::optional<core::CallId> found = session.calls.find(message.of(named), raw_of);
  if (!found) return;  // Unknown, answered already, or initialize, which cannot be cancelled.
  const core::CallId wire_id = make_way(state, instance, *found);
  if (auto call = withdraw(state, instance, wire_id)) {
    const bool legacy = call->era == proto::Era::legacy && instance.era == proto::Era::legacy;
    Message notice = legacy ? Message(message.bytes)
                            : Message(face::cancelled_notice(wire_id.text(), "the client wants no answer"));
    if (legacy) notice.splice(named, wire_id.text());
    tell_server(state, instance, std::move(*call), std::move(notice));
  }
  drain_waiting(state, instance);
}

void tell_of_cancelled(State& state, Instance& instance) {
  for (const core::CallId id : std::exchange(instance.greeting.cancelled, {})) {
    if (instance.calls.find(id) != nullptr)
      state.send(instance.id, Message(face::cancelled_notice(id.text(), "the client wants no answer")));
  }
}

void abandon_calls(State& state, Session& session, Instance& instance) {
  // Do not withdraw questions from a session that has left.
  std::erase_if(session.asks, [](const auto& entry) { return entry.second.call.has_value(); });
  // First what has joined others' calls, so that those of its own that others have joined are left to others.
  for (const core::CallId id : session.calls.wire_ids()) {
    if (instance.calls.find(id)->state == CallState::joined) cancel(state, instance, id, {});
  }
  for (const core::CallId id : session.calls.wire_ids()) cancel(state, instance, id, "the session has ended");
  instance.waiting.take_if([&](const Waiting& waiting) { return waiting.session == session.id; });
}

}  // namespace broker
