// The tables [mcp_servers.NAME] in the config.toml of Codex, found line by line.
//
// No reader of TOML: it knows headers, and keys with a string on one line. What it does not understand it
// passes over.
#pragma once

#include <string_view>
#include <vector>

#include "cli/doctor/client_files.h"

namespace cli::doctor {

std::vector<DirectEntry> direct_entries_of_codex(std::string_view text);

// Whether a command's first word is Hearth: "hearth", "/usr/local/bin/hearth".
bool is_hearth(std::string_view command);

}  // namespace cli::doctor
