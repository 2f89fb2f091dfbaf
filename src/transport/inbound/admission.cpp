#include "transport/inbound/admission.h"

#include <string>
#include <utility>

#include "proto/revision.h"
#include "transport/inbound/posted.h"
#include "transport/inbound/refusal.h"
#include "transport/inbound/streamable_server.h"

namespace transport {
namespace {

using proto::HttpAnswer;
using proto::HttpRequest;

HttpAnswer session_id_missing() {
  return refusal(400, Fault::refused, "Bad Request: Mcp-Session-Id header is required");
}

std::optional<HttpAnswer> refused_version(const HttpRequest& request) {
  if (!request.fields.has("mcp-protocol-version")) return std::nullopt;
  const std::string_view version = request.fields.get("mcp-protocol-version");
  const auto revision = proto::revision_of(version);
  if (revision && proto::legacy(*revision)) return std::nullopt;
  return refusal(400, Fault::refused,
                 "Bad Request: Unsupported protocol version: " + std::string(version) +
                     " (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05)");
}

}  // namespace

std::optional<HttpAnswer> refused_accept(const HttpRequest& request) {
  const bool json = request.method == "GET" || admits(request.fields, "application/json");
  if (json && admits(request.fields, "text/event-stream")) return std::nullopt;
  return refusal(406, Fault::refused,
                 request.method == "GET"
                     ? "Not Acceptable: Client must accept text/event-stream"
                     : "Not Acceptable: Client must accept both application/json and text/event-stream");
}

std::optional<HttpAnswer> refused_head(const HttpRequest& head) {
  if (head.method != "POST") return std::nullopt;
  if (head.path.starts_with("/mcp/")) {
    if (auto no = refused_accept(head)) return no;
    return refused_type(head.fields);
  }
  // Without a session it is a client that tries Streamable HTTP first, and is told so.
  if (head.path.starts_with("/sse/") && !head.query.empty()) return refused_type(head.fields);
  return std::nullopt;
}

std::optional<HttpAnswer> refused_session(const HttpRequest& request, std::string_view session_id) {
  const std::string_view session = request.fields.get("mcp-session-id");
  if (session.empty()) return session_id_missing();
  if (session != session_id) return no_such_session();
  return refused_version(request);
}

Admission admit(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "DELETE") return session_id_missing();
  if (request.method != "POST") return method_refused(streamable_methods);
  if (auto no = refused_accept(request)) return std::move(*no);
  const auto read = read_posted(request.fields, request.body, Batches::allowed);
  if (!read) return read.error();
  if (!read->parts.front().is_initialize()) return session_id_missing();
  return NewSession{};
}

}  // namespace transport
