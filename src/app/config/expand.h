// ${…} in what the configuration says about a server.
//
// ${NAME} is a variable of the session that asks, ${NAME:-text} the same with a text for when it is unset or
// empty, ${project} the session's project directory, and ${port} the port that a server is given. A '$'
// without
// '{' behind it stays. What a variable holds is not expanded again, so a value cannot reach for others.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

struct Variables {
  const std::map<std::string, std::string>& environment;
  std::string_view project;
  std::optional<std::string_view> port =
      std::nullopt;                  // What ${port} stands for; absent: a variable like others.
  std::string_view no_project = {};  // Why there is no project directory; empty: there is one.
};

// The error says what is wrong with one of the ${…}, beginning with it; whoever knows adds server and key.
base::Result<std::string> expand(std::string_view text, const Variables& variables);

}  // namespace app
