// What is wrong with config.json, and which port it wants, as JSON for `hearth doctor`, which knows nothing
// of what may stand in that file.
#pragma once

#include <string>

#include "app/config/config.h"

namespace app {

// {"mistakes": [{"severity": "error", "text": "config.json:7:18: …"}], "port": 8765}
std::string report_on(const Config& config);

}  // namespace app
