#include "app/upgrade.h"

#include <cerrno>
#include <utility>

#include "io/clock.h"

namespace app {

Upgrade::Upgrade(Hands hands)
    : hands_(std::move(hands)), late_(hands_.loop, [this] { too_late(); }), next_turn_(hands_.loop, [] {}) {}

void Upgrade::begin(std::unique_ptr<io::Successor> successor, const Told& told) {
  if (step_ != Step::idle) {
    const base::Error why{"it is being replaced already", EAGAIN};
    hands_.not_replaced(why);
    successor->refuse(why);
    if (told) told(why);
    return;
  }
  successor_ = std::move(successor);
  told_ = told;
  step_ = Step::waiting;
  late_.set(io::now() + patience);
}

void Upgrade::end_of_turn() {
  if (step_ == Step::idle || step_ == Step::trying) return;
  const bool settled = hands_.unsettled().empty();
  if (step_ == Step::holding && !settled) {
    io::let_signals_in();
    step_ = Step::going;
  }
  if (!settled) return;
  if (step_ == Step::waiting) return try_it();
  if (step_ == Step::going) return hold();
  go();
}

void Upgrade::try_it() {
  const auto file = io::memory_file(hands_.state().text);
  if (!file) return end(file.error());
  step_ = Step::trying;
  const auto tries =
      successor_->try_it(*file, patience, [this](const std::optional<base::Error>& why) { tried(why); });
  if (!tries) end(tries.error());
}

void Upgrade::tried(const std::optional<base::Error>& why) {
  if (why) return end(*why);
  step_ = Step::going;
  late_.set(io::now() + patience);
  if (const Told told = std::exchange(told_, nullptr)) told(std::nullopt);
}

void Upgrade::hold() {
  step_ = Step::holding;
  io::hold_signals();
  next_turn_.set(io::now());
}

// Not another one than was tried.
void Upgrade::go() {
  if (successor_->changed()) {
    io::let_signals_in();
    return try_it();
  }
  WrittenState state = hands_.state();
  const auto file = io::memory_file(state.text);
  if (!file) return end(file.error());
  hands_.farewell();
  const base::Error why = successor_->take_over(*file, std::move(state.descriptors));
  hands_.stays();
  end(why);
}

void Upgrade::end(const base::Error& why) {
  io::let_signals_in();
  step_ = Step::idle;
  late_.clear();
  hands_.not_replaced(why);
  successor_->refuse(why);
  hands_.loop.retire(std::move(successor_));
  if (const Told told = std::exchange(told_, nullptr)) told(why);
}

void Upgrade::too_late() {
  if (step_ == Step::trying) return end({"it did not read the state in time", EAGAIN});
  std::string why = hands_.unsettled();
  if (why.empty()) why = "it had no quiet moment";
  end({why + "; try again when that is over", EAGAIN});
}

}  // namespace app
