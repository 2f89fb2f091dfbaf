#include "proto/claim.h"

#include "proto/json.h"
#include "proto/members.h"

namespace proto {
namespace {

ClaimFault fault(Code code, std::string_view sentence, std::string_view raw_data = {}) {
  json::Writer error;
  error.object();
  error.key("code").number(static_cast<int>(code));
  error.key("message").string(sentence);
  if (!raw_data.empty()) error.key("data").raw(raw_data);
  error.end();
  return {code, error.text()};
}

ClaimFault unsupported(std::string_view raw_version) {
  json::Writer data;
  data.object();
  data.key("supported").raw(supported_versions());
  data.key("requested").raw(raw_version);
  data.end();
  return fault(Code::unsupported_version, "Unsupported protocol version", data.text());
}

ClaimFault wrong(std::string_view key, std::string_view wanted) {
  return fault(Code::invalid_params,
               "hearth: _meta[\"" + std::string(key) + "\"] must be " + std::string(wanted));
}

char first_of(std::string_view raw) {
  return raw.empty() ? '\0' : raw.front();
}

}  // namespace

std::expected<Claim, ClaimFault> read_claim(std::string_view message, const Envelope& envelope) {
  std::string_view version;
  Claim claim;
  each_member(envelope.meta.in(message), [&](std::string_view name, std::string_view value) {
    if (spells(name, meta::version)) version = value;
    if (spells(name, meta::client_capabilities)) claim.capabilities = value;
    if (spells(name, meta::client_info)) claim.client_info = value;
    if (spells(name, meta::log_level)) claim.log_level = value;
  });
  if (first_of(version) != '"') return std::unexpected(wrong(meta::version, "a string like \"2026-07-28\""));
  if (first_of(claim.capabilities) != '{')
    return std::unexpected(wrong(meta::client_capabilities, "an object; {} if the client has none"));
  if (!claim.client_info.empty() && claim.client_info.front() != '{')
    return std::unexpected(wrong(meta::client_info, "an object"));
  if (!claim.log_level.empty() && claim.log_level.front() != '"')
    return std::unexpected(wrong(meta::log_level, "a string like \"info\""));
  const std::optional<Revision> revision = revision_of(json::unquoted(version));
  if (!revision || legacy(*revision)) return std::unexpected(unsupported(version));
  claim.revision = *revision;
  return claim;
}

std::string supported_versions() {
  json::Writer list;
  list.array();
  for (auto i = static_cast<int>(newest_modern); i >= static_cast<int>(oldest_advertised); --i) {
    list.string(name_of(static_cast<Revision>(i)));
  }
  list.end();
  return list.text();
}

}  // namespace proto
