// The body of POST /attach: who asks, from where, for what. Its form is in docs/shim-protocol.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/config/resolve.h"
#include "base/result.h"

namespace app {

struct AttachBody {
  Wish wish;
  std::int64_t pid = 0;
  std::string version;
  std::string daemon;  // The hearthd that belongs to it: a path, or empty.
};

base::Result<AttachBody> read_attach_body(std::string_view body);

// {"name": N} of POST /stop and /restart.
base::Result<std::string> read_name_body(std::string_view body);

}  // namespace app
