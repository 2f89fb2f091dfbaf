#include "core/least_valuable.h"

#include <algorithm>

#include "core/limits.h"

namespace core {
namespace {

double seconds(base::Duration duration, base::Duration least) {
  return std::chrono::duration<double>(std::max(duration, least)).count();
}

// Only products and quotients, so that it is the same with every compiler.
double cost_of(const IdleServer& server) {
  const double wait = seconds(server.start, std::chrono::milliseconds(10)) *
                      static_cast<double>(std::max<std::size_t>(server.sessions, 1));
  return wait / seconds(server.unused, std::chrono::seconds(1)) / static_cast<double>(server.memory);
}

bool goes_before(const IdleServer& one, const IdleServer& other) {
  const bool missed = one.sessions != 0;
  if (missed != (other.sessions != 0)) return !missed;
  return cost_of(one) < cost_of(other);
}

}  // namespace

std::optional<std::size_t> least_valuable(std::span<const IdleServer> servers) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].memory < limits::memory_worth_stopping) continue;
    if (!found || goes_before(servers[i], servers[*found])) found = i;
  }
  return found;
}

}  // namespace core
