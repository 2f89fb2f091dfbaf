#include "face/to_legacy_server.h"

#include <algorithm>

#include "proto/json.h"
#include "proto/members.h"
#include "proto/revision.h"
#include "proto/rpc.h"

namespace face {
namespace {

using proto::json::Writer;

std::string uri_params(std::string_view uri) {
  Writer params;
  params.object();
  params.key("uri").string(uri);
  params.end();
  return params.text();
}

void write_capabilities(Writer& writer, const Declared& declared) {
  const core::Capabilities& first = declared.first;
  const auto extra = [&](std::string_view name) {
    return std::ranges::find(declared.extra, name) != declared.extra.end();
  };
  const bool form = !declared.alone || first.elicitation_form || extra("elicitation");
  const bool url = !declared.alone || first.elicitation_url || extra("elicitation");
  writer.object();
  if (!declared.alone || first.roots || extra("roots")) {
    writer.key("roots").object();
    writer.key("listChanged").boolean(true);
    writer.end();
  }
  if (form || url) {
    writer.key("elicitation").object();
    if (form) writer.key("form").object().end();
    if (url) writer.key("url").object().end();
    writer.end();
  }
  if (first.sampling) {
    writer.key("sampling").raw(first.sampling_raw);
  } else if (extra("sampling")) {
    writer.key("sampling").object().end();
  }
  if (!first.experimental_raw.empty()) writer.key("experimental").raw(first.experimental_raw);
  if (!first.extensions_raw.empty()) writer.key("extensions").raw(first.extensions_raw);
  writer.end();
}

}  // namespace

std::string initialize_request(std::int64_t id, proto::Revision revision, const Declared& declared,
                               std::string_view hearth_version) {
  Writer params;
  params.object();
  params.key("protocolVersion").string(proto::name_of(revision));
  params.key("capabilities");
  write_capabilities(params, declared);
  params.key("clientInfo").object();
  params.key("name").string("hearth");
  params.key("version").string(hearth_version);
  params.end();
  params.end();
  return proto::request_text(std::to_string(id), "initialize", params.text());
}

bool reads_like_greeting(std::string_view raw_result) {
  const auto [version, capabilities] = proto::members(raw_result, {"protocolVersion", "capabilities"});
  return version.starts_with('"') && !capabilities.empty();
}

Refused read_refusal(std::string_view raw_error) {
  const std::int64_t number = proto::integer_in(proto::member(raw_error, "code")).value_or(0);
  if (number == static_cast<int>(proto::Code::method_not_found)) return Refused::whatever_revision;
  // Ours, about a server that speaks HTTP: only a status that it gave is its own word.
  const bool by_status = !proto::member(proto::member(raw_error, "data"), "status").empty();
  if (proto::made_here(raw_error) && !by_status) return Refused::whatever_revision;
  std::string words(raw_error);
  std::ranges::transform(words, words.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; });
  const auto says = [&](std::string_view word) { return words.find(word) != std::string::npos; };
  const bool named = says("version") || says("revision") || says("protocol");
  return named ? Refused::for_revision : Refused::perhaps_for_revision;
}

std::expected<ServerGreeting, std::string> read_greeting(std::string_view raw_result) {
  const auto [raw_version, info] = proto::members(raw_result, {"protocolVersion", "serverInfo"});
  const auto version = proto::string_in(raw_version);
  if (!version) {
    return std::unexpected("answered initialize without a protocolVersion");
  }
  const std::optional<proto::Revision> revision = proto::revision_of(*version);
  if (!revision || !proto::legacy(*revision)) {
    return std::unexpected("answered initialize with the unknown protocol version \"" + *version + '"');
  }
  ServerGreeting greeting{.revision = *version, .server = {}};
  if (!info.empty()) {
    greeting.server = proto::text_of(info, "name", "unnamed");
    const std::string version_of = proto::text_of(info, "version");
    if (!version_of.empty()) greeting.server += ' ' + version_of;
  }
  return greeting;
}

std::string initialized_notice() {
  return proto::notification_text("notifications/initialized");
}

std::string subscribe_request(std::int64_t id, std::string_view uri) {
  return proto::request_text(std::to_string(id), "resources/subscribe", uri_params(uri));
}

std::string unsubscribe_request(std::int64_t id, std::string_view uri) {
  return proto::request_text(std::to_string(id), "resources/unsubscribe", uri_params(uri));
}

std::string set_level_request(std::int64_t id, core::Level level) {
  return proto::request_text(std::to_string(id), "logging/setLevel",
                             R"({"level":")" + std::string(core::name_of(level)) + "\"}");
}

std::string cancelled_notice(std::string_view raw_request_id, std::string_view reason) {
  Writer params;
  params.object();
  params.key("requestId").raw(raw_request_id);
  params.key("reason").string(reason);
  params.end();
  return proto::notification_text("notifications/cancelled", params.text());
}

}  // namespace face
