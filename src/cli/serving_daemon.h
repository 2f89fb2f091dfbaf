// The daemon that serves this user now, if one does, and what has started it.
#pragma once

#include <string>

#include "io/paths.h"

namespace cli {

struct ServingDaemon {
  bool runs = false;
  std::string pid;  // "?" of one that does not answer.
  std::string version;
  std::string started_by;  // "session", "serve", "service"; empty: it does not say.
  std::string trouble;     // Why it does not answer.

  std::string starter() const;  // "a session", "'hearth serve'", …
};

ServingDaemon serving_daemon(const io::Paths& paths);

}  // namespace cli
