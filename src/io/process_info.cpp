#include "io/process_info.h"

#include <unistd.h>

#include <sstream>
#include <string>

#include "io/files.h"

namespace io {

namespace {

std::optional<std::uint64_t> proportional(pid_t pid) {
  const auto text = read_small_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  if (!text) return {};
  const std::size_t at = text->find("\nPss:");
  if (at == std::string::npos) return {};
  std::uint64_t kibibytes = 0;
  std::istringstream(text->substr(at + 5)) >> kibibytes;
  return kibibytes * 1024;
}

std::uint64_t resident(pid_t pid) {
  const auto text = read_small_file("/proc/" + std::to_string(pid) + "/statm");
  if (!text) return 0;
  std::uint64_t total = 0;
  std::uint64_t pages = 0;
  std::istringstream(*text) >> total >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryUse memory_of(pid_t pid) {
  const auto bytes = proportional(pid);
  return {bytes ? *bytes : resident(pid), 1};
}

MemoryUse memory_of(std::span<const Process> processes) {
  MemoryUse total;
  for (const Process& process : processes) {
    total.bytes += memory_of(process.pid).bytes;
    ++total.processes;
  }
  return total;
}

}  // namespace io
