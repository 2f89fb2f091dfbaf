// Amounts as people read them: "12.3 MiB", "3 h 12 min".
#pragma once

#include <cstdint>
#include <string>

namespace cli {

std::string bytes_shown(std::int64_t bytes);
std::string milliseconds_shown(std::int64_t milliseconds);  // The two largest units that are not zero.

// "1 session", "3 sessions".
std::string counted(std::int64_t count, const char* noun);

}  // namespace cli
