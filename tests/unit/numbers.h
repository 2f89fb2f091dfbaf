// Ids of calls as tests write them: 7_call.
#pragma once

#include "core/ids.h"

consteval core::CallId operator""_call(unsigned long long value) {
  return core::CallId(static_cast<std::int64_t>(value));
}
