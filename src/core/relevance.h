// Which environment variables decide whether two sessions may share a server.
//
// A name is judged by fixed lists of patterns; docs/configuration.md shows the same lists. In a pattern '*'
// stands for any characters; case does not matter. Values are never looked at. What the configuration names
// counts before every list; what it ignores counts before the lists of what is compared.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace core {

enum class Relevance : std::uint8_t {
  named,     // By the entry or --env: must agree.
  relevant,  // Looks like a credential, an endpoint, a place of data or the choice of a runtime: must agree.
  model,     // Of the client or its model, not of the server: two values differ, set and unset do not.
  fresh,     // Belongs to one session or one terminal: not compared, and not handed to a shared server.
  ordinary,  // Handed to the server, not compared.
};

// `ignored`: patterns of the configuration.
Relevance relevance_of(std::string_view name, const std::set<std::string>& named,
                       const std::set<std::string>& ignored = {});

// Why this cannot be a pattern of the configuration, as the end of a sentence: "must not be empty".
std::optional<std::string> trouble_with_pattern(std::string_view pattern);

// The lists. A name that is in several is judged by the first of: fresh, exempt, model, relevant.
std::span<const std::string_view> fresh_patterns();
std::span<const std::string_view> exempt_patterns();  // Ordinary, though they look relevant.
std::span<const std::string_view> model_patterns();
std::span<const std::string_view> relevant_patterns();

}  // namespace core
