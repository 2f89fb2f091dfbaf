// A server of ours that runs, as those see it who watch what it takes.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/resource_limits.h"
#include "core/ids.h"
#include "io/survey.h"

namespace app {

struct RunningServer {
  core::InstanceId id;
  base::ResourceLimits limits;
  bool works = false;     // At a call, or at its start.
  bool stopping = false;  // What it holds is about to come back.
};

struct ServersSeen {
  std::function<std::vector<RunningServer>()> running;
  // Asks for its processes; nothing if they have just ended.
  std::function<std::optional<io::Question>(core::InstanceId, io::Question::About)> question;
};

}  // namespace app
