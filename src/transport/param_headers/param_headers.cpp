#include "transport/param_headers/param_headers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "proto/envelope.h"
#include "proto/header_value.h"
#include "proto/json.h"
#include "proto/members.h"

namespace transport {
namespace {

// Far more than anybody has; a bound on what a server can make us keep.
constexpr std::size_t tools_max = 10000;
// Integers beyond it are not the same number to everybody, so they are in no field.
constexpr double integer_max = 9007199254740991;

// As member(), for names that are not ASCII.
std::string_view argument(std::string_view object, const std::string& key) {
  std::string_view found;
  proto::each_member(object, [&](std::string_view name, std::string_view value) {
    const bool same = name.find('\\') == std::string_view::npos
                          ? name == key
                          : proto::json::unquoted('"' + std::string(name) + '"') == key;
    if (same) found = value;
  });
  return found;
}

std::string_view argument(std::string_view object, const std::vector<std::string>& path) {
  for (const std::string& key : path) object = argument(object, key);
  return object;
}

// One spelling for each number: 42, 42.0 and 4.2e1 are the same.
std::optional<std::string> number_text(std::string_view spelt) {
  double value = 0;
  const char* const end = spelt.data() + spelt.size();
  const auto [stop, error] = std::from_chars(spelt.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  char text[32];
  if (std::trunc(value) != value) {
    return std::string(text, std::to_chars(text, std::end(text), value).ptr);
  }
  if (std::abs(value) > integer_max) return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(value));
}

// What the argument is as text. Absent: it is in no field.
std::optional<std::string> text_of(std::string_view raw) {
  if (raw.empty()) return std::nullopt;
  switch (raw.front()) {
    case '"':
      return proto::json::unquoted(raw);
    case 't':
    case 'f':
      return std::string(raw);
    case 'n':
    case '{':
    case '[':
      return std::nullopt;
    default:
      return number_text(raw);
  }
}

bool lacking(std::string_view raw) {
  return raw.empty() || raw == "null";
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string compare(const HeaderParam& param, std::string_view raw, const proto::HttpFields& received) {
  const std::string name = lower(param.field);
  const std::size_t count = received.count(name);
  if (count > 1) return "the field " + param.field + " is there more than once";
  if (lacking(raw)) {
    return count == 0 ? ""
                      : "the field " + param.field + " is there, and the argument that it repeats is not";
  }
  const auto wanted = text_of(raw);
  if (!wanted) return {};
  if (count == 0)
    return "the field " + param.field + " is missing, and the argument that it repeats is there";
  const auto text = proto::text_of_header(received.get(name));
  if (!text) return "the field " + param.field + " holds malformed base64 or characters that it cannot hold";
  const bool same =
      *text == *wanted || (param.integer && raw.front() != '"' && number_text(*text) == *wanted);
  return same ? "" : "the field " + param.field + " differs from the argument that it repeats";
}

}  // namespace

ParamHeaders::Page ParamHeaders::learn(std::string_view raw_result, std::string_view raw_cursor) {
  const bool goes_on = !next_cursor_.empty() && raw_cursor == next_cursor_;
  if (raw_cursor.empty()) ++round_;
  Page page;
  page.next_cursor = proto::member(raw_result, "nextCursor");
  if (page.next_cursor == "null") page.next_cursor.clear();
  std::string kept;
  const std::string_view list = proto::member(raw_result, "tools");
  if (list.starts_with('[')) {
    proto::each_in_batch(list, [&](proto::Span span) {
      const std::size_t invalid = page.invalid.size();
      learn_tool(span.in(list), page);
      if (page.invalid.size() == invalid) kept.append(kept.empty() ? "" : ",").append(span.in(list));
    });
  }
  if (!page.invalid.empty()) {
    page.without_them = proto::with_members(raw_result, R"("tools":[)" + kept + ']', {"tools"});
  }
  // Only who has gone from the first page to the last has seen them all.
  if (!raw_cursor.empty() && !goes_on) return page;
  next_cursor_ = page.next_cursor;
  if (!page.next_cursor.empty()) return page;
  whole_ = true;
  std::erase_if(tools_, [&](const auto& one) { return one.second.seen != round_; });
  return page;
}

void ParamHeaders::learn_tool(std::string_view raw_tool, Page& page) {
  const std::string_view raw_name = proto::member(raw_tool, "name");
  if (!raw_name.starts_with('"')) return;
  std::string name = proto::json::unquoted(raw_name);
  auto params = read_header_schema(proto::member(raw_tool, "inputSchema"));
  const auto known = tools_.find(name);
  if (params && params->empty()) {
    if (known != tools_.end()) tools_.erase(known);
    return;
  }
  Tool tool{.params = {}, .invalid = {}, .seen = round_};
  if (params) {
    tool.params = std::move(*params);
  } else {
    tool.invalid = params.error();
    page.invalid.push_back({name, std::move(params.error())});
  }
  if (known != tools_.end() || tools_.size() < tools_max) {
    tools_.insert_or_assign(std::move(name), std::move(tool));
  }
}

std::string_view ParamHeaders::invalid(std::string_view tool) const {
  const auto found = tools_.find(tool);
  return found == tools_.end() ? std::string_view() : found->second.invalid;
}

proto::HttpFields ParamHeaders::fields(std::string_view tool, std::string_view raw_arguments) const {
  proto::HttpFields fields;
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return fields;
  for (const HeaderParam& param : found->second.params) {
    const auto text = text_of(argument(raw_arguments, param.path));
    if (text) fields.add(param.field, proto::header_value(*text));
  }
  return fields;
}

std::string ParamHeaders::mismatch(std::string_view tool, std::string_view raw_arguments,
                                   const proto::HttpFields& received) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return {};
  for (const HeaderParam& param : found->second.params) {
    std::string wrong = compare(param, argument(raw_arguments, param.path), received);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace transport
