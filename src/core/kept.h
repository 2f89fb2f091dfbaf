// What the broker keeps because of a client, by kind, and how much of each it may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace core {

enum class Kept : std::uint8_t {
  request,      // As the client wrote it, until it is answered: it may have to be made again.
  waiting,      // A message that waits for the server to be ready, or free.
  cancelled,    // A call without an answer, which may still come.
  parked,       // A call that waits in a server for its client, and what the server has asked.
  outcome,      // Of a call that was parked, for a client that presents its ticket again.
  task_result,  // Of a task that Hearth follows.
  question,     // Of a server, which the client has not answered.
  listen,
  subscription,
  update,  // Of a resource, for a client that does not read.
};
inline constexpr std::size_t kinds_of_kept = 10;

// In the plural, as limits speak of it.
constexpr std::string_view name_of(Kept kind) {
  constexpr std::array<std::string_view, kinds_of_kept> names{
      "unanswered requests", "waiting messages", "cancelled calls", "calls that wait for answers",
      "kept answers",        "task results",     "open questions",  "open listens",
      "subscriptions",       "held updates"};
  return names[static_cast<std::size_t>(kind)];
}

struct Amount {
  std::size_t objects = 0;
  std::size_t bytes = 0;

  Amount operator+(const Amount& more) const { return {objects + more.objects, bytes + more.bytes}; }
  bool operator==(const Amount&) const = default;
  static constexpr std::size_t fields = 2;
};

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

// At most, of one kind.
struct Allowance {
  Amount session;
  Amount principal;  // Its sessions together. A client on stdio has none, and is one by itself.
  static constexpr std::size_t fields = 2;
};
using Allowances = std::array<Allowance, kinds_of_kept>;

}  // namespace core
