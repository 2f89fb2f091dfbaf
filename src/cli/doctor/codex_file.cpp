#include "cli/doctor/codex_file.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace cli::doctor {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

// What stands between the quotes with which `text` begins. Escapes are left as they are: a command or a name
// has none.
std::optional<std::string_view> quoted_at_front(std::string_view text) {
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return {};
  const std::size_t end = text.find(text.front(), 1);
  if (end == std::string_view::npos) return {};
  return text.substr(1, end - 1);
}

// The name of "[mcp_servers.NAME]"; empty for every other header, and for tables within such a one.
std::string_view server_of_header(std::string_view line) {
  constexpr std::string_view before = "[mcp_servers.";
  if (!line.starts_with(before)) return {};
  line.remove_prefix(before.size());
  const auto name = quoted_at_front(line);
  const std::string_view found = name ? *name : line.substr(0, line.find_first_of(".] \t"));
  line.remove_prefix(found.size() + (name ? 2 : 0));
  return trimmed(line).starts_with(']') ? found : std::string_view{};
}

// The words of a list that stands on this line.
bool begins_with_hearth_words(std::string_view list) {
  return list.contains("\"run\"") || list.contains("'run'") || list.contains("\"attach\"") ||
         list.contains("'attach'");
}

// One table, while its lines are read.
struct Server {
  DirectEntry entry;
  bool off = false;
  bool behind = false;  // Hearth is among its arguments.
};

void keep(std::optional<Server>& server, std::vector<DirectEntry>& into) {
  if (!server) return;
  const bool direct = !server->entry.command.empty() && !is_hearth(server->entry.command);
  if (direct && !server->off && !server->behind) into.push_back(std::move(server->entry));
  server.reset();
}

void note(Server& server, std::string_view key, std::string_view value) {
  if (key == "command") {
    if (const auto command = quoted_at_front(value)) server.entry.command = *command;
  } else if (key == "enabled") {
    server.off = value.starts_with("false");
  } else if (key == "args") {
    server.behind = value.contains("hearth") && begins_with_hearth_words(value);
  }
}

}  // namespace

bool is_hearth(std::string_view command) {
  return command.substr(command.rfind('/') + 1) == "hearth";
}

std::vector<DirectEntry> direct_entries_of_codex(std::string_view text) {
  std::vector<DirectEntry> entries;
  std::optional<Server> server;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[')) {
      keep(server, entries);
      const std::string_view name = server_of_header(line);
      if (!name.empty()) server.emplace().entry.name = name;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (server && equals != std::string_view::npos && !line.starts_with('#'))
      note(*server, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  keep(server, entries);
  return entries;
}

}  // namespace cli::doctor
