// Questions that may be of a call that is over: they wait until that is certain (calls/endings.cpp).
#include "broker/calls/calls.h"
#include "broker/sorting/sorting.h"
#include "core/limits.h"

namespace broker {

using core::Instance;

void hold_question(State& state, Instance& instance, const Scanned& message) {
  instance.talk.held_questions.push_back(
      {base::Bytes::copy(std::string(message.bytes.text)), state.now + core::limits::ending});
}

bool drop_held(Instance& instance, std::string_view raw_id) {
  const auto named = [&](const core::HeldQuestion& held) {
    const auto envelope = proto::scan(held.bytes.text);
    return envelope && envelope->id.in(held.bytes.text) == raw_id;
  };
  return std::erase_if(instance.talk.held_questions, named) != 0;
}

void put_held_questions(State& state, Instance& instance) {
  // They came on no stream that said whose they are; the line that is being looked at may have.
  const std::optional<core::CallId> heard_on = std::exchange(state.heard_on, std::nullopt);
  for (const core::HeldQuestion& held : std::exchange(instance.talk.held_questions, {})) {
    const auto envelope = proto::scan(held.bytes.text);
    ensure(envelope.has_value());
    const Scanned message{held.bytes, *envelope};
    put_again(state, instance, message, held.until);
  }
  state.heard_on = heard_on;
}

void endings_tick(State& state, Instance& instance) {
  bool over = instance.times.turn_due && *instance.times.turn_due <= state.now;
  if (over) instance.times.turn_due.reset();
  while (!instance.times.endings.empty() && instance.times.endings.front() <= state.now) {
    instance.times.endings.pop_front();
    over = true;
  }
  if (!over) return;
  put_held_questions(state, instance);
  drain_waiting(state, instance);
}

}  // namespace broker
