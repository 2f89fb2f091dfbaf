// How much memory processes take, for people who ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/process_table.h"

namespace io {

struct MemoryUse {
  std::uint64_t bytes =
      0;  // Proportional (shared pages divided among their users) where the kernel tells, else resident.
  std::size_t processes = 0;
};

MemoryUse memory_of(pid_t pid);
MemoryUse memory_of(std::span<const Process> processes);

}  // namespace io
