// What a server may take of its machine, as its entry says, and how such amounts are written and shown.
//
// Plain data, below both halves: the configuration sets it, a share key compares it, io/cgroup and app keep
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// Of a server and everything it starts, together. Absent: no limit.
struct ResourceLimits {
  std::optional<std::uint64_t> memory;     // Bytes.
  std::optional<std::uint32_t> cpu;        // Thousandths of one processor.
  std::optional<std::uint32_t> processes;  // With their threads, as the kernel counts them.

  bool any() const { return memory || cpu || processes; }
  bool operator==(const ResourceLimits&) const = default;
  static constexpr std::size_t fields = 3;
};

enum class Resource : std::uint8_t { memory, cpu, processes };

// "1G", "1.5 GiB", "512m": powers of 1024. Absent: it is no amount of memory, or one that no number holds.
std::optional<std::uint64_t> memory_size(std::string_view text);
// "1.5 GiB"
std::string memory_shown(std::uint64_t bytes);

// "1 GiB of memory"; "" where there is no limit of it.
std::string shown(const ResourceLimits& limits, Resource resource);
// What is said of a server that was ended because of that limit: "was ended because it used more than …".
std::string ended_for(const ResourceLimits& limits, Resource resource);
// "1 GiB of memory, 1.5 processors, 200 processes and threads"; "none".
std::string shown(const ResourceLimits& limits);

}  // namespace base
