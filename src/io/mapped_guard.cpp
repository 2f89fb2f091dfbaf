#include "io/mapped_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/ensure.h"

namespace io {
namespace {

// More than there can be sessions by URL.
constexpr std::size_t ranges_max = 1024;

// Read by the signal's handler, so nothing here is ever half written or moved.
struct Range {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
};
std::array<Range, ranges_max> ranges;
std::uintptr_t page_size = 0;

bool holds(std::uintptr_t address) {
  for (const Range& range : ranges) {
    if (address >= range.begin && address < range.end) return true;
  }
  return false;
}

void on_bus_error(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (holds(address)) {
    void* page = reinterpret_cast<void*>(address & ~(page_size - 1));  // NOLINT(performance-no-int-to-ptr)
    const void* put =
        mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    if (put == page) return;
  }
  // The instruction is tried again, and ends the process; what was sent by kill() has none.
  std::signal(SIGBUS, SIG_DFL);
  if (info->si_code <= 0) std::raise(SIGBUS);
}

void catch_bus_errors() {
  page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ensure(sigaction(SIGBUS, &action, nullptr) == 0);
}

std::uintptr_t begin_of(std::span<std::byte> range) {
  return reinterpret_cast<std::uintptr_t>(range.data());
}

Range* find(std::uintptr_t begin) {
  for (Range& range : ranges) {
    if (range.begin == begin) return &range;
  }
  return nullptr;
}

}  // namespace

bool guard_mapping(std::span<std::byte> range) {
  if (page_size == 0) catch_bus_errors();
  Range* free = find(0);
  if (free == nullptr) return false;
  free->end = begin_of(range) + range.size();
  free->begin = begin_of(range);
  return true;
}

void stop_guarding(std::span<std::byte> range) {
  if (range.empty()) return;
  if (Range* found = find(begin_of(range))) {
    found->end = 0;
    found->begin = 0;
  }
}

}  // namespace io
