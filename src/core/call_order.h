// Which servers take only one call at a time.
//
// Some servers read a file, change what they read, and write it back, without a lock. Two such calls at once
// lose one change, and both are answered as if they had succeeded. Hearth gives these servers one call at a
// time, over all sessions, so that sharing mends what a process for each session breaks.
//
// An entry may say so ("calls"); for what it does not say there is a table of known servers. A server gets
// into the table by evidence, which stands beside its line, and is known by what is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/server_spec.h"

namespace core {

// When a call that only reads may be sent.
enum class Reads : std::uint8_t {
  alone,     // In turn, like any other call.
  together,  // Beside other reads, but not beside a change.
  always,    // Without a turn.
};

struct CallOrder {
  bool one = false;
  Reads reads = Reads::alone;  // Of use only if `one`.
  std::string because = {};    // For people, without the server's name; empty unless `one`.
  static constexpr std::size_t fields = 3;
};

CallOrder call_order_of(const ServerSpec& spec);

// The program by which the table knows this server; empty: it is not there.
std::string_view known_as(const ServerSpec& spec);

}  // namespace core
