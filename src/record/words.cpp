#include "record/words.h"

#include <algorithm>
#include <array>
#include <span>

#include "proto/method.h"
#include "proto/revision.h"

namespace record {
namespace {

template <std::size_t N>
consteval std::array<std::string_view, N> sorted(std::array<std::string_view, N> words) {
  std::ranges::sort(words);
  return words;
}

constexpr auto members = sorted(std::to_array<std::string_view>(
    {// Envelope and _meta.
     "jsonrpc", "id", "method", "params", "result", "error", "code", "message", "data", "_meta",
     "progressToken", "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientInfo",
     "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/logLevel",
     "io.modelcontextprotocol/serverInfo", "io.modelcontextprotocol/subscriptionId",
     "io.modelcontextprotocol/related-task", "io.modelcontextprotocol/tasks", "traceparent", "tracestate",
     "baggage",
     // Handshakes.
     "protocolVersion", "capabilities", "clientInfo", "serverInfo", "instructions", "name", "title",
     "version", "websiteUrl", "icons", "description", "supportedVersions", "supported", "requested",
     "requiredCapabilities", "resultType", "ttlMs", "cacheScope",
     // Capabilities.
     "experimental", "extensions", "roots", "sampling", "elicitation", "logging", "completions", "prompts",
     "resources", "tools", "tasks", "listChanged", "subscribe", "form", "url", "context", "list", "cancel",
     "requests", "call", "create", "createMessage",
     // Requests, notifications and results.
     "cursor", "nextCursor", "arguments", "argument", "uri", "uriTemplate", "contents", "content", "isError",
     "structuredContent", "inputSchema", "outputSchema", "annotations", "readOnlyHint", "destructiveHint",
     "idempotentHint", "openWorldHint", "audience", "priority", "lastModified", "mimeType", "size", "text",
     "blob", "type", "role", "messages", "resourceTemplates", "ref", "value", "values", "completion", "total",
     "hasMore", "level", "logger", "progress", "requestId", "reason", "sizes", "src", "theme", "retryable",
     // Questions.
     "modelPreferences", "systemPrompt", "includeContext", "temperature", "maxTokens", "stopSequences",
     "metadata", "model", "stopReason", "hints", "costPriority", "speedPriority", "intelligencePriority",
     "toolChoice", "mode", "toolUseId", "input", "requestedSchema", "elicitationId", "elicitations", "action",
     "inputRequests", "inputResponses", "requestState",
     // Tasks and subscriptions.
     "task", "taskId", "taskIds", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttl",
     "pollInterval", "pollIntervalMs", "execution", "taskSupport", "notifications", "toolsListChanged",
     "promptsListChanged", "resourcesListChanged", "resourceSubscriptions",
     // Schemas.
     "$schema", "$ref", "$defs", "properties", "required", "items", "enum", "enumNames", "oneOf", "anyOf",
     "allOf", "const", "default", "format", "minimum", "maximum", "minLength", "maxLength", "minItems",
     "maxItems", "additionalProperties", "pattern"}));

constexpr auto values = sorted(std::to_array<std::string_view>(
    {"2.0",
     // Levels.
     "debug", "info", "notice", "warning", "critical", "alert", "emergency",
     // Enumerations.
     "complete", "input_required", "public", "private", "accept", "decline", "working", "completed", "failed",
     "cancelled", "optional", "forbidden", "user", "assistant", "image", "audio", "resource", "resource_link",
     "tool_use", "tool_result", "ref/prompt", "ref/resource", "none", "auto", "any", "thisServer",
     "allServers", "endTurn", "stopSequence", "toolUse", "light", "dark",
     // Types of schemas.
     "object", "string", "number", "integer", "boolean", "array", "null"}));

constexpr auto plain_numbers = sorted(std::to_array<std::string_view>(
    {"id", "requestId", "progressToken", "io.modelcontextprotocol/subscriptionId", "code", "progress",
     "total", "ttl", "ttlMs", "pollInterval", "pollIntervalMs"}));
constexpr auto request_names = sorted(std::to_array<std::string_view>(
    {"id", "requestId", "progressToken", "io.modelcontextprotocol/subscriptionId"}));
constexpr auto containers = sorted(std::to_array<std::string_view>(
    {"arguments", "argument", "structuredContent", "content", "contents", "data", "default", "enum", "const",
     "experimental", "metadata", "input"}));
constexpr auto launchers = sorted(std::to_array<std::string_view>(
    {"npx",    "node",    "npm",    "pnpm",   "yarn",    "bun",  "bunx",   "deno", "uv",   "uvx", "pipx",
     "python", "python3", "docker", "podman", "nerdctl", "java", "dotnet", "go",   "ruby", "sh",  "bash"}));

bool in(std::span<const std::string_view> list, std::string_view text) {
  return std::ranges::binary_search(list, text);
}

}  // namespace

bool is_word(std::string_view text) {
  constexpr std::size_t longest = 64;
  if (text.size() > longest) return false;
  return in(members, text) || in(values, text) || proto::revision_of(text) ||
         proto::method_of(text) != proto::Method::other;
}

bool has_plain_number(std::string_view member) {
  return in(plain_numbers, member);
}

bool names_request(std::string_view member) {
  return in(request_names, member);
}

bool holds_contents(std::string_view member) {
  return in(containers, member);
}

bool is_launcher(std::string_view program) {
  return in(launchers, program);
}

}  // namespace record
