// The file behind a command, by the rules of execvp().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

// `path` is the PATH to search, absent when the session has none; `directory` is where relative paths begin.
// The result is absolute, and its directory free of symbolic links, so that /bin/x and /usr/bin/x are one
// where they are one; the last step is left as it is, because programs look at the name they were called by.
base::Result<std::string> find_program(std::string_view command, const std::optional<std::string>& path,
                                       const std::string& directory);

}  // namespace app
