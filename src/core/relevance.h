// Which environment variables decide whether two sessions may share a server.
//
// A name is judged by fixed lists of patterns; docs/configuration.md shows the same lists. In a pattern '*'
// stands for any characters; case does not matter. Values are never looked at. What the configuration names
// counts before every list.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace core {

enum class Relevance : std::uint8_t {
  named,     // By the entry or --env: must agree.
  relevant,  // Looks like a credential, an endpoint, a place of data or the choice of a runtime: must agree.
  fresh,     // Belongs to one session or one terminal: not compared, and not handed to a shared server.
  ordinary,  // Handed to the server, not compared.
};

Relevance relevance_of(std::string_view name, const std::set<std::string>& named);

// The lists. A name that is in several is judged by the first of: fresh, exempt, relevant.
std::span<const std::string_view> fresh_patterns();
std::span<const std::string_view> exempt_patterns();  // Ordinary, though they look relevant.
std::span<const std::string_view> relevant_patterns();

}  // namespace core
