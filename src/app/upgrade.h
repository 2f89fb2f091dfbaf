// A successor takes the daemon's place, most often a newer build of the same program: when, and whether.
//
// Wanted (POST /upgrade, SIGUSR2, or another process by io/handover.h); then at the end of each turn: is
// everything settled (no server is starting or ending)? Then the successor is tried with the state as it is
// (io/successor.h). Can it read it? Then, as soon as everything is settled again, signals are held for a
// turn, so that those that have come are heard, and the successor takes over. Sessions are served on
// meanwhile. If it cannot, or it takes too long, those who wait are told why, and nothing has changed.
//
//   idle -> waiting -> trying -> going <-> holding -> (the successor)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/daemon_state.h"
#include "base/result.h"
#include "base/time.h"
#include "io/loop.h"
#include "io/successor.h"

namespace app {

class Upgrade {
 public:
  struct Hands {
    io::Loop& loop;
    // What has to be waited for: "the server x is starting"; or empty.
    std::function<std::string()> unsettled;
    std::function<WrittenState()> state;  // Called only when all is settled.
    std::function<void()> farewell;       // Just before this program ends,
    std::function<void()> stays;          // and when it has not ended after all.
    // For the log: why it was not replaced. Each reason comes here, also after "it happens" has been told.
    std::function<void(const base::Error&)> not_replaced;
  };
  // Once: nothing, if it happens in one of the next turns; else why not: EAGAIN, if it may do so later.
  // Empty: there is nobody to tell.
  using Told = std::function<void(const std::optional<base::Error>& why)>;

  // How long it waits for what is not settled, with the trial: less than a command waits for an answer. Then
  // once more as long for the quiet moment in which it happens.
  static constexpr base::Duration patience = std::chrono::seconds(20);

  explicit Upgrade(Hands hands);

  void begin(std::unique_ptr<io::Successor> successor, const Told& told = {});
  // When the turn's work is done and written.
  void end_of_turn();

 private:
  enum class Step : std::uint8_t { idle, waiting, trying, going, holding };
  void try_it();
  void tried(const std::optional<base::Error>& why);
  void hold();
  void go();
  void end(const base::Error& why);
  void too_late();

  Hands hands_;
  Step step_ = Step::idle;
  std::unique_ptr<io::Successor> successor_;
  Told told_;
  io::Timer late_;
  io::Timer next_turn_;
};

}  // namespace app
