// HTTP/1.1 messages as values: what a peer sent, and what is sent back.
//
// Field names are kept in lower case. Values have their surrounding blanks removed and hold no control
// characters but tab. What is not here (framing, connection reuse) is the business of whoever reads and
// writes them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"

namespace proto {

struct HttpFields {
  std::vector<std::pair<std::string, std::string>> all;  // In order; a name may occur more than once.

  // The first of that (lower case) name, or empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // Control characters in it become blanks: a value never turns into a second field.
  void add(std::string_view name, std::string_view value);
  static constexpr std::size_t fields = 1;
};

struct HttpRequest {
  std::string method;  // "POST"
  std::string path;    // "/mcp/files": the target without its query, percent-encoding as sent.
  std::string query;   // "project=%2Fhome": still percent-encoded; empty if there is none.
  HttpFields fields;
  std::string body;  // Whole, transfer coding removed.
};

struct HttpAnswer {
  int status = 200;
  HttpFields fields = {};  // Without Content-Length, Transfer-Encoding, Connection and Date.
  std::string body = {};
};

std::string_view reason_of(int status);  // "Not Found"

// "a%20b" → "a b"; what is no percent-encoding stays as it is.
std::string percent_decoded(std::string_view text);
std::string percent_encoded(std::string_view text);  // All but unreserved characters.
// "name=a%20b&x=1" → the decoded value of `key`, '+' being a blank; false if it is not there.
bool query_value(std::string_view query, std::string_view key, std::string& value);

// Whether an Accept field admits the media type: exact, "type/*" or "*/*", and not with q=0. An empty field
// admits everything.
bool accepts(std::string_view accept, std::string_view media_type);
// The media type of a Content-Type field, in lower case, without parameters.
std::string media_type_of(std::string_view content_type);

HttpAnswer json_answer(int status, std::string body);
// RFC 9457: {"type":"about:blank","title":…,"status":…,"detail":…} as application/problem+json.
HttpAnswer problem(int status, std::string_view detail);

}  // namespace proto

template <>
inline constexpr std::size_t base::count_of<proto::HttpRequest> = 5;
