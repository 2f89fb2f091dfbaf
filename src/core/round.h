// What a modern server wants to know before it answers a call, while its legacy client is being asked.
//
// The server is not running the call meanwhile: it is made again, with the answers (2026-07-28,
// input_required).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "core/ids.h"

namespace core {

struct Round {
  int count = 0;
  std::string state;                     // The server's requestState, raw; empty: none.
  std::map<AskId, std::string> pending;  // Ask of the client's -> key.
  std::string answers;                   // "\"key\":…" members, with commas between them.
  std::optional<base::Instant> due;      // Nothing is asked: made again then.
  bool waits = false;                    // It is to be made again when its turn comes.
  static constexpr std::size_t fields = 6;
};

}  // namespace core
