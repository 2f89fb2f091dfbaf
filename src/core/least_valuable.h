// Which of the servers that are idle is to go first when memory is short.
//
// One that no session has goes before one that sessions would miss. Among equals the one that costs least
// goes: what a session may have to wait for it to start again, by how likely that is (the longer unused, the
// less), for each byte that it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace core {

struct IdleServer {
  base::Duration unused{0};  // Since a session used it last.
  base::Duration start{0};   // What its start took.
  std::size_t sessions = 0;  // With their clients there.
  std::uint64_t memory = 0;
};

// The place of that server; absent: stopping any of them would give back too little. Of equals the first.
std::optional<std::size_t> least_valuable(std::span<const IdleServer> servers);

}  // namespace core
