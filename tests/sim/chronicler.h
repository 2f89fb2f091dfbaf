// Keeps a chronicle (record/chronicle.h) of each daemon's life, and says when the daemon is killed, to be
// followed at once by one that goes on from the chronicle.
//
// Its chance is its own, so the world is the same with and without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "record/chronicle.h"
#include "record/retelling.h"
#include "sim/random.h"

namespace sim {

class Chronicler {
 public:
  explicit Chronicler(std::uint64_t seed);

  // A life begins, or goes on after a kill with what is left to be done.
  void begins(const broker::Options& options, const broker::Broker& broker,
              std::span<const broker::Action> left = {});
  void turn_ends(const broker::Options& options, const broker::Broker& broker);

  // Before the broker is.
  template <class What>
  void told(const What& what, base::Instant now) {
    (void)chronicle_->note(what, now);
  }
  record::Chronicle::Mark after(const broker::Action& action) const { return chronicle_->after(action); }
  void carried(const record::Chronicle::Mark& mark) { chronicle_->carried(mark); }

  // The daemon dies here.
  bool kills();
  base::Result<record::Retold> retold(broker::Options options) const;

  std::size_t kills_so_far() const { return kills_; }

 private:
  Random random_;
  std::vector<std::uint64_t> memory_;
  std::size_t least_;  // Entries before it begins anew.
  std::size_t chance_in_;
  std::optional<record::Chronicle> chronicle_;
  std::size_t kills_ = 0;
};

}  // namespace sim
