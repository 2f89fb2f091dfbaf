// Log levels: one for the server, one for each session.
//
// A legacy server has a single level for everybody. It is set to the most talkative that any session wants,
// and each session is given only what it asked for. A session that asked for nothing gets what a server would
// have sent it by default, which is everything until somebody lowers the level, and info and above from then
// on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace core {

enum class Level : std::uint8_t { debug, info, notice, warning, error, critical, alert, emergency };

std::optional<Level> level_of(std::string_view raw);  // The raw JSON value, quotes included.
std::string_view name_of(Level level);

inline bool passes(Level line, std::optional<Level> wanted, bool anybody_asked) {
  if (wanted) return line >= *wanted;
  return !anybody_asked || line >= Level::info;
}

}  // namespace core
