// Where a server wants requests sent, against the URL that it was asked at.
//
// An absolute path, a relative one, a query alone, or a whole URL of the same origin (scheme, host, port).
// Another origin is refused, since the configuration's fields, with their secrets, would go there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace transport {

// Of an HTTP+SSE server: the `endpoint` event's text, against the stream's URL.
std::optional<std::string> endpoint_url(std::string_view stream_url, std::string_view endpoint);

// Of a redirect: its Location. From http the same host may also be named under https, whose certificate
// proves that it is the same.
std::optional<std::string> redirect_url(std::string_view url, std::string_view location);

}  // namespace transport
