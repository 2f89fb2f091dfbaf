// What a session had set up, as the journal keeps it: enough for the next daemon to go on without asking the
// client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/levels.h"
#include "core/session.h"

namespace core {

struct Setup {
  Phase phase = Phase::fresh;
  bool initialized_early = false;
  std::string initialize_line;
  std::optional<std::uint16_t>
      initialize_slot;  // Of the journal: if it is still taken, initialize is unanswered.
  std::optional<Level> level;
  std::vector<std::string> subscriptions;
  std::vector<std::string> listens;  // Of a modern client, as it wrote them.
  std::vector<LongId> long_ids;
  std::uint32_t life = 0;
};

std::string written(const Setup& setup);
// Absent when the bytes are none of ours.
std::optional<Setup> setup_of(std::string_view bytes);

}  // namespace core
