#include "core/passed_on.h"

#include <algorithm>
#include <array>

#include "core/relevance.h"

namespace core {
namespace {

constexpr auto few =
    std::to_array<std::string_view>({// Both SDKs, and Codex.
                                     "HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER",
                                     // Codex besides.
                                     "LANG", "LC_ALL", "TMPDIR", "TZ", "__CF_USER_TEXT_ENCODING"});

// Clients add these to whatever they pass on, though servers know them, too.
constexpr auto of_clients =
    std::to_array<std::string_view>({"PYTHONUNBUFFERED", "AWS_VAULT_PROMPT", "CLAUDE_PROJECT_DIR"});

bool tells_nothing(std::string_view name, const ServerSpec& spec) {
  if (std::ranges::find(few, name) != few.end()) return true;
  if (std::ranges::find(of_clients, name) != of_clients.end() || name.starts_with("GIT_CONFIG_")) return true;
  return relevance_of(name, spec.named_variables) != Relevance::ordinary;
}

}  // namespace

std::span<const std::string_view> passed_on() {
  return few;
}

bool filtered(const ServerSpec& spec) {
  return std::ranges::all_of(spec.environment,
                             [&](const auto& variable) { return tells_nothing(variable.name, spec); });
}

}  // namespace core
