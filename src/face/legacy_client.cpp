#include "face/legacy_client.h"

#include "face/modern_server.h"
#include "proto/json.h"
#include "proto/rpc.h"

namespace face {

using proto::json::Type;
using proto::json::Value;

std::expected<ClientHello, std::string> read_initialize(std::string_view line,
                                                        const proto::Envelope& envelope) {
  const std::string_view text = envelope.params.in(line);
  const proto::json::Document document = proto::json::parse(text);
  if (!document.root || document.root->type != Type::object) {
    return std::unexpected("initialize needs params with protocolVersion, capabilities and clientInfo");
  }
  const Value& params = *document.root;
  const Value* version = params.find("protocolVersion");
  if (version == nullptr || version->type != Type::string) {
    return std::unexpected("initialize needs params.protocolVersion, a string like \"2025-11-25\"");
  }
  ClientHello hello;
  const std::optional<proto::Revision> asked = proto::revision_of(version->text);
  hello.revision = asked && proto::legacy(*asked) ? *asked : proto::newest_legacy;
  hello.capabilities = core::capabilities_of(params.find("capabilities"), text);
  if (const Value* info = params.find("clientInfo")) {
    hello.client = info->string_or("name", "");
    const std::string_view of = info->string_or("version", "");
    if (!hello.client.empty() && !of.empty()) hello.client += ' ' + std::string(of);
  }
  hello.claim = claim_of(text);
  return hello;
}

std::string initialize_answer(std::string_view raw_id, std::string_view server_result,
                              proto::Revision revision) {
  const proto::json::Document document = proto::json::parse(server_result);
  const Value* version = document.root ? document.root->find("protocolVersion") : nullptr;
  std::string result(server_result);
  if (version != nullptr) {
    result.replace(version->at, version->length, proto::json::quoted(proto::name_of(revision)));
  }
  return proto::result_text(raw_id, result);
}

}  // namespace face
