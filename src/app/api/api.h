// What the daemon tells on its socket, as JSON. The names are those of `hearth status --json` and
// docs/operations.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/broker.h"
#include "io/process_table.h"

namespace app {

struct Whereabouts {
  std::string home;
  base::Instant started;
  base::Instant now;
  std::uint16_t port = 0;                    // Towards clients that connect by URL; 0: there is none.
  std::string url = {};                      // What their URLs begin with, then.
  std::vector<std::string> complaints = {};  // About the configuration.
};

// `processes_of` names an instance's process and its kin, for their memory.
using ProcessesOf = std::function<std::vector<io::Process>(broker::InstanceId)>;

std::string status_json(const broker::Broker& broker, const Whereabouts& whereabouts,
                        const ProcessesOf& processes_of);
// Only servers of that name, if one is given.
std::string why_json(const broker::Broker& broker, const std::optional<std::string>& name);

}  // namespace app
