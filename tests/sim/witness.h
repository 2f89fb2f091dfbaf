// Records what the broker of each daemon's life is told, and has another broker do it again.
//
// Two recordings are made of each life. The one with whole contents must give the same actions, byte for
// byte. The one without must give the same kinds of actions for the same receivers, and must not hold a
// string that somebody put into a message, an environment or a header. No message in it may be shorter than
// it was. Some may be longer (record/mask.h says when), and the broker counts bytes that it keeps: after the
// first of these a replay may differ, which is counted and not reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "record/recording.h"

namespace sim {

class Witness {
 public:
  explicit Witness(std::uint64_t seed) : seed_(seed) {}

  void begins(const broker::Options& options, base::Instant now);
  void told(const record::What& what, base::Instant now);
  void acted(const broker::Action& action);
  // Of this life, if there is one. Returns what is wrong, or nothing.
  std::string ends();

  std::size_t replayed() const { return replayed_; }    // Entries, in all.
  std::size_t tolerated() const { return tolerated_; }  // Recordings that differ after a longer message.

 private:
  struct Seen {
    std::size_t told = 0;  // After how many things that the broker was told.
    std::string text;      // The action whole.
    std::string kind;      // And without contents.
  };
  struct Life {
    record::Mask whole, masked;
    std::string whole_text, masked_text;
    std::vector<std::size_t> lengths;  // Of the message in each thing that the broker was told.
    std::vector<Seen> actions;
  };
  std::string compare(const std::string& recording, bool whole);

  std::uint64_t seed_;
  std::optional<Life> life_;
  std::string leak_;
  std::size_t replayed_ = 0;
  std::size_t tolerated_ = 0;
};

}  // namespace sim
