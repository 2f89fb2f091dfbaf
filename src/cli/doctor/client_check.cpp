#include "cli/doctor/client_check.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

namespace cli::doctor {

namespace {

constexpr std::size_t names_shown_max = 8;

std::string names_of(std::span<const DirectEntry> entries) {
  std::string all;
  for (std::size_t i = 0; i < entries.size() && i < names_shown_max; ++i)
    all += (i == 0 ? "" : ", ") + entries[i].name;
  return entries.size() > names_shown_max ? all + ", …" : all;
}

// As it may be shown: a line for a shell may hold anything.
std::string example_of(std::string_view command) {
  return command.find_first_of(" =\"\\") == std::string_view::npos ? std::string(command) : "COMMAND";
}

std::string entry_for(Shape shape, const std::string& command) {
  const std::string args = "[\"run\", \"--\", \"" + command + "\", …]";
  if (shape == Shape::codex) return "command = \"hearth\" and args = " + args;
  return "\"command\": \"hearth\", \"args\": " + args;
}

Finding starts_past(const ClientFile& file, std::span<const DirectEntry> entries) {
  const bool one = entries.size() == 1;
  const std::string& project = entries.front().project;
  const std::string count = one ? "a server" : std::to_string(entries.size()) + " servers";
  return {.id = "client",
          .severity = Severity::warning,
          .what = file.client + " starts " + count + " without Hearth (" + names_of(entries) + "), by " +
                  file.path + (project.empty() ? "" : ", project " + project),
          .advice = std::string("put 'hearth run --' before ") + (one ? "its command" : "each command") +
                    ": " + entry_for(file.shape, example_of(entries.front().command)) +
                    ", and keep the rest of the entry"};
}

}  // namespace

Findings check_client(const ClientFile& file, const base::Result<std::string>& text) {
  if (!text && (text.error().code == ENOENT || text.error().code == ENOTDIR)) return {};
  const std::string otherwise = "mend the file; what it starts is not known";
  if (!text) return {finding_from("client-file", Severity::warning, text.error().what, otherwise)};
  const auto entries = direct_entries(file, *text);
  if (!entries) return {finding_from("client-file", Severity::warning, entries.error().what, otherwise)};
  Findings findings;
  for (auto begin = entries->begin(); begin != entries->end();) {
    const auto end = std::find_if(begin, entries->end(),
                                  [&](const DirectEntry& entry) { return entry.project != begin->project; });
    findings.push_back(starts_past(file, {begin, end}));
    begin = end;
  }
  return findings;
}

}  // namespace cli::doctor
