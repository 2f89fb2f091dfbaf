// What the broker is told once, when it is made.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "core/limits.h"

namespace broker {

struct Options {
  base::Duration retire_after = std::chrono::minutes(10);  // Without sessions.
  std::string version = "0";                               // Of Hearth, for initialize.
  std::int64_t unix_time = 0;  // Seconds, when the broker was made: for what has a date.
  std::uint64_t hash_key = 0;  // Secret of this daemon; hashes in reports are keyed with it.
  // Makes tickets for clients (requestState) hard to guess. In recordings, which bring tickets back.
  std::uint64_t ticket_key = 0;
  // Of what is kept because of clients. A daemon has these; tests have smaller ones.
  core::Allowances allowances = core::limits::allowances;
};

}  // namespace broker
