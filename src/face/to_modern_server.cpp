#include "face/to_modern_server.h"

#include <algorithm>

#include "base/time.h"
#include "core/limits.h"
#include "face/tasks.h"
#include "face/to_modern_client.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/rpc.h"

namespace face {
namespace {

using proto::json::Writer;

std::string modern_capabilities(std::string_view raw) {
  const std::string_view roots = proto::member(raw, "roots");
  const std::string first =
      roots.empty() ? std::string() : R"("roots":)" + proto::with_members(roots, {}, {"listChanged"});
  return proto::with_members(raw, first, {"tasks", "roots"});
}

std::string claim(std::string_view raw_info, std::string_view raw_capabilities) {
  Writer meta;
  meta.object();
  meta.key(proto::meta::version).string(proto::name_of(proto::newest_modern));
  meta.key(proto::meta::client_info).raw(raw_info);
  meta.key(proto::meta::client_capabilities).raw(raw_capabilities);
  meta.end();
  return meta.text().substr(1, meta.text().size() - 2);
}

std::string with_claim(std::string_view own_claim) {
  return R"("_meta":{)" + std::string(own_claim) + '}';
}

std::string name_and_version(std::string_view info) {
  std::string name = proto::text_of(info, "name", "unnamed");
  const std::string version = proto::text_of(info, "version");
  if (!version.empty()) name += ' ' + version;
  return name;
}

bool speaks_modern(std::string_view versions) {
  bool found = false;
  proto::each_item(versions, [&](std::string_view version) {
    found = found || proto::string_in(version) == proto::name_of(proto::newest_modern);
  });
  return found;
}

std::string initialize_result_of(std::string_view raw_result) {
  const std::string_view capabilities = proto::member(raw_result, "capabilities");
  const std::string_view instructions = proto::member(raw_result, "instructions");
  std::string_view info = proto::member(proto::member(raw_result, "_meta"), proto::meta::server_info);
  if (info.empty()) info = proto::member(raw_result, "serverInfo");  // Where it stood before the release.
  Writer result;
  result.object();
  result.key("protocolVersion").string(proto::name_of(proto::newest_legacy));
  const bool tasks =
      !proto::member(proto::member(capabilities, "extensions"), proto::tasks_extension).empty();
  const std::string_view first =
      tasks ? R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})" : "";
  result.key("capabilities").raw(proto::with_members(capabilities, first, {"tasks"}));
  result.key("serverInfo").raw(info.starts_with('{') ? info : R"({"name":"unnamed","version":"0"})");
  if (!instructions.empty()) result.key("instructions").raw(instructions);
  result.end();
  return result.text();
}

std::int64_t code_of(std::string_view raw_error) {
  return proto::integer_in(proto::member(raw_error, "code")).value_or(0);
}

// In sentences: a name may be as long as its message.
std::string shown(std::string_view raw) {
  constexpr std::size_t most = 100;
  return raw.size() <= most ? std::string(raw) : std::string(raw.substr(0, most)) + "...";
}

std::string message_of(std::string_view raw_error) {
  return proto::json::unquoted(proto::member(raw_error, "message"));
}

}  // namespace

std::string claim_of(std::string_view raw_initialize_params) {
  const std::string_view info = proto::member(raw_initialize_params, "clientInfo");
  const std::string_view capabilities = proto::member(raw_initialize_params, "capabilities");
  return claim(info.starts_with('{') ? info : R"({"name":"unnamed","version":"0"})",
               modern_capabilities(capabilities));
}

std::string own_claim(std::string_view hearth_version, const core::Capabilities& first) {
  Writer info;
  info.object();
  info.key("name").string("hearth");
  info.key("version").string(hearth_version);
  info.end();
  Writer capabilities;
  capabilities.object();
  if (first.roots) capabilities.key("roots").object().end();
  if (first.sampling) capabilities.key("sampling").raw(first.sampling_raw);
  if (first.elicitation_form || first.elicitation_url) {
    capabilities.key("elicitation").object();
    if (first.elicitation_form) capabilities.key("form").object().end();
    if (first.elicitation_url) capabilities.key("url").object().end();
    capabilities.end();
  }
  if (!first.experimental_raw.empty()) capabilities.key("experimental").raw(first.experimental_raw);
  if (!first.extensions_raw.empty()) capabilities.key("extensions").raw(first.extensions_raw);
  capabilities.end();
  return claim(info.text(), capabilities.text());
}

std::string discover_request(std::int64_t id, std::string_view own_claim) {
  return proto::request_text(std::to_string(id), "server/discover", '{' + with_claim(own_claim) + '}');
}

Discovered read_discovered(std::string_view raw_result) {
  if (!speaks_modern(proto::member(raw_result, "supportedVersions"))) return {};
  Discovered found{.modern = true, .initialize_result = initialize_result_of(raw_result), .server = {}};
  found.server = name_and_version(proto::member(found.initialize_result, "serverInfo"));
  return found;
}

std::optional<Offered> read_offered(std::string_view raw_error) {
  if (code_of(raw_error) != static_cast<int>(proto::Code::unsupported_version)) return std::nullopt;
  const std::string_view list = proto::member(proto::member(raw_error, "data"), "supported");
  if (list.empty()) return std::nullopt;
  Offered offered{.versions = std::string(list)};
  proto::each_item(list, [&](std::string_view version) {
    const auto revision = proto::revision_of(proto::string_in(version).value_or(""));
    if (revision) (proto::legacy(*revision) ? offered.legacy : offered.modern) = true;
  });
  return offered;
}

