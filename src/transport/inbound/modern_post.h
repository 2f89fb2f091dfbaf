// A request to a URL of all revisions, seen with 2026-07-28 in mind: whether it is of that revision, and
// whether its header fields say what its message says.
//
// The message decides. A request that claims a version in params._meta is of that revision and is never given
// to a session; one without a claim is not, but is refused if the MCP-Protocol-Version field says that it is.
// The checks come in the order in which official servers make them: Accept, Content-Type, JSON, the version
// and the method in fields and message, the claim, its version, Mcp-Name, the method. What a field may say
// of a tool's arguments is for the desk (transport/inbound/desk.h), which knows the tools.
//
// A POST with Mcp-Session-Id that names no other version than those with sessions is not looked into.
#pragma once

#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "proto/envelope.h"
#include "proto/http.h"
#include "proto/method.h"

namespace transport {

// A request in good order, its line ends turned into blanks.
struct ModernCall {
  base::Bytes line;
  proto::Envelope envelope;
  proto::Method method = proto::Method::other;
  std::string_view capabilities;  // As claimed, raw; within `line`.
  proto::HttpFields fields;
};
// Of a revision with sessions: the request was not changed.
struct OfSession {};

using Judgement = std::variant<OfSession, ModernCall, proto::HttpAnswer>;
Judgement judge(proto::HttpRequest& request);

// 400, -32020.
proto::HttpAnswer header_mismatch(std::string_view raw_id, std::string_view sentence);

}  // namespace transport
