// A piece of a message as the value of an HTTP field, for the fields that repeat one: Mcp-Name and
// Mcp-Param-* (2026-07-28, transports).
//
// Printable ASCII stands as it is. What is not (a tab too, though a reader must take one), what is empty, has
// blanks around it, or looks like the encoded form itself, is "=?base64?" and the padded base64 of its UTF-8
// and "?=".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace proto {

std::string header_value(std::string_view text);

// The text behind a value whose surrounding blanks are gone already. Absent: not of this encoding (bytes
// beyond printable ASCII, malformed base64, base64 of no UTF-8).
std::optional<std::string> text_of_header(std::string_view value);

}  // namespace proto
