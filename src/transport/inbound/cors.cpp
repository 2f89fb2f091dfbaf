#include "transport/inbound/cors.h"

#include <algorithm>

namespace transport {
namespace {

bool is_listed(const Access& access, std::string_view origin) {
  return !origin.empty() && std::ranges::any_of(access.origins, [&](const std::string& listed) {
    return std::ranges::equal(
        listed, origin, {}, [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; },
        [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  });
}

}  // namespace

proto::HttpFields shown_to_page(const Access& access, const proto::HttpRequest& request) {
  proto::HttpFields fields;
  const std::string_view origin = request.fields.get("origin");
  if (!is_listed(access, origin)) return fields;
  fields.add("access-control-allow-origin", origin);
  fields.add("access-control-expose-headers", "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate");
  fields.add("vary", "Origin");
  return fields;
}

std::optional<proto::HttpAnswer> preflight(const Access& access, const proto::HttpRequest& request) {
  const bool asks = request.method == "OPTIONS" && request.fields.has("access-control-request-method");
  if (!asks || !is_listed(access, request.fields.get("origin"))) return std::nullopt;
  proto::HttpAnswer answer{.status = 204, .fields = {}, .body = {}};
  answer.fields.add("access-control-allow-methods", "GET, POST, DELETE");
  // Header fields for a tool's parameters (x-mcp-header) may have any name.
  const std::string_view wanted = request.fields.get("access-control-request-headers");
  if (!wanted.empty()) answer.fields.add("access-control-allow-headers", wanted);
  answer.fields.add("access-control-max-age", "600");
  return answer;
}

}  // namespace transport
