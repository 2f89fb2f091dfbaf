#include "sim/wire.h"

#include <algorithm>

#include "sim/client.h"

namespace sim {

Read::Read(std::string_view text) : text_(text), document_(proto::json::parse(text)) {}

const proto::json::Value* Read::root() const {
  if (part_ != nullptr) return part_;
  return document_.root ? &*document_.root : nullptr;
}

const proto::json::Value* Read::find(std::string_view key) const {
  return root() == nullptr ? nullptr : root()->find(key);
}

const proto::json::Value* Read::find(std::string_view key, std::string_view in) const {
  const auto* outer = find(in);
  return outer == nullptr ? nullptr : outer->find(key);
}

std::string Read::raw(const proto::json::Value* value) const {
  return value == nullptr ? std::string() : std::string(text_.substr(value->at, value->length));
}

std::string Read::method() const {
  const auto* value = find("method");
  return value == nullptr ? std::string() : value->text;
}

int Read::code() const {
  const auto* value = find("code");
  return value == nullptr ? 0 : std::stoi(value->text);
}

std::vector<int> named_numbers(std::string_view text, std::string_view key) {
  const std::string start = "\"" + std::string(key) + "\":\"";
  std::vector<int> numbers;
  for (std::size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1)) {
    int number = 0;
    for (std::size_t i = at + start.size() + 1; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      number = number * 10 + (text[i] - '0');
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::string marker_of(const Call& call) {
  return "\"marker\":\"m" + std::to_string(first_of(call).number) + "\"";
}

std::string marker_of(const Ask& ask) {
  return "\"ask\":\"a" + std::to_string(ask.number) + "\"";
}

std::string with_ids(const Call& call, std::string_view id, std::string_view token) {
  std::string text = call.text;
  const auto put_id = [&] { text.replace(call.id_at, call.id.size(), id); };
  const bool tokened = call.token_at != std::string::npos;
  if (!tokened || call.id_at > call.token_at) put_id();
  if (tokened) text.replace(call.token_at, call.token.size(), token);
  if (tokened && call.id_at < call.token_at) put_id();
  return text;
}

void write_request(Call& call, std::string_view members, std::size_t shape) {
  // Four spellings of the same thing: where the id stands, and blanks.
  const bool id_last = shape % 2 == 1;
  const std::string_view blank = shape % 4 >= 2 ? " " : "";
  std::string& text = call.text;
  text = "{";
  const auto put_id = [&] {
    text.append("\"id\":").append(blank);
    call.id_at = text.size();
    text += call.id;
  };
  text.append("\"jsonrpc\":\"2.0\",").append(blank);
  if (!id_last) {
    put_id();
    text.append(blank).append(",");
  }
  text.append("\"method\":").append(blank).append("\"" + call.method + "\"");
  if (!members.empty() || !call.token.empty() || !call.meta.empty()) {
    text.append(",\"params\":{").append(blank).append(members);
    if (!members.empty() && !(call.token.empty() && call.meta.empty())) text += ",";
    if (!call.token.empty()) {
      text.append("\"_meta\":{\"acme/x\":[1,{}],\"progressToken\":").append(blank);
      call.token_at = text.size();
      text.append(call.token).append(call.meta.empty() ? "" : ",").append(call.meta).append("}");
    } else if (!call.meta.empty()) {
      text.append("\"_meta\":{").append(call.meta).append("}");
    }
    text += "}";
  }
  if (id_last) {
    text += ",";
    put_id();
  }
  text.append(blank).append("}");
}

std::string claim_of(const Client& client) {
  return "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
         "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"client" +
         std::to_string(client.number) +
         "\",\"version\":\"1\"},"
         "\"io.modelcontextprotocol/clientCapabilities\":" +
         client.capabilities;
}

bool is_part_of(std::string_view uri, std::string_view whole) {
  return uri.starts_with(whole) &&
         (uri.size() == whole.size() || whole.ends_with('/') || uri[whole.size()] == '/');
}

Era era_of(const Read& message) {
  const auto* meta = message.find("_meta", "params");
  const bool claims = meta != nullptr && meta->find("io.modelcontextprotocol/protocolVersion") != nullptr;
  return claims ? Era::modern : Era::legacy;
}

std::size_t place_of_level(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(levels, name) - levels.begin());
}

std::set<std::string> filter_of(const Read& message) {
  std::set<std::string> names;
  const auto* filter = message.find("notifications", "params");
  if (filter == nullptr) return names;
  for (const ListKind& kind : list_kinds) {
    const auto* value = filter->find(kind.key);
    if (value != nullptr && value->boolean) names.emplace(kind.method);
  }
  if (const auto* uris = filter->find("resourceSubscriptions")) {
    for (const auto& uri : uris->items) names.insert(uri.text);
  }
  return names;
}

std::string filter_text(const std::set<std::string>& names) {
  std::string text, uris;
  for (const ListKind& kind : list_kinds) {
    if (!names.contains(std::string(kind.method))) continue;
    text.append(text.empty() ? "\"" : ",\"").append(kind.key).append("\":true");
  }
  for (const std::string& name : names) {
    const bool list =
        std::ranges::any_of(list_kinds, [&](const ListKind& kind) { return kind.method == name; });
    if (!list) uris += (uris.empty() ? "\"" : ",\"") + name + "\"";
  }
  if (!uris.empty()) text.append(text.empty() ? "" : ",").append("\"resourceSubscriptions\":[" + uris + "]");
  return "{" + text + "}";
}

std::string result_line(std::string_view id, std::string_view result) {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",\"result\":" + std::string(result) + "}";
}

std::string error_line(std::string_view id, int code, std::string_view data) {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",\"error\":{\"code\":" + std::to_string(code) +
         ",\"message\":\"no\",\"data\":{" + std::string(data) + "}}}";
}

std::string request_line(std::string_view id, std::string_view method, std::string_view members) {
  std::string text =
      "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(id) + ",\"method\":\"" + std::string(method) + "\"";
  if (!members.empty()) text += ",\"params\":{" + std::string(members) + "}";
  return text + "}";
}

std::string notice_line(std::string_view method, std::string_view members) {
  return "{\"jsonrpc\":\"2.0\",\"method\":\"" + std::string(method) + "\",\"params\":{" +
         std::string(members) + "}}";
}

}  // namespace sim
