// What others may do while a person is asked, at a server whose calls take turns.
//
// A legacy session whose calls all wait for answers asks nothing further, so another party has its turn
// meanwhile, as it has while a parked call's client is away. The answer then waits until that party's calls
// are over or wait for a person themselves: at no time are two parties at work of which either could ask.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/calls/one_call.h"
#include "broker/life/life.h"
#include "core/limits.h"

namespace broker {

using core::Call;
using core::Instance;
using core::Session;
using core::Waiting;

bool in_dialog(const State& state, const Instance& instance, const Party& party) {
  const bool turns = instance.interactive || instance.order.one;
  const Session* session = turns && !party.call ? state.sessions.find(party.session) : nullptr;
  if (session == nullptr) return false;
  // Questions may come together: others wait until it is known how many there are.
  const base::Instant settled =
      state.now + instance.spec.timing.ask_timeout - core::limits::questions_together;
  std::ptrdiff_t open = std::ranges::count_if(session->asks, [&](const auto& entry) {
    const core::Ask& ask = entry.second;
    return !ask.server_id.empty() && !ask.by_task && ask.due <= settled;
  });
  open += static_cast<std::ptrdiff_t>(instance.waiting.answers_of(party.session));
  if (open == 0) return false;
  std::ptrdiff_t at_work = 0;
  instance.calls.newest_first(core::CallState::sent, [&](const Call& call) {
    const bool of_it = call.purpose == core::Purpose::forwarded && party_of(call) == party;
    at_work += of_it && proto::may_ask(call.method) ? 1 : 0;
    return true;
  });
  return at_work != 0 && open >= at_work;
}

void dialog_begins(State& state, Instance& instance) {
  if (instance.interactive || instance.order.one)
    instance.times.turn_due = state.now + core::limits::questions_together;
}

void answer_in_turn(State& state, Session& session, Instance& instance, proto::Message message) {
  const bool taken = instance.interactive && taken_by_another(state, instance, {session.id});
  const bool held = taken || others_at_work(state, instance, {session.id});
  if (!held || instance.life != core::Life::ready) return state.send(instance.id, std::move(message));
  core::Charge charge(session.account, core::Kept::waiting, message.size());
  instance.waiting.push({.session = session.id,
                         .call = {},
                         .message = std::move(message),
                         .charge = std::move(charge),
                         .answer = true});
  if (session.account.over(core::Kept::waiting)) pause(state, session, core::Pause::waiting);
}

void give_held_answers(State& state, Session& session, Instance& instance) {
  const auto its = [&](const Waiting& one) { return one.answer && one.session == session.id; };
  for (Waiting& waiting : instance.waiting.take_if(its)) {
    state.send(instance.id, std::move(waiting.message));
    no_longer_waiting(state, session, waiting);
  }
}

void drop_held_answers(State& state, Instance& instance) {
  for (Waiting& waiting : instance.waiting.take_if([](const Waiting& one) { return one.answer; })) {
    if (Session* session = state.sessions.find(waiting.session)) no_longer_waiting(state, *session, waiting);
  }
}

}  // namespace broker
