#include "transport/inbound/modern_post.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "proto/claim.h"
#include "proto/header_value.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/revision.h"
#include "proto/rpc.h"
#include "transport/inbound/admission.h"
#include "transport/inbound/posted.h"
#include "transport/inbound/refusal.h"

namespace transport {
namespace {

using proto::Code;
using proto::HttpAnswer;
using proto::HttpFields;
using proto::Method;
using Part = Posted::Part;

constexpr std::string_view version_field = "mcp-protocol-version";

HttpAnswer no(const Part& part, int status, Code code, std::string_view sentence) {
  return proto::json_answer(status, proto::error_text(part.of(part.envelope.id), code, sentence));
}

HttpAnswer mismatch(const Part& part, std::string_view sentence) {
  return header_mismatch(part.of(part.envelope.id), sentence);
}

HttpAnswer invalid(std::string_view sentence) {
  return refusal(400, Fault::invalid_request, "Invalid Request: " + std::string(sentence));
}

std::optional<HttpAnswer> disagreement(const Part& part, const HttpFields& fields) {
  const std::string_view version = proto::member(part.of(part.envelope.meta), proto::meta::version);
  if (fields.count(version_field) != 1) return mismatch(part, "MCP-Protocol-Version must be there, once");
  if (version.starts_with('"') && proto::json::unquoted(version) != fields.get(version_field))
    return mismatch(part, "MCP-Protocol-Version is not the version that params._meta claims");
  if (fields.count("mcp-method") != 1) return mismatch(part, "Mcp-Method must be there, once");
  const proto::Span method = part.envelope.method;
  const proto::Span quoted{method.at - 1, method.length + 2};
  if (proto::json::unquoted(part.of(quoted)) != fields.get("mcp-method"))
    return mismatch(part, "Mcp-Method is not the method of the message");
  return std::nullopt;
}

// The member of params that Mcp-Name repeats.
std::string_view named_by(Method method) {
  switch (method) {
    case Method::tools_call:
    case Method::prompts_get:
      return "name";
    case Method::resources_read:
      return "uri";
    case Method::tasks_get:
    case Method::tasks_update:
    case Method::tasks_cancel:
      return "taskId";
    default:
      return {};
  }
}

// A request that names nothing is refused by who would have to find it.
std::optional<HttpAnswer> refused_name(const Part& part, const HttpFields& fields, Method method) {
  const std::string_view key = named_by(method);
  if (key.empty()) return std::nullopt;
  const std::string_view name = proto::member(part.of(part.envelope.params), key);
  if (!name.starts_with('"')) return std::nullopt;
  if (fields.count("mcp-name") != 1) return mismatch(part, "Mcp-Name must be there, once");
  const std::optional<std::string> said = proto::text_of_header(fields.get("mcp-name"));
  if (!said) return mismatch(part, "Mcp-Name is not well-formed");
  if (*said != proto::json::unquoted(name))
    return mismatch(part, "Mcp-Name is not params." + std::string(key) + " of the message");
  return std::nullopt;
}

Judgement judge_claim(Part& part, HttpFields& fields, Method method) {
  if (auto refused = disagreement(part, fields)) return std::move(*refused);
  const auto claim = proto::read_claim(part.line.text, part.envelope);
  if (!claim)
    return proto::json_answer(400, proto::error_text(part.of(part.envelope.id), claim.error().raw_error));
  if (auto refused = refused_name(part, fields, method)) return std::move(*refused);
  // One that nobody here knows may be known to the server.
  if (method != Method::other && !proto::modern_request(method))
    return no(part, 404, Code::method_not_found, "Method not found");
  return ModernCall{.line = std::move(part.line),
                    .envelope = part.envelope,
                    .method = method,
                    .capabilities = claim->capabilities,
                    .fields = std::move(fields)};
}

enum class Version : std::uint8_t { none, of_sessions, modern, unknown };

Version version_of(const HttpFields& fields) {
  if (!fields.has(version_field)) return Version::none;
  const auto revision = proto::revision_of(fields.get(version_field));
  if (!revision) return Version::unknown;
  return proto::legacy(*revision) ? Version::of_sessions : Version::modern;
}

Judgement judge_request(Part& part, HttpFields& fields, Version version) {
  const Method method = proto::method_of(part.of(part.envelope.method));
  const bool claims = part.envelope.modern;
  if (method == Method::initialize && !(claims && proto::read_claim(part.line.text, part.envelope))) {
    if (version != Version::modern) return OfSession{};
    return mismatch(part, "MCP-Protocol-Version names a revision that has no initialize");
  }
  if (claims) return judge_claim(part, fields, method);
  if (version != Version::modern) return OfSession{};
  return no(part, 400, Code::invalid_params,
            "Invalid params: params._meta must hold \"" + std::string(proto::meta::version) + "\" and \"" +
                std::string(proto::meta::client_capabilities) + '"');
}

Judgement judge_message(Posted& posted, HttpFields& fields, Version version) {
  const bool modern = version == Version::modern;
  if (posted.batch) {
    if (modern) return invalid("there are no batches in 2026-07-28");
    return OfSession{};
  }
  Part& part = posted.parts.front();
  switch (part.envelope.kind) {
    case proto::Kind::request:
      return judge_request(part, fields, version);
    case proto::Kind::notification:
      // The revision has none that mean anything here; who closes an exchange has cancelled it.
      if (modern || part.envelope.modern) return HttpAnswer{.status = 202, .fields = {}, .body = {}};
      return OfSession{};
    case proto::Kind::response:
    case proto::Kind::batch:
      break;
  }
  if (modern) return invalid("there is nothing to be answered by a client in 2026-07-28");
  return OfSession{};
}

}  // namespace

HttpAnswer header_mismatch(std::string_view raw_id, std::string_view sentence) {
  return proto::json_answer(
      400, proto::error_text(raw_id, Code::header_mismatch, "Header mismatch: " + std::string(sentence)));
}

Judgement judge(proto::HttpRequest& request) {
  const Version version = version_of(request.fields);
  const bool modern = version == Version::modern;
  if (request.method != "POST") {
    if (modern) return method_refused("POST");
    return OfSession{};
  }
  const bool odd = modern || version == Version::unknown;
  if (!odd && request.fields.has("mcp-session-id")) return OfSession{};
  if (auto refused = refused_accept(request)) return std::move(*refused);
  // With that version it is no session's, whatever it says, so nobody will want the body again.
  std::string body = modern ? std::move(request.body) : request.body;
  auto posted = read_posted(request.fields, std::move(body), Batches::allowed);
  if (!posted) return std::move(posted.error());
  return judge_message(*posted, request.fields, version);
}

}  // namespace transport
