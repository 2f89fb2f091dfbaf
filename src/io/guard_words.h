// What a daemon and its guard say to each other: one message each, over a socket that keeps messages apart.
//
// The two may be of different builds, since a guard outlives the program that it was forked from (an upgrade
// in place): so these are plain structures whose layout does not change while `guard_protocol` is the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace io {

inline constexpr std::uint64_t guard_protocol = 1;

struct GuardOrder {
  enum class What : std::uint32_t {
    // Fork the program that the texts before have described (save::Codec of SpawnSpec), as `number`.
    // Descriptors that come along: the program's ends of input, output, errors and report, and the entrance
    // of
    // its control group, if it has one.
    spawn = 1,
    // SIGKILL to the group of `pid`, or of the one forked as `number`, unless it has been reaped.
    kill = 2,
    // The daemon ends, and nothing of it is left.
    goodbye = 3,
    // Behind it in the same message: a piece of the description of `number`, which is spawned next.
    text = 4,
  };
  What what{};
  std::int32_t pid = 0;
  std::uint64_t number = 0;
};

// Of one message. An environment may be megabytes, and a memory file would count for the limit of file sizes.
inline constexpr std::size_t guard_text_max = std::size_t{32} << 10;

struct GuardNews {
  enum class What : std::uint32_t {
    spawned = 1,      // `number` is `pid` now, which has started at `value` (clock ticks since boot).
    not_spawned = 2,  // `value` is errno.
    ended = 3,        // `pid` was reaped: `value` is its wait status. Orphans of servers, too.
  };
  What what{};
  std::int32_t pid = 0;
  std::uint64_t number = 0;
  std::uint64_t value = 0;
};

static_assert(sizeof(GuardOrder) == 16 && std::is_trivially_copyable_v<GuardOrder>);
static_assert(sizeof(GuardNews) == 24 && std::is_trivially_copyable_v<GuardNews>);

}  // namespace io