std::string modern_params(std::string_view raw_params, const Extra& extra) {
  std::string meta;
  if (!extra.token.empty()) meta = R"("progressToken":)" + std::string(extra.token) + ',';
  meta += extra.claim;
  if (extra.level) {
    meta += ',' + proto::json::quoted(proto::meta::log_level) + ':' +
            proto::json::quoted(core::name_of(*extra.level));
  }
  const std::string_view given = proto::member(raw_params, "_meta");
  std::string first = R"("_meta":)" + proto::with_members(given, meta, {"progressToken"});
  if (!extra.responses.empty()) first += R"(,"inputResponses":)" + std::string(extra.responses);
  if (!extra.request_state.empty()) first += R"(,"requestState":)" + std::string(extra.request_state);
  return proto::with_members(raw_params, first, {"_meta", "task"});
}

std::string listen_request(std::int64_t id, std::string_view own_claim, const core::Filter& filter) {
  Writer params;
  params.object();
  params.key("_meta").raw('{' + std::string(own_claim) + '}');
  params.key("notifications").raw(written(filter));
  params.end();
  return proto::request_text(std::to_string(id), "subscriptions/listen", params.text());
}

core::Filter read_acknowledged(std::string_view raw_params) {
  auto filter = read_filter(raw_params);
  return filter ? std::move(*filter) : core::Filter{};
}

Keeping read_keeping(std::string_view raw_result) {
  const auto [ttl, scope] = proto::members(raw_result, {"ttlMs", "cacheScope"});
  const std::int64_t number = proto::integer_in(ttl).value_or(0);
  // What does not fit into the clock's own ticks is for ever.
  constexpr auto most = std::chrono::duration_cast<std::chrono::milliseconds>(base::Duration::max());
  return {.ttl = std::chrono::milliseconds(std::clamp<std::int64_t>(number, 0, most.count())),
          .for_all = scope == R"("public")"};
}

std::string aged_result(std::string_view raw_result, std::chrono::milliseconds left) {
  return proto::with_members(raw_result, R"("ttlMs":)" + std::to_string(left.count()), {"ttlMs"});
}

std::string legacy_result(std::string_view raw_result) {
  return proto::with_members(raw_result, {}, {"resultType", "ttlMs", "cacheScope"});
}

LegacyError legacy_error(std::string_view raw_error, proto::Method method) {
  const std::int64_t code = code_of(raw_error);
  const auto is = [&](proto::Code what) { return code == static_cast<int>(what); };
  if (is(proto::Code::missing_client_capability)) {
    if (method == proto::Method::tools_call)
      return {.is_result = true, .raw = failed_call(message_of(raw_error))};
    return {.raw = proto::with_members(
                raw_error, R"("code":)" + std::to_string(static_cast<int>(proto::Code::invalid_params)),
                {"code"})};
  }
  if (is(proto::Code::header_mismatch) || is(proto::Code::unsupported_version)) {
    return {.raw = proto::with_members(
                raw_error, R"("code":)" + std::to_string(static_cast<int>(proto::Code::internal_error)),
                {"code"})};
  }
  return {.raw = std::string(raw_error)};
}

std::expected<InputRequired, std::string> read_input_required(std::string_view raw_result) {
  InputRequired read;
  read.state = proto::member(raw_result, "requestState");
  if (!read.state.empty() && read.state.front() != '"')
    return std::unexpected("asked for input with a requestState that is not a string");
  std::string wrong;
  const auto add = [&](std::string_view key, std::string_view raw) {
    if (!wrong.empty()) return;
    if (read.requests.size() >= core::limits::asks_per_session) {
      wrong = "asked for more than " + std::to_string(core::limits::asks_per_session) + " inputs at once";
      return;
    }
    const auto [method, params] = proto::members(raw, {"method", "params"});
    InputRequest request{.key = std::string(key), .params = std::string(params)};
    request.method =
        method.size() >= 2 ? proto::method_of(method.substr(1, method.size() - 2)) : proto::Method::other;
    if (!proto::input_request(request.method)) {
      wrong = "asked for input by a method that the protocol does not have: " + shown(method);
      return;
    }
    if (request.method == proto::Method::elicitation_create) {
      const bool url = proto::member(request.params, "mode") == R"("url")";
      request.mode = url ? core::Mode::url : core::Mode::form;
    }
    read.requests.push_back(std::move(request));
  };
  proto::each_member(proto::member(raw_result, "inputRequests"), add);
  if (!wrong.empty()) return std::unexpected(wrong);
  if (read.requests.empty() && read.state.empty())
    return std::unexpected("asked for input without questions and without a requestState");
  return read;
}

std::string unanswered(proto::Method method) {
  if (method == proto::Method::elicitation_create) return R"({"action":"cancel"})";
  if (method == proto::Method::roots_list) return R"({"roots":[]})";
  return {};
}

std::string failed_call(std::string_view sentence) {
  Writer result;
  result.object();
  result.key("content").array();
  result.object();
  result.key("type").string("text");
  result.key("text").string(sentence);
  result.end();
  result.end();
  result.key("isError").boolean(true);
  result.end();
  return result.text();
}

}  // namespace face
