// What servers are called.
//
// Names are for people, and for the files that hold their logs: so a name is one that can stand in a path.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace app {

// Why this cannot be a server's name, and what would be one; nothing if it can.
std::optional<std::string> trouble_with_name(std::string_view name);

// What a command is called when nobody says: the package for npx and its like, the script for an interpreter,
// the image for docker, else the program. Always a name that has no trouble.
std::string default_name(std::string_view command, std::span<const std::string> args);

}  // namespace app
