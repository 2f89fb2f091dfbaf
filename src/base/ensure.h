// What must be true, or the program is wrong.
//
// ensure() is for our own mistakes only: never for input, never for the world. It stays on in release builds,
// because a broker that goes on with a broken table hands one session's data to another.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace base {

[[noreturn]] inline void broken_promise(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "hearth: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace base

#define ensure(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : base::broken_promise(#condition, __FILE__, __LINE__))
