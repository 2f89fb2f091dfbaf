// What the daemon tells on its socket, as JSON. The names are those of `hearth status --json` and
// docs/operations.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "broker/broker.h"

namespace app {

struct Whereabouts {
  std::string home;
  base::Instant started;
  base::Instant now;
  std::string_view started_by = "session";   // "session", "serve" or "service".
  std::uint64_t upgrades = 0;                // How many programs it was before.
  std::uint16_t port = 0;                    // Towards clients that connect by URL; 0: there is none.
  std::string url = {};                      // What their URLs begin with, then.
  std::vector<std::string> complaints = {};  // About the configuration.
  std::optional<std::uint64_t> budget = {};  // Of memory, for all servers together, in bytes.
  // What of a server's limits nothing keeps here, a sentence each.
  std::function<std::vector<std::string>(const base::ResourceLimits&)> not_kept = {};
};

// In bytes. A server that started after they were counted is not among them.
struct MemoryUse {
  std::uint64_t daemon = 0;
  std::vector<std::pair<broker::InstanceId, std::uint64_t>> servers = {};

  std::uint64_t of(broker::InstanceId id) const;
};

std::string status_json(const broker::Broker& broker, const Whereabouts& whereabouts,
                        const MemoryUse& memory);
// Only servers of that name, if one is given.
std::string why_json(const broker::Broker& broker, const std::optional<std::string>& name);

}  // namespace app
