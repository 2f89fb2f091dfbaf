// Calls: filed under an id of ours, sent when the server can take them, answered under the client's own id.
#include <algorithm>
#include <array>

#include "broker/state.h"
#include "core/limits.h"
#include "face/legacy_server.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Waiting;
using proto::Message;
using proto::Span;

Call& file(State& state, Session& session, Instance& instance, const Scanned& message, proto::Method method) {
  const std::string_view id = message.of(message.envelope.id);
  Call& call = instance.calls.insert({.wire_id = 0,
                                      .session = session.id,
                                      .method = method,
                                      .task = message.envelope.task,
                                      .client_id = std::string(id),
                                      .token = std::string(message.of(message.envelope.progress_token)),
                                      .uri = {},
                                      .journal_slot = note_call(state, session, id),
                                      .cancelled_at = {}});
  session.calls.insert(id, call.wire_id);
  if (session.calls.size() >= core::limits::calls_per_session) pause(state, session, core::Pause::calls);
  return call;
}

// Only one session at a time may have calls in flight that can lead to a question, and the others take their
// turn.
bool must_take_turns(Instance& instance, SessionId session, proto::Method method) {
  if (!instance.interactive || !proto::may_ask(method)) return false;
  for (const Waiting& waiting : instance.waiting) {
    const Call* call = waiting.call != 0 ? instance.calls.find(waiting.call) : nullptr;
    if (call != nullptr && call->session != session && proto::may_ask(call->method)) return true;
  }
  return false;
}

bool taken_by_another(Instance& instance, SessionId session) {
  bool taken = false;
  instance.calls.each([&](const Call& call) {
    taken |= call.state == CallState::sent && call.purpose == Purpose::forwarded && call.session != session &&
             proto::may_ask(call.method);
  });
  return taken;
}

void send_now(State& state, Instance& instance, Call& call, Message message) {
  call.state = CallState::sent;
  ++instance.calls_total;
  state.send(instance.id, std::move(message));
}

void wait(State& state, Session& session, Instance& instance, std::int64_t call, Message message) {
  const std::size_t bytes = message.size();
  instance.waiting.push_back({session.id, call, std::move(message), bytes});
  session.waiting_bytes += bytes;
  if (session.waiting_bytes > core::limits::waiting_bytes_per_session)
    pause(state, session, core::Pause::waiting);
}

void no_longer_waiting(State& state, Session& session, std::size_t bytes) {
  session.waiting_bytes -= bytes;
  if (session.waiting_bytes <= core::limits::waiting_bytes_per_session)
    resume(state, session, core::Pause::waiting);
}

void unqueue(State& state, Session* session, Instance& instance, std::int64_t wire_id) {
  const auto found = std::ranges::find(instance.waiting, wire_id, &Waiting::call);
  if (found == instance.waiting.end()) return;
  if (session != nullptr) no_longer_waiting(state, *session, found->bytes);
  instance.waiting.erase(found);
}

Message rewritten(const Scanned& message, std::int64_t wire_id) {
  Message out(message.bytes);
  const std::string number = std::to_string(wire_id);
  const Span id = message.envelope.id;
  const Span token = message.envelope.progress_token;
  if (token.present() && token.at < id.at) out.splice(token, number);
  out.splice(id, number);
  if (token.present() && token.at > id.at) out.splice(token, number);
  return out;
}

}  // namespace

void forward_call(State& state, Session& session, Instance& instance, const Scanned& message,
                  proto::Method method) {
  Call& call = file(state, session, instance, message, method);
  const std::int64_t wire_id = call.wire_id;
  Message out = rewritten(message, wire_id);
  if (instance.life == core::Life::ready && !must_take_turns(instance, session.id, method) &&
      !(instance.interactive && proto::may_ask(method) && taken_by_another(instance, session.id))) {
    send_now(state, instance, call, std::move(out));
    return;
  }
  wait(state, session, instance, wire_id, std::move(out));
  if (!wake(state, instance)) fail(state, instance, wire_id, error_about(instance, instance.trouble, true));
}

std::int64_t hold_call(State& state, Session& session, Instance& instance, const Scanned& message,
                       proto::Method method) {
  return file(state, session, instance, message, method).wire_id;
}

