// Where an HTTP+SSE server wants its messages posted: the `endpoint` event's text, against the stream's URL.
//
// An absolute path, a relative one, a query alone, or a whole URL of the same origin (scheme, host, port).
// Another origin is refused, since the configuration's fields, with their secrets, would go there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace transport {

std::optional<std::string> endpoint_url(std::string_view stream_url, std::string_view endpoint);

}  // namespace transport
