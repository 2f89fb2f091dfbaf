// What a page of a listed origin needs to be let to use the port: its browser asks first, and shows it no
// answer that does not name its origin (Fetch, CORS).
//
// Only for origins that the configuration lists: pages of the port's own hosts need none of it.
#pragma once

#include <optional>

#include "proto/http.h"
#include "transport/inbound/access.h"

namespace transport {

// Fields for every answer to this request; none if it comes from no listed origin.
proto::HttpFields shown_to_page(const Access& access, const proto::HttpRequest& request);
// The answer to a browser's own question before the request, which carries no token.
std::optional<proto::HttpAnswer> preflight(const Access& access, const proto::HttpRequest& request);

}  // namespace transport
