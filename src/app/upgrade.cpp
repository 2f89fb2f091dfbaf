#include "app/upgrade.h"

#include <utility>

#include "io/clock.h"

namespace app {

Upgrade::Upgrade(Hands hands, std::vector<std::string> arguments)
    : hands_(std::move(hands)),
      arguments_(std::move(arguments)),
      late_(hands_.loop, [this] { too_late(); }),
      next_turn_(hands_.loop, [] {}) {}

void Upgrade::begin(const std::string& program, Told told) {
  if (step_ != Step::idle) return told(base::Error{"the daemon is being replaced already"});
  if (const auto why = io::unfit(program)) return told(*why);
  program_ = program;
  told_ = std::move(told);
  step_ = Step::waiting;
  late_.set(io::now() + patience);
}

void Upgrade::end_of_turn() {
  const bool ready = step_ == Step::waiting || step_ == Step::going;
  if (!ready || !hands_.unsettled().empty()) return;
  if (step_ == Step::waiting) return try_it();
  go();
}

void Upgrade::try_it() {
  const auto file = io::memory_file(hands_.state().text);
  if (!file) return end(file.error());
  auto trial = io::Trial::start(hands_.loop, program_, *file, patience,
                                [this](const std::optional<base::Error>& why) { tried(why); });
  if (!trial) return end(trial.error());
  trial_ = std::move(*trial);
  step_ = Step::trying;
}

// What was told goes out at the end of this turn.
void Upgrade::tried(const std::optional<base::Error>& why) {
  hands_.loop.retire(std::move(trial_));
  if (why) return end(*why);
  step_ = Step::going;
  late_.set(io::now() + patience);
  std::exchange(told_, nullptr)(std::nullopt);
  next_turn_.set(io::now());
}

void Upgrade::go() {
  WrittenState state = hands_.state();
  const auto file = io::memory_file(state.text);
  if (!file) return end(file.error());
  state.descriptors.push_back(file->get());
  std::vector<std::string> arguments = arguments_;
  arguments.insert(arguments.end(), {"--resume-fd", std::to_string(file->get())});
  hands_.farewell();
  end(io::become(program_, arguments, state.descriptors));
}

void Upgrade::end(const std::optional<base::Error>& why) {
  step_ = Step::idle;
  late_.clear();
  if (const Told told = std::exchange(told_, nullptr)) return told(why);
  if (why) hands_.failed(*why);
}

void Upgrade::too_late() {
  const std::string unsettled = hands_.unsettled();
  if (trial_) hands_.loop.retire(std::move(trial_));
  end(base::Error{unsettled.empty() ? program_ + " did not read the state in time"
                                    : "the daemon was not replaced, because " + unsettled +
                                          "; try again when that is over"});
}

}  // namespace app
