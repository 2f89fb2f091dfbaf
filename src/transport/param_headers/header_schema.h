// Which arguments of a tool are to be repeated in fields of their own: the x-mcp-header annotations in its
// inputSchema (2026-07-28, transports, "Custom headers from tool parameters").
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace transport {

struct HeaderParam {
  std::string field;              // "Mcp-Param-Region"
  std::vector<std::string> path;  // From the arguments inwards, keys decoded; never empty.
  bool integer = false;           // Compared as a number.
  static constexpr std::size_t fields = 3;
};

// All of them; or what is wrong with one, for people: then the tool must not be offered. `raw` is the schema
// as it came, well-formed.
std::expected<std::vector<HeaderParam>, std::string> read_header_schema(std::string_view raw);

}  // namespace transport
