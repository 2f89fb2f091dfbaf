// A command in one string as the program and arguments that it names: "my-login --for 'my server'".
//
// Blanks separate; '…' and "…" keep what is between them together, also within a word. A backslash takes the
// next character as it is, except between '…'. Nothing else means anything: this is no shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace app {

// Fails where a quote is not closed, or nothing follows the last backslash.
base::Result<std::vector<std::string>> words_of(std::string_view command);

}  // namespace app
