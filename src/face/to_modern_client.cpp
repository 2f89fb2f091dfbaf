#include "face/to_modern_client.h"

#include <algorithm>
#include <array>

#include "base/contains.h"
#include "base/siphash.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/spelling.h"
#include "proto/value_digest.h"

namespace face {

using proto::json::Writer;

namespace {

std::string with_meta(std::string_view raw_meta, std::string_view key, std::string_view raw_value) {
  return proto::with_members(raw_meta, proto::json::quoted(key) + ':' + std::string(raw_value), {key});
}

std::string meta_of_answer(std::string_view raw_meta, std::string_view server_info) {
  if (server_info.empty()) return std::string(raw_meta);
  return with_meta(raw_meta, proto::meta::server_info, server_info);
}

// "tools" without what only 2025-11-25 had in them.
std::string without_execution(std::string_view raw_tools) {
  std::string list = "[";
  proto::each_item(raw_tools, [&](std::string_view tool) {
    if (list.size() > 1) list += ',';
    if (tool.starts_with('{')) {
      list += proto::with_members(tool, {}, {"execution"});
    } else {
      list += tool;
    }
  });
  return list + ']';
}

std::string legacy_meta(std::string_view raw_meta, std::string_view token) {
  std::string first;
  if (!token.empty() && !proto::member(raw_meta, "progressToken").empty())
    first = R"("progressToken":)" + std::string(token);
  return proto::with_members(raw_meta, first,
                             {"progressToken", proto::meta::version, proto::meta::client_info,
                              proto::meta::client_capabilities, proto::meta::log_level});
}

// Members of a result that are ours to say.
constexpr std::array<std::string_view, 4> set_by_us = {"resultType", "ttlMs", "cacheScope", "_meta"};

// `meta`: the result's own, raw, or empty.
std::string complete_beginning(proto::Method method, std::string_view meta, std::string_view server_info) {
  std::string first = R"("resultType":"complete")";
  if (proto::cacheable(method)) first += R"(,"ttlMs":0,"cacheScope":"private")";
  if (!server_info.empty() || !meta.empty())
    first += R"(,"_meta":)" + meta_of_answer(meta.starts_with('{') ? meta : "{}", server_info);
  return first;
}

}  // namespace

ModernHello read_hello(const proto::Claim& claim) {
  ModernHello hello{.capabilities = core::capabilities_of(claim.capabilities), .client = {}};
  hello.client = proto::text_of(claim.client_info, "name");
  const std::string version = proto::text_of(claim.client_info, "version");
  if (!hello.client.empty() && !version.empty()) hello.client += ' ' + version;
  return hello;
}

std::string legacy_params(std::string_view raw_params, std::string_view token) {
  const std::string meta = legacy_meta(proto::member(raw_params, "_meta"), token);
  const std::string first = meta == "{}" ? std::string() : R"("_meta":)" + meta;
  return proto::with_members(raw_params, first, {"_meta", "inputResponses", "requestState"});
}

std::uint64_t digest_of(std::uint64_t key, std::string_view method, std::string_view raw_params) {
  return base::siphash({key, 1}, method) ^
         proto::value_digest({key, 1}, raw_params, {"_meta", "inputResponses", "requestState"});
}

std::string discover_result(std::string_view initialize_result) {
  const std::string_view capabilities = proto::member(initialize_result, "capabilities");
  const std::string_view instructions = proto::member(initialize_result, "instructions");
  const std::string_view info = proto::member(initialize_result, "serverInfo");
  Writer result;
  result.object();
  result.key("resultType").string("complete");
  result.key("supportedVersions").raw(proto::supported_versions());
  const std::string_view tasks = proto::member(capabilities, "tasks");
  const std::string_view extensions = proto::member(capabilities, "extensions");
  // Tasks go by another name since.
  const bool offered = proto::member(proto::member(tasks, "requests"), "tools").contains(R"("call")");
  const std::string more =
      offered ? R"("extensions":)" + proto::with_members(extensions,
                                                         proto::json::quoted(proto::tasks_extension) + ":{}",
                                                         {proto::tasks_extension})
              : std::string();
  result.key("capabilities")
      .raw(proto::with_members(capabilities, more, {"tasks", offered ? "extensions" : "tasks"}));
  if (!instructions.empty()) result.key("instructions").raw(instructions);
  result.key("ttlMs").number(0);
  result.key("cacheScope").string("private");
  result.key("_meta").raw(meta_of_answer("{}", info));
  result.end();
  return result.text();
}

std::string discovered_result(std::string_view raw_result) {
  return proto::with_members(raw_result, R"("supportedVersions":)" + proto::supported_versions(),
                             {"supportedVersions"});
}

std::string complete_result(std::string_view raw_result, proto::Method method, std::string_view server_info) {
  std::string first = complete_beginning(method, proto::member(raw_result, "_meta"), server_info);
  const std::string_view tools =
      method == proto::Method::tools_list ? proto::member(raw_result, "tools") : std::string_view();
  const bool execution = base::contains(tools, R"("execution")") && tools.starts_with('[');
  if (execution) first += R"(,"tools":)" + without_execution(tools);
  return proto::with_members(raw_result, first,
                             {"resultType", "ttlMs", "cacheScope", "_meta", execution ? "tools" : "_meta"});
}

std::optional<std::string> completing_text(std::string_view raw_result, proto::Method method,
                                           std::string_view server_info) {
  if (!raw_result.starts_with('{') || method == proto::Method::tools_list) return std::nullopt;
  std::size_t members = 0;
  bool ours = false;
  proto::each_member(raw_result, [&](std::string_view name, std::string_view) {
    ++members;
    ours = ours ||
           std::ranges::any_of(set_by_us, [&](std::string_view key) { return proto::spells(name, key); });
  });
  if (members == 0 || ours) return std::nullopt;
  return complete_beginning(method, {}, server_info) + ',';
}

std::string modern_error(std::string_view raw_error) {
  const std::int64_t number = proto::integer_in(proto::member(raw_error, "code")).value_or(0);
  const auto with_code = [&](proto::Code instead) {
    return proto::with_members(raw_error, R"("code":)" + std::to_string(static_cast<int>(instead)), {"code"});
  };
  if (number == static_cast<int>(proto::Code::resource_not_found))
    return with_code(proto::Code::invalid_params);
  const bool names_one =
      proto::member(proto::member(raw_error, "data"), "requiredCapabilities").starts_with('{');
  if (number == static_cast<int>(proto::Code::missing_client_capability) && names_one)
    return std::string(raw_error);
  // The protocol keeps these for itself, and a legacy server cannot mean them so.
  if (number <= -32020 && number >= -32099) return with_code(proto::Code::internal_error);
  return std::string(raw_error);
}

std::string missing_capability(std::string_view raw_required) {
  Writer error;
  error.object();
  error.key("code").number(static_cast<int>(proto::Code::missing_client_capability));
  error.key("message").string("hearth: the server needs a capability that the client has not declared");
  error.key("data").object();
  error.key("requiredCapabilities").raw(raw_required);
  error.end();
  error.end();
  return error.text();
}

bool declares_tasks(std::string_view raw_meta) {
  const std::string_view declared = proto::member(raw_meta, proto::meta::client_capabilities);
  return !proto::member(proto::member(declared, "extensions"), proto::tasks_extension).empty();
}

std::expected<core::Filter, std::string> read_filter(std::string_view raw_params) {
  const std::string_view wanted = proto::member(raw_params, "notifications");
  if (!wanted.starts_with('{'))
    return std::unexpected(
        "subscriptions/listen needs params.notifications, an object that says what to hear of");
  core::Filter filter;
  const auto [tools, prompts, resources, uris, tasks] = proto::members(
      wanted,
      {"toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions", "taskIds"});
  const auto wants = [&](std::string_view value, core::ListKind kind) {
    if (value == "true") filter.lists.set(static_cast<std::size_t>(kind));
  };
  wants(tools, core::ListKind::tools);
  wants(prompts, core::ListKind::prompts);
  wants(resources, core::ListKind::resources);
  const auto strings = [&](std::string_view list, std::set<std::string>& into) {
    bool all = true;
    proto::each_item(list, [&](std::string_view item) {
      all = all && item.starts_with('"');
      if (all) into.insert(proto::json::unquoted(item));
    });
    return all;
  };
  if (!strings(uris, filter.uris))
    return std::unexpected("resourceSubscriptions must hold strings, like \"file:///x\"");
  if (!strings(tasks, filter.tasks)) return std::unexpected("taskIds must hold strings");
  return filter;
}

std::string written(const core::Filter& filter) {
  Writer object;
  object.object();
  const auto list = [&](std::string_view key, core::ListKind kind) {
    if (filter.lists.test(static_cast<std::size_t>(kind))) object.key(key).boolean(true);
  };
  list("toolsListChanged", core::ListKind::tools);
  list("promptsListChanged", core::ListKind::prompts);
  list("resourcesListChanged", core::ListKind::resources);
  const auto strings = [&](std::string_view key, const std::set<std::string>& from) {
    if (from.empty()) return;
    object.key(key).array();
    for (const std::string& text : from) object.string(text);
    object.end();
  };
  strings("resourceSubscriptions", filter.uris);
  strings("taskIds", filter.tasks);
  object.end();
  return object.text();
}

std::string acknowledged_notice(std::string_view raw_id, const core::Filter& granted) {
  return tagged_notice(proto::name_of(proto::Method::subscriptions_acknowledged),
                       R"({"notifications":)" + written(granted) + '}', raw_id);
}

std::string listen_result(std::string_view raw_id) {
  return R"({"resultType":"complete","_meta":)" + with_meta("{}", proto::meta::subscription_id, raw_id) + '}';
}

std::string tagged_notice(std::string_view method, std::string_view raw_params, std::string_view raw_id) {
  const std::string_view meta = proto::member(raw_params, "_meta");
  const std::string tagged =
      with_meta(meta.starts_with('{') ? meta : "{}", proto::meta::subscription_id, raw_id);
  return proto::notification_text(method, proto::with_members(raw_params, R"("_meta":)" + tagged, {"_meta"}));
}

std::string input_request(proto::Method method, std::string_view raw_params) {
  Writer request;
  request.object();
  request.key("method").string(proto::name_of(method));
  if (!raw_params.empty() && method != proto::Method::roots_list) {
    const std::string_view meta = proto::member(raw_params, "_meta");
    const std::string kept =
        legacy_meta(proto::with_members(meta, {}, {"progressToken", proto::meta::related_task}), {});
    const std::string first = kept == "{}" ? std::string() : R"("_meta":)" + kept;
    request.key("params").raw(proto::with_members(raw_params, first, {"_meta", "task"}));
  }
  request.end();
  return request.text();
}

std::string input_required(std::span<const core::ParkedAsk> asks, std::string_view ticket,
                           std::string_view server_info) {
  Writer result;
  result.object();
  result.key("resultType").string("input_required");
  result.key("inputRequests").object();
  for (const core::ParkedAsk& ask : asks) result.key(ask.key).raw(ask.request);
  result.end();
  result.key("requestState").string(ticket);
  if (!server_info.empty()) result.key("_meta").raw(meta_of_answer("{}", server_info));
  result.end();
  return result.text();
}

}  // namespace face
