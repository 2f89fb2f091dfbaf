#include "face/to_legacy_client.h"

#include "face/to_modern_server.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/rpc.h"

namespace face {

std::expected<ClientHello, std::string> read_initialize(std::string_view line,
                                                        const proto::Envelope& envelope) {
  const std::string_view text = envelope.params.in(line);
  if (!text.starts_with('{')) {
    return std::unexpected("initialize needs params with protocolVersion, capabilities and clientInfo");
  }
  const auto [raw_version, capabilities, info] =
      proto::members(text, {"protocolVersion", "capabilities", "clientInfo"});
  const auto version = proto::string_in(raw_version);
  if (!version) {
    return std::unexpected("initialize needs params.protocolVersion, a string like \"2025-11-25\"");
  }
  ClientHello hello;
  const std::optional<proto::Revision> asked = proto::revision_of(*version);
  hello.revision = asked && proto::legacy(*asked) ? *asked : proto::newest_legacy;
  hello.capabilities = core::capabilities_of(capabilities);
  hello.client = proto::text_of(info, "name");
  const std::string of = proto::text_of(info, "version");
  if (!hello.client.empty() && !of.empty()) hello.client += ' ' + of;
  hello.claim = claim_of(text);
  return hello;
}

std::string initialize_answer(std::string_view raw_id, std::string_view server_result,
                              proto::Revision revision) {
  std::string result(server_result);
  if (const auto version = proto::member(server_result, "protocolVersion"); !version.empty()) {
    const auto at = static_cast<std::size_t>(version.data() - server_result.data());
    result.replace(at, version.size(), proto::json::quoted(proto::name_of(revision)));
  }
  return proto::result_text(raw_id, result);
}

}  // namespace face
