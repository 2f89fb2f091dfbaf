#include "cli/doctor/server_check.h"

#include <string>

namespace cli::doctor {

namespace {

using proto::json::Value;

void check_refused(const Value& server, const std::string& name, const std::string& hearth,
                   Findings& findings) {
  const Value* refused = server.find("refusedCalls");
  if (refused == nullptr) return;
  for (const Value& call : refused->items) {
    const Value* deaths = call.find("deaths");
    findings.push_back({.id = "server",
                        .severity = Severity::warning,
                        .what = "server " + name + ": the tool " + std::string(call.string_or("tool", "?")) +
                                " has ended it " + (deaths != nullptr ? deaths->text : "several") +
                                " times with the same arguments, and that call is refused",
                        .advice = "mend the server, then '" + hearth + " restart " + name + "'"});
  }
}

}  // namespace

Findings check_servers(const Value& status, const std::string& hearth) {
  Findings findings;
  const Value* servers = status.find("servers");
  if (servers == nullptr) return findings;
  for (const Value& server : servers->items) {
    const std::string name(server.string_or("name", "?"));
    const std::string trouble(server.string_or("trouble", ""));
    const std::string_view state = server.string_or("state", "");
    if (!trouble.empty()) {
      // Its last words may hold anything, so they are not taken apart.
      findings.push_back(
          {.id = "server",
           .severity = state == "ready" || state == "idle" ? Severity::warning : Severity::error,
           .what = "server " + name + " (" + std::string(state) + "): " + trouble,
           .advice = "'" + hearth + " logs " + name + "' shows what it wrote; '" + hearth + " restart " +
                     name + "' tries again"});
    }
    check_refused(server, name, hearth, findings);
  }
  return findings;
}

}  // namespace cli::doctor
