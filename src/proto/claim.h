// What a request of 2026-07-28 says of itself: the keys of params._meta that stand for a handshake.
//
// A message is modern if, and only if, its _meta names a protocol version; then each of these is checked,
// since nothing was agreed before (basic, "_meta").
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "proto/envelope.h"
#include "proto/revision.h"
#include "proto/rpc.h"

namespace proto {

namespace meta {
inline constexpr std::string_view version = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view client_info = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view client_capabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view log_level = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view server_info = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view subscription_id = "io.modelcontextprotocol/subscriptionId";
inline constexpr std::string_view related_task = "io.modelcontextprotocol/related-task";
}  // namespace meta

// The extension with tasks of 2026-07-28, as clients and servers declare it under "extensions".
inline constexpr std::string_view tasks_extension = "io.modelcontextprotocol/tasks";

// Raw values, within the message.
struct Claim {
  Revision revision = newest_modern;
  std::string_view capabilities;  // An object.
  std::string_view client_info;   // An object, or empty.
  std::string_view log_level;     // A string with its quotes, or empty.
};

// An error object to answer with: its code, and the whole of it, raw.
struct ClaimFault {
  Code code = Code::invalid_params;
  std::string raw_error;
};

// `envelope.modern` must be set. Faults: invalid_params where a required key is missing or of the wrong type,
// unsupported_version where the revision is none of ours (with "supported" and "requested").
std::expected<Claim, ClaimFault> read_claim(std::string_view message, const Envelope& envelope);

// The revisions that we can be spoken to in, newest first, as a JSON array.
std::string supported_versions();

}  // namespace proto
