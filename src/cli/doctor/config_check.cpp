#include "cli/doctor/config_check.h"

#include "proto/json.h"

namespace cli::doctor {

std::optional<ConfigFacts> config_facts(std::string_view file, std::string_view report) {
  const proto::json::Document document = proto::json::parse(report);
  const proto::json::Value* mistakes = document.root ? document.root->find("mistakes") : nullptr;
  if (mistakes == nullptr) return {};
  ConfigFacts facts{.file = std::string(file), .mistakes = {}, .port = 0};
  for (const proto::json::Value& mistake : mistakes->items) {
    const bool harmless = mistake.string_or("severity", "") == "warning";
    facts.mistakes.push_back({.severity = harmless ? Severity::warning : Severity::error,
                              .text = std::string(mistake.string_or("text", ""))});
  }
  const proto::json::Value* port = document.root->find("port");
  const auto number = port != nullptr ? port->integer() : std::nullopt;
  if (number && *number > 0 && *number <= UINT16_MAX) facts.port = static_cast<std::uint16_t>(*number);
  return facts;
}

Findings check_config(const ConfigFacts& config) {
  Findings findings;
  for (const ConfigFacts::Mistake& mistake : config.mistakes) {
    findings.push_back(finding_from("config", mistake.severity, mistake.text,
                                    "mend this place of " + config.file +
                                        "; it is taken up when it is written, nothing has to be restarted"));
  }
  return findings;
}

}  // namespace cli::doctor
