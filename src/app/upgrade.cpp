#include "app/upgrade.h"

#include <cerrno>
#include <utility>

#include "io/clock.h"

namespace app {

Upgrade::Upgrade(Hands hands, std::vector<std::string> arguments)
    : hands_(std::move(hands)),
      arguments_(std::move(arguments)),
      late_(hands_.loop, [this] { too_late(); }),
      next_turn_(hands_.loop, [] {}) {}

void Upgrade::begin(const std::string& program, const Told& told) {
  if (step_ != Step::idle) return refuse({"it is being replaced already", EAGAIN}, told);
  if (const auto why = io::unfit(program)) return refuse(*why, told);
  program_ = program;
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
  mark_ = io::mark_of_file(program_);
  const auto file = io::memory_file(hands_.state().text);
  if (!file) return end(file.error());
  auto trial = io::Trial::start(hands_.loop, program_, arguments_, *file, patience,
                                [this](const std::optional<base::Error>& why) { tried(why); });
  if (!trial) return end(trial.error());
  trial_ = std::move(*trial);
  step_ = Step::trying;
}

void Upgrade::tried(const std::optional<base::Error>& why) {
  hands_.loop.retire(std::move(trial_));
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

// Not another program than the one that was tried.
void Upgrade::go() {
  if (io::mark_of_file(program_) != mark_) {
    io::let_signals_in();
    return try_it();
  }
  WrittenState state = hands_.state();
  const auto file = io::memory_file(state.text);
  if (!file) return end(file.error());
  state.descriptors.push_back(file->get());
  std::vector<std::string> arguments = arguments_;
  arguments.insert(arguments.end(), {"--resume-fd", std::to_string(file->get())});
  hands_.farewell();
  const base::Error why = io::become(program_, arguments, state.descriptors);
  hands_.stays();
  end(why);
}

void Upgrade::refuse(const base::Error& why, const Told& told) {
  hands_.not_replaced(why);
  if (told) told(why);
}

void Upgrade::end(const base::Error& why) {
  io::let_signals_in();
  step_ = Step::idle;
  late_.clear();
  refuse(why, std::exchange(told_, nullptr));
}

void Upgrade::too_late() {
  if (step_ == Step::trying) {
    hands_.loop.retire(std::move(trial_));
    return end({program_ + " did not read the state in time", EAGAIN});
  }
  std::string why = hands_.unsettled();
  if (why.empty()) why = "it had no quiet moment";
  end({why + "; try again when that is over", EAGAIN});
}

}  // namespace app
