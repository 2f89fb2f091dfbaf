// Answers that say no, as the official servers say it: a JSON-RPC error without an id, under an HTTP status.
#pragma once

#include <string_view>

#include "proto/http.h"

namespace transport {

// The first two are JSON-RPC's; the others are what the official SDKs use.
enum class Fault : int {
  parse_error = -32700,
  invalid_request = -32600,
  refused = -32000,
  no_such_session = -32001,
};

proto::HttpAnswer refusal(int status, Fault fault, std::string_view sentence);
proto::HttpAnswer no_such_session();
// 405, with the methods that are allowed: "GET, POST, DELETE".
proto::HttpAnswer method_refused(std::string_view allowed);
// 503: too much of this session's is waiting already.
proto::HttpAnswer busy();

}  // namespace transport
