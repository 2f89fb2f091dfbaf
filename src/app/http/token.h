// The token that clients of the port must show, where the configuration gives none of its own.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

// What the file says; made (0600, 43 characters that nobody can guess) if it is not there. A file that others
// may read is refused: the token in it is no secret.
base::Result<std::string> token_in(const std::string& path);

// Tells callers apart in what is kept of their sessions, without being the token.
std::string name_of_caller(std::string_view token);

}  // namespace app
