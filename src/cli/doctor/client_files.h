// Configuration files of MCP clients, read for one question: which servers do they start without Hearth?
//
// Commands are looked at; what may hold secrets (arguments, environment, headers) is never told of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli::doctor {

enum class Shape : std::uint8_t {
  mcp_servers,  // {"mcpServers": {NAME: ENTRY}}, what most clients have
  claude_code,  // The same, and {"projects": {DIRECTORY: {"mcpServers": …}}}
  servers,      // {"servers": {NAME: ENTRY}}
  codex,        // [mcp_servers.NAME] of TOML
};

struct ClientFile {
  std::string client;  // "Claude Code"
  std::string path;
  Shape shape = Shape::mcp_servers;
};

struct DirectEntry {
  std::string name;
  std::string project;  // Of Claude Code: the directory that it is for; empty: all.
  std::string command;
};

// The entries that start a program which is not Hearth, in the order of the text. An entry with a URL starts
// none, and neither does one that is switched off. The error says where the text is no JSON.
base::Result<std::vector<DirectEntry>> direct_entries(const ClientFile& file, std::string_view text);

// `home` is the user's; `config_home` is XDG_CONFIG_HOME or ~/.config; `here` is the current directory.
// `claude` and `codex` are the directories that CLAUDE_CONFIG_DIR and CODEX_HOME name, or empty.
struct ClientPlaces {
  std::string home;
  std::string config_home;
  std::string here;
  std::string claude;
  std::string codex;
};
std::vector<ClientFile> client_files(const ClientPlaces& places);

}  // namespace cli::doctor
