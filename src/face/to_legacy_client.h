// Towards legacy clients: what the initialize of one says, and what it is answered.
//
// Revisions 2024-11-05 to 2025-11-25 (lifecycle). The server was initialised once, by us; each client is
// answered from what the server said then, under the revision that the client asked for.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/capabilities.h"
#include "proto/envelope.h"
#include "proto/revision.h"

namespace face {

struct ClientHello {
  proto::Revision revision = proto::newest_legacy;
  core::Capabilities capabilities;
  std::string client;  // "name version", for people only; it decides nothing.
  std::string claim;   // The same for a modern server (face/to_modern_server.h).
};

// The error is the sentence that the client is answered.
std::expected<ClientHello, std::string> read_initialize(std::string_view line,
                                                        const proto::Envelope& envelope);

// `server_result` is the server's own InitializeResult, raw; everything in it but the revision goes through
// as it is.
std::string initialize_answer(std::string_view raw_id, std::string_view server_result,
                              proto::Revision revision);

}  // namespace face
