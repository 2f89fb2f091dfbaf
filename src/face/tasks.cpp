#include "face/tasks.h"

#include "face/to_modern_server.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/members.h"

namespace face {
namespace {

using proto::json::Writer;

// Members that both kinds of task have.
std::string common(std::string_view raw) {
  std::string members;
  for (const std::string_view key : {"taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt"}) {
    const std::string_view value = proto::member(raw, key);
    if (value.empty()) continue;
    if (!members.empty()) members += ',';
    members.append("\"").append(key).append("\":").append(value);
  }
  return members;
}

void rename(std::string& members, std::string_view raw, std::string_view from, std::string_view to) {
  const std::string_view value = proto::member(raw, from);
  if (!value.empty()) members.append(",\"").append(to).append("\":").append(value);
}

std::string status_of(std::string_view raw) {
  return proto::json::unquoted(proto::member(raw, "status"));
}

std::string modern_members(std::string_view raw_task) {
  std::string members = common(raw_task);
  rename(members, raw_task, "ttl", "ttlMs");
  rename(members, raw_task, "pollInterval", "pollIntervalMs");
  if (proto::member(raw_task, "ttl").empty()) members += R"(,"ttlMs":null)";
  return members;
}

std::string meta_of(std::string_view server_info) {
  if (server_info.empty()) return {};
  return R"(,"_meta":{)" + proto::json::quoted(proto::meta::server_info) + ':' + std::string(server_info) +
         '}';
}

}  // namespace

std::string claim_with_tasks(std::string_view claim) {
  const std::string object = '{' + std::string(claim) + '}';
  const std::string_view capabilities = proto::member(object, proto::meta::client_capabilities);
  const std::string_view extensions = proto::member(capabilities, "extensions");
  const std::string more = proto::with_members(
      extensions, proto::json::quoted(proto::tasks_extension) + ":{}", {proto::tasks_extension});
  const std::string with = proto::with_members(capabilities, R"("extensions":)" + more, {"extensions"});
  const std::string whole =
      proto::with_members(object, proto::json::quoted(proto::meta::client_capabilities) + ':' + with,
                          {proto::meta::client_capabilities});
  return whole.substr(1, whole.size() - 2);
}

std::string legacy_task(std::string_view raw) {
  std::string members = common(raw);
  rename(members, raw, "ttlMs", "ttl");
  rename(members, raw, "pollIntervalMs", "pollInterval");
  if (proto::member(raw, "ttlMs").empty()) members += R"(,"ttl":null)";
  // A tool's own error is a failure for 2025-11-25, and a result like any other since.
  const bool error = proto::member(proto::member(raw, "result"), "isError") == "true";
  return error && status_of(raw) == "completed" ? legacy_task_with('{' + members + '}', "failed")
                                                : '{' + members + '}';
}

std::string legacy_task_with(std::string_view raw_task, std::string_view status) {
  return proto::with_members(raw_task, R"("status":)" + proto::json::quoted(status), {"status"});
}

std::string finished_task(std::string_view id, std::string_view at) {
  Writer task;
  task.object();
  task.key("taskId").string(id);
  task.key("status").string("completed");
  task.key("createdAt").string(at);
  task.key("lastUpdatedAt").string(at);
  task.key("ttl").null();
  task.end();
  return task.text();
}

std::optional<core::Outcome> outcome_of(std::string_view raw_detailed) {
  const std::string status = status_of(raw_detailed);
  if (status == "completed")
    return core::Outcome::result(legacy_result(proto::member(raw_detailed, "result")));
  if (status == "failed") {
    const std::string_view error = proto::member(raw_detailed, "error");
    return core::Outcome::error(error.empty() ? R"({"code":-32603,"message":"the task failed"})"
                                              : std::string(error));
  }
  if (status == "cancelled")
    return core::Outcome::error(R"({"code":-32603,"message":"the task was cancelled"})");
  return std::nullopt;
}

std::int64_t poll_after(std::string_view raw_task, std::int64_t otherwise) {
  return proto::integer_in(proto::member(raw_task, "pollInterval")).value_or(otherwise);
}

std::string created_task(std::string_view raw_task, std::string_view server_info) {
  return R"({"resultType":"task",)" + modern_members(raw_task) + meta_of(server_info) + '}';
}

namespace {

// The members of a task as modern clients know it.
std::string detailed_members(std::string_view raw_task, const std::optional<core::Outcome>& outcome,
                             std::span<const core::ParkedAsk> asks) {
  std::string task(raw_task);
  // A result is a result, even if it says that the tool failed.
  if (outcome && !outcome->failed) task = legacy_task_with(task, "completed");
  // Until there is something to be asked it works, as far as the client can tell.
  if (asks.empty() && status_of(task) == "input_required") task = legacy_task_with(task, "working");
  std::string text = modern_members(task);
  if (outcome) text.append(",").append(outcome->member());
  if (asks.empty()) return text;
  Writer requests;
  requests.object();
  for (const core::ParkedAsk& ask : asks) requests.key(ask.key).raw(ask.request);
  requests.end();
  return text + R"(,"inputRequests":)" + requests.text();
}

}  // namespace

std::string detailed_task(std::string_view raw_task, const std::optional<core::Outcome>& outcome,
                          std::span<const core::ParkedAsk> asks, std::string_view server_info) {
  return R"({"resultType":"complete",)" + detailed_members(raw_task, outcome, asks) + meta_of(server_info) +
         '}';
}

std::string task_notice(std::string_view raw_task, const std::optional<core::Outcome>& outcome,
                        std::span<const core::ParkedAsk> asks) {
  return '{' + detailed_members(raw_task, outcome, asks) + '}';
}

std::string with_task_support(std::string_view raw_result) {
  std::string list;
  proto::each_item(proto::member(raw_result, "tools"), [&](std::string_view tool) {
    if (!list.empty()) list += ',';
    list += proto::with_members(tool, R"("execution":{"taskSupport":"optional"})", {"execution"});
  });
  return proto::with_members(raw_result, R"("tools":[)" + list + ']', {"tools"});
}

std::string related_to(std::string_view raw_object, std::string_view task_id) {
  const std::string_view meta = proto::member(raw_object, "_meta");
  const std::string related =
      proto::json::quoted(proto::meta::related_task) + R"(:{"taskId":)" + proto::json::quoted(task_id) + '}';
  return proto::with_members(
      raw_object, R"("_meta":)" + proto::with_members(meta, related, {proto::meta::related_task}), {"_meta"});
}

}  // namespace face
