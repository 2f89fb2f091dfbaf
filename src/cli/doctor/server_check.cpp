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

void check_limits(const Value& server, const std::string& name, Findings& findings) {
  const Value* sentences = server.find("limitsNotKept");
  if (sentences == nullptr) return;
  for (const Value& sentence : sentences->items) {
    findings.push_back(finding_from("limits", Severity::warning, "server " + name + ": " + sentence.text,
                                    "remove it from its limits in config.json"));
  }
}

// One that was stopped on purpose starts when it is called.
Severity severity_of(std::string_view state) {
  return state == "ready" || state == "idle" || state == "stopped" ? Severity::warning : Severity::error;
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
    const bool gave_way = state == "stopped" && trouble.starts_with("was stopped because memory was short");
    if (gave_way) {
      findings.push_back({.id = "server",
                          .severity = severity_of(state),
                          .what = "server " + name + " (stopped): " + trouble,
                          .advice = "nothing has to be done for it; if memory should suffice, a higher "
                                    "\"budget\" in config.json keeps more servers"});
    } else if (!trouble.empty()) {
      // Its last words may hold anything, so they are not taken apart.
      findings.push_back({.id = "server",
                          .severity = severity_of(state),
                          .what = "server " + name + " (" + std::string(state) + "): " + trouble,
                          .advice = "'" + hearth + " logs " + name + "' shows what it wrote; '" + hearth +
                                    " restart " + name + "' tries again"});
    }
    check_refused(server, name, hearth, findings);
    check_limits(server, name, findings);
  }
  return findings;
}

}  // namespace cli::doctor
