#include "face/content.h"

#include <algorithm>

#include "base/contains.h"
#include "proto/json.h"
#include "proto/members.h"

namespace face {
namespace {

using proto::Method;
using proto::Revision;

bool is_string(std::string_view raw, std::string_view text) {
  return raw.size() >= 2 && raw.front() == '"' && proto::spells(raw.substr(1, raw.size() - 2), text);
}

std::string text_block(std::string_view text) {
  return R"({"type":"text","text":)" + proto::json::quoted(text) + '}';
}

template <class F>
std::string each_changed(std::string_view array, F change) {
  std::string list = "[";
  proto::each_item(array, [&](std::string_view item) {
    if (list.size() > 1) list += ',';
    list += change(item);
  });
  return list + ']';
}

std::string block_for(Revision client, std::string_view block) {
  const std::string_view type = proto::member(block, "type");
  if (client < Revision::r2025_06_18 && is_string(type, "resource_link")) {
    const std::string name = proto::json::unquoted(proto::member(block, "name"));
    const std::string uri = proto::json::unquoted(proto::member(block, "uri"));
    return text_block(name.empty() ? uri : name + ": " + uri);
  }
  if (client < Revision::r2025_03_26 && is_string(type, "audio")) {
    const std::string kind = proto::json::unquoted(proto::member(block, "mimeType"));
    return text_block("(sound of the type " + kind + ", which this client's revision cannot carry)");
  }
  return std::string(block);
}

bool has_new_blocks(Revision client, std::string_view text) {
  return (client < Revision::r2025_06_18 && base::contains(text, "resource_link")) ||
         (client < Revision::r2025_03_26 && base::contains(text, R"("audio")"));
}

std::string blocks_for(Revision client, std::string_view blocks) {
  return each_changed(blocks, [&](std::string_view block) { return block_for(client, block); });
}

// 2026-07-28: any JSON. Before: an object, and the same in words where it is not.
std::optional<std::string> called(Revision client, std::string_view result) {
  const std::string_view structured = base::contains(result, "structuredContent")
                                          ? proto::member(result, "structuredContent")
                                          : std::string_view();
  const bool wrap = !structured.empty() && structured.front() != '{';
  const bool new_blocks = has_new_blocks(client, result);
  if (!wrap && !new_blocks) return std::nullopt;
  std::string content(proto::member(result, "content"));
  if (new_blocks) content = blocks_for(client, content);
  if (wrap && (content.empty() || content == "[]")) content = '[' + text_block(structured) + ']';
  std::string first = R"("content":)" + content;
  if (wrap) first += R"(,"structuredContent":{"result":)" + std::string(structured) + '}';
  return proto::with_members(result, first, {"content", wrap ? "structuredContent" : "content"});
}

std::optional<std::string> got_prompt(Revision client, std::string_view result) {
  if (!has_new_blocks(client, result)) return std::nullopt;
  const std::string messages = each_changed(proto::member(result, "messages"), [&](std::string_view message) {
    const std::string block = block_for(client, proto::member(message, "content"));
    return proto::with_members(message, R"("content":)" + block, {"content"});
  });
  return proto::with_members(result, R"("messages":)" + messages, {"messages"});
}

// References within the schema begin at its root, which is further down now.
std::string moved_down(std::string_view schema) {
  std::string text;
  std::size_t from = 0;
  for (std::size_t at = schema.find(R"("$ref")"); at != std::string_view::npos;
       at = schema.find(R"("$ref")", at)) {
    at = schema.find(':', at);
    if (at == std::string_view::npos) break;
    at = schema.find_first_not_of(" \t\r\n", at + 1);
    if (at == std::string_view::npos) break;
    if (!schema.substr(at).starts_with("\"#/") && !schema.substr(at).starts_with("\"#\"")) continue;
    text.append(schema.substr(from, at + 2 - from)).append("/properties/result");
    from = at + 2;
  }
  return text.append(schema.substr(from));
}

std::string wrapped_schema(std::string_view schema) {
  const std::string_view dialect = proto::member(schema, "$schema");
  const std::string hoisted = dialect.empty() ? std::string() : R"("$schema":)" + std::string(dialect) + ',';
  const std::string inner =
      schema.front() == '{' ? proto::with_members(schema, {}, {"$schema"}) : std::string(schema);
  return '{' + hoisted + R"("type":"object","properties":{"result":)" + moved_down(inner) +
         R"(},"required":["result"]})";
}

std::string tool_for(std::string_view tool) {
  const std::string_view schema = proto::member(tool, "outputSchema");
  if (schema.empty() || is_string(proto::member(schema, "type"), "object")) return std::string(tool);
  return proto::with_members(tool, R"("outputSchema":)" + wrapped_schema(schema), {"outputSchema"});
}

std::optional<std::string> listed_tools(std::string_view result) {
  if (!base::contains(result, "outputSchema")) return std::nullopt;
  return proto::with_members(result, R"("tools":)" + each_changed(proto::member(result, "tools"), tool_for),
                             {"tools"});
}

// {"oneOf":[{"const":"a","title":"A"}]} as {"enum":["a"],"enumNames":["A"]}.
std::string choice_for(std::string_view property) {
  const std::string_view choices = proto::member(property, "oneOf");
  if (choices.empty()) return std::string(property);
  std::string values;
  std::string names;
  proto::each_item(choices, [&](std::string_view choice) {
    const std::string_view value = proto::member(choice, "const");
    const std::string_view title = proto::member(choice, "title");
    values.append(values.empty() ? "" : ",").append(value);
    names.append(names.empty() ? "" : ",").append(title.empty() ? value : title);
  });
  return proto::with_members(property, R"("enum":[)" + values + R"(],"enumNames":[)" + names + ']',
                             {"oneOf"});
}

// A choice of several goes as it is: clients of older revisions that know it are common, and the others say
// that they do not.
std::optional<std::string> form_for(std::string_view params) {
  const std::string_view schema = proto::member(params, "requestedSchema");
  const std::string_view properties = proto::member(schema, "properties");
  bool titled = false;
  std::string changed;
  proto::each_member(properties, [&](std::string_view key, std::string_view property) {
    titled |= !proto::member(property, "oneOf").empty();
    if (!changed.empty()) changed += ',';
    changed.append("\"").append(key).append("\":").append(choice_for(property));
  });
  if (!titled) return std::nullopt;
  const std::string form = proto::with_members(schema, R"("properties":{)" + changed + '}', {"properties"});
  return proto::with_members(params, R"("requestedSchema":)" + form, {"requestedSchema"});
}

// Several blocks in one message are as many messages of the same role.
std::expected<std::optional<std::string>, std::string> sampling_for(Revision client,
                                                                    std::string_view params) {
  bool changed = false;
  bool unreadable = false;
  std::string messages;
  proto::each_item(proto::member(params, "messages"), [&](std::string_view message) {
    const auto add = [&](std::string_view text) {
      messages.append(messages.empty() ? "" : ",").append(text);
    };
    const auto add_block = [&](std::string_view block) {
      const std::string_view type = proto::member(block, "type");
      unreadable |= type.empty() || is_string(type, "tool_use") || is_string(type, "tool_result");
      const std::string known = block_for(client, block);
      changed |= known != block;
      add(proto::with_members(message, R"("content":)" + known, {"content"}));
    };
    const std::string_view content = proto::member(message, "content");
    if (content.starts_with('{')) return add_block(content);
    if (!content.starts_with('[')) return add(message);
    changed = true;
    proto::each_item(content, add_block);
  });
  if (unreadable) return std::unexpected("the client's revision knows no such blocks in messages");
  if (!changed) return std::nullopt;
  return proto::with_members(params, R"("messages":[)" + messages + ']', {"messages"});
}

}  // namespace

std::optional<std::string> content_for(Revision client, Method method, std::string_view raw_result) {
  if (!proto::legacy(client)) return std::nullopt;
  switch (method) {
    case Method::tools_call:
      return called(client, raw_result);
    case Method::prompts_get:
      return got_prompt(client, raw_result);
    case Method::tools_list:
      return listed_tools(raw_result);
    default:
      return std::nullopt;
  }
}

Revision questions_of(Revision client, const core::Capabilities& capabilities, Method method) {
  const bool newer = method == Method::elicitation_create
                         ? capabilities.elicitation_url
                         : method == Method::sampling_create_message &&
                               !proto::member(capabilities.sampling_raw, "tools").empty();
  return newer ? std::max(client, Revision::r2025_11_25) : client;
}

std::expected<std::optional<std::string>, std::string> question_for(Revision client, Method method,
                                                                    std::string_view raw_params) {
  if (client >= Revision::r2025_11_25) return std::nullopt;
  if (method == Method::elicitation_create) return form_for(raw_params);
  if (method == Method::sampling_create_message) return sampling_for(client, raw_params);
  return std::nullopt;
}

}  // namespace face
