// What a stream has sent, so that a client whose connection broke can have the rest.
//
// Bounded: `bytes_max` for all streams of a session together. The oldest events of ended streams go first,
// then the oldest events at all, log lines before others; a client that asks for what is gone is told so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proto/message.h"

namespace transport {

// "life-stream-sequence", unique within a session, and naming its stream, as the protocol asks for
// (Streamable HTTP, resumability). `life` counts the daemons that the session has outlived.
struct EventId {
  std::uint32_t life = 0;
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;

  std::string text() const;
  static std::optional<EventId> parse(std::string_view text);
};

}  // namespace transport
