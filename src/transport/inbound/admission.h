// What a request to a Streamable HTTP endpoint must have before its message matters.
#pragma once

#include <optional>
#include <string_view>

#include "proto/http.h"

namespace transport {

inline constexpr std::string_view streamable_methods = "GET, POST, DELETE";

// 406 unless it accepts what the answer may be: an event stream, and JSON too if it is a POST.
std::optional<proto::HttpAnswer> refused_accept(const proto::HttpRequest& request);

// What the head of a request to /mcp/ or /sse/ says against it, before its body has come: 406, 415.
std::optional<proto::HttpAnswer> refused_head(const proto::HttpRequest& head);

// 400 without the session's id, 404 with another one, 400 for a revision that nobody speaks here.
std::optional<proto::HttpAnswer> refused_session(const proto::HttpRequest& request,
                                                 std::string_view session_id);

}  // namespace transport