void forward_notice(State& state, Session& session, Instance& instance, const Scanned& message) {
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
  return instance.calls
      .insert({.wire_id = 0,
               .session = {},
               .purpose = purpose,
               .state = CallState::sent,
               .client_id = {},
               .token = {},
               .uri = std::move(uri),
               .journal_slot = {},
               .cancelled_at = {}})
      .wire_id;
}

Call finish(State& state, Instance& instance, std::int64_t wire_id) {
  Call call = instance.calls.take(wire_id);
  Session* session = call.purpose == Purpose::forwarded && call.state != CallState::cancelled
                         ? state.sessions.find(call.session)
                         : nullptr;
  if (call.state == CallState::waiting) unqueue(state, session, instance, wire_id);
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
  state.send_answer(call, Message(proto::result_text(call.client_id, raw_result)));
}

void fail(State& state, Instance& instance, std::int64_t wire_id, std::string_view raw_error) {
  const Call call = finish(state, instance, wire_id);
  if (call.state != CallState::cancelled && call.purpose == Purpose::forwarded) {
    state.send_answer(call, Message(proto::error_text(call.client_id, raw_error)));
  }
}

void cancel_by_client(State& state, Session& session, Instance& instance, const Scanned& message) {
  const auto raw_of = [&](std::int64_t wire_id) {
    return std::string_view(instance.calls.find(wire_id)->client_id);
  };
  const Span named = message.envelope.request_id;
  const std::optional<std::int64_t> wire_id = session.calls.find(message.of(named), raw_of);
  if (!wire_id) return;  // Unknown, answered already, or initialize, which cannot be cancelled.
  Call call = finish(state, instance, *wire_id);
  if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
  if (call.state == CallState::waiting) {
    instance.subscriptions.withdraw(*wire_id);
    std::erase(instance.level_waiters, *wire_id);
    drain_waiting(state, instance);
    return;
  }
  Message out(message.bytes);
  out.splice(named, std::to_string(*wire_id));
  state.send(instance.id, std::move(out));
  call.state = CallState::cancelled;
  call.cancelled_at = state.now;
  instance.calls.restore(std::move(call));
  instance.tombstones.push_back({state.now + core::limits::tombstone, *wire_id});
  drain_waiting(state, instance);
}

void abandon_calls(State& state, Session& session, Instance& instance) {
  for (const std::int64_t wire_id : session.calls.wire_ids()) {
    Call call = finish(state, instance, wire_id);
    if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
    if (call.state == CallState::waiting) {
      instance.subscriptions.withdraw(wire_id);
      std::erase(instance.level_waiters, wire_id);
      continue;
    }
    if (instance.life == core::Life::ready) {
      state.send(instance.id, face::cancelled_notice(std::to_string(wire_id), "the session has ended"));
    }
    call.state = CallState::cancelled;
    call.cancelled_at = state.now;
    instance.calls.restore(std::move(call));
    instance.tombstones.push_back({state.now + core::limits::tombstone, wire_id});
  }
  std::erase_if(instance.waiting, [&](const Waiting& waiting) { return waiting.session == session.id; });
}

void wait_again(State& state, Instance& instance, Call& call, Message message) {
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

void drain_waiting(State& state, Instance& instance) {
  if (instance.life != core::Life::ready || instance.waiting.empty()) return;
  std::deque<Waiting> all = std::move(instance.waiting);
  instance.waiting.clear();
  bool turn_given = false;  // A call that must wait for its turn holds back those of others behind it.
  std::optional<SessionId> next;
  for (Waiting& waiting : all) {
    Session* session = state.sessions.find(waiting.session);
    if (session == nullptr) continue;
    Call* call = waiting.call != 0 ? instance.calls.find(waiting.call) : nullptr;
    const bool takes_turn = call != nullptr && instance.interactive && proto::may_ask(call->method);
    if (takes_turn) {
      const bool others_first = turn_given && next != waiting.session;
      if (others_first || taken_by_another(instance, waiting.session)) {
        turn_given = true;
        if (!next) next = waiting.session;
        instance.waiting.push_back(std::move(waiting));
        continue;
      }
      turn_given = true;
      if (!next) next = waiting.session;
    }
    no_longer_waiting(state, *session, waiting.bytes);
    if (call != nullptr) {
      send_now(state, instance, *call, std::move(waiting.message));
    } else {
      state.send(instance.id, std::move(waiting.message));
    }
  }
}

}  // namespace broker
