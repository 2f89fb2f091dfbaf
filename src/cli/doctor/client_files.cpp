#include "cli/doctor/client_files.h"

#include <utility>

#include "cli/doctor/codex_file.h"
#include "proto/json.h"

namespace cli::doctor {

namespace {

using proto::json::Type;
using proto::json::Value;

bool switched_off(const Value& entry) {
  const Value* disabled = entry.find("disabled");
  const Value* enabled = entry.find("enabled");
  return (disabled != nullptr && disabled->boolean) ||
         (enabled != nullptr && enabled->type == Type::boolean && !enabled->boolean);
}

// Also behind another program, as in {"command": "env", "args": ["X=1", "hearth", "run", …]}, and in the
// words of a shell.
bool goes_through_hearth(std::string_view command, const Value* args) {
  if (is_hearth(command)) return true;
  if (args == nullptr) return false;
  const std::vector<Value>& words = args->items;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i].text;
    if (word.contains("hearth run ") || word.contains("hearth attach ")) return true;
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1].text) : "";
    if (is_hearth(word) && (next == "run" || next == "attach")) return true;
  }
  return false;
}

void collect(const Value* servers, const std::string& project, std::vector<DirectEntry>& into) {
  if (servers == nullptr) return;
  for (const proto::json::Member& member : servers->members) {
    const Value& entry = member.value;
    const std::string_view command = entry.string_or("command", "");
    if (command.empty() || switched_off(entry) || goes_through_hearth(command, entry.find("args"))) continue;
    into.push_back({.name = member.key, .project = project, .command = std::string(command)});
  }
}

base::Error no_json(const ClientFile& file, std::string_view text, std::size_t at) {
  const proto::json::Position position = proto::json::position_of(text, at);
  return {.what = file.path + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) +
                  ": this is not JSON, and " + file.client + " may not read the file"};
}

}  // namespace

base::Result<std::vector<DirectEntry>> direct_entries(const ClientFile& file, std::string_view text) {
  if (file.shape == Shape::codex) return direct_entries_of_codex(text);
  std::vector<DirectEntry> entries;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return entries;
  const proto::json::Document document = proto::json::parse(text, proto::json::Dialect::relaxed);
  if (!document.mistakes.empty()) return std::unexpected(no_json(file, text, document.mistakes.front().at));
  if (!document.root) return std::unexpected(no_json(file, text, 0));
  collect(document.root->find(file.shape == Shape::servers ? "servers" : "mcpServers"), "", entries);
  const Value* projects = file.shape == Shape::claude_code ? document.root->find("projects") : nullptr;
  if (projects == nullptr) return entries;
  for (const proto::json::Member& project : projects->members)
    collect(project.value.find("mcpServers"), project.key, entries);
  return entries;
}

std::vector<ClientFile> client_files(const ClientPlaces& places) {
  const std::string claude = places.claude.empty() ? places.home : places.claude;
  const std::string codex = places.codex.empty() ? places.home + "/.codex" : places.codex;
  std::vector<ClientFile> all = {
      {"Claude Code", claude + "/.claude.json", Shape::claude_code},
      {"Claude Code", places.here + "/.mcp.json", Shape::mcp_servers},
      {"Claude Desktop", places.config_home + "/Claude/claude_desktop_config.json", Shape::mcp_servers},
      {"Cursor", places.home + "/.cursor/mcp.json", Shape::mcp_servers},
      {"VS Code", places.config_home + "/Code/User/mcp.json", Shape::servers},
      {"VS Code", places.here + "/.vscode/mcp.json", Shape::servers},
      {"Codex", codex + "/config.toml", Shape::codex}};
  // In the home directory this is the user's own file once more.
  if (places.here != places.home)
    all.push_back({"Cursor", places.here + "/.cursor/mcp.json", Shape::mcp_servers});
  return all;
}

}  // namespace cli::doctor
