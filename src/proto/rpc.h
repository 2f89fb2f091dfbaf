// JSON-RPC messages of our own making: answers, errors and notifications that no peer wrote.
#pragma once

#include <string>
#include <string_view>

namespace proto {

// The protocol's error codes (basic/index of every revision; -1, -32002, -32042 and those from -32020 to
// -32022 are MCP's own).
enum class Code : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  resource_not_found = -32002,  // Up to 2025-11-25.
  header_mismatch = -32020,     // From here on 2026-07-28.
  missing_client_capability = -32021,
  unsupported_version = -32022,
  url_elicitation_required = -32042,
  rejected = -1,  // A client's person said no to sampling.
};

// What an error of Hearth's tells besides its sentence, so that a program can decide what to do.
struct ErrorData {
  std::string server;      // The entry's name; empty: no data at all.
  bool retryable = false;  // Sending the same request again may succeed and cannot run twice what ran once.
  int status = 0;          // The HTTP status with which the server refused it; 0: there was none.
};

// `raw_id` is a JSON value as it came; empty stands for null.
std::string result_text(std::string_view raw_id, std::string_view raw_result);
std::string error_text(std::string_view raw_id, Code code, std::string_view sentence,
                       const ErrorData& data = {});
// Whether that error object, if it is one, is of our making, and says that what it is about has no answer.
bool made_here(std::string_view raw_error);
// `raw_error` is a whole error object that somebody else made.
std::string error_text(std::string_view raw_id, std::string_view raw_error);
std::string request_text(std::string_view raw_id, std::string_view method, std::string_view raw_params = {});
std::string notification_text(std::string_view method, std::string_view raw_params = {});

}  // namespace proto
