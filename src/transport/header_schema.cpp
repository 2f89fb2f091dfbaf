#include "transport/header_schema.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "proto/json.h"

namespace transport {
namespace {

using proto::json::Member;
using proto::json::Type;
using proto::json::Value;

constexpr std::string_view annotation = "x-mcp-header";

// Servers take about as many fields in all.
constexpr std::size_t params_max = 100;

// Keywords whose members have names chosen by the schema's author; each member is a schema.
constexpr std::string_view named[] = {"properties", "patternProperties", "dependentSchemas", "$defs",
                                      "definitions"};
// Keywords whose value is data; nothing in it is an annotation.
constexpr std::string_view data[] = {"default", "const", "enum", "examples"};

bool among(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

bool token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

class Reading {
 public:
  // False: why() says what is wrong. `reachable`: from the root by "properties" alone.
  bool schema(const Value& value, bool reachable) {
    return std::ranges::all_of(value.members, [&](const Member& member) {
      if (member.key == annotation && !annotated(value, member.value, reachable)) return false;
      return inner(member, reachable);
    });
  }
  std::vector<HeaderParam> take() { return std::move(found_); }
  std::string why() { return std::move(why_); }

 private:
  bool annotated(const Value& property, const Value& name, bool reachable) {
    if (!reachable || path_.empty()) return no("is not on a property that \"properties\" alone lead to");
    if (name.type != Type::string || !token(name.text)) return no("is not the name of a field");
    // A list of types, as for what may be null, is none of the three either.
    const std::string_view type = property.string_or("type", "");
    if (type != "string" && type != "integer" && type != "boolean")
      return no("is on something other than a string, an integer or a boolean");
    std::string field = "Mcp-Param-" + name.text;
    const bool taken =
        std::ranges::any_of(found_, [&](const HeaderParam& one) { return same_name(one.field, field); });
    if (taken) return no("names a field that another property has");
    if (found_.size() == params_max) return no("is one too many to be sent as fields");
    found_.push_back({.field = std::move(field), .path = path_, .integer = type == "integer"});
    return true;
  }

  bool inner(const Member& member, bool reachable) {
    if (among(data, member.key)) return true;
    const bool still = reachable && member.key == "properties";
    if (still) return each_named(member.value, true);
    path_.push_back(member.key);
    const bool good = among(named, member.key)
                          ? each_named(member.value, false)
                          : schema(member.value, false) &&
                                std::ranges::all_of(member.value.items,
                                                    [&](const Value& item) { return schema(item, false); });
    path_.pop_back();
    return good;
  }

  bool each_named(const Value& schemas, bool reachable) {
    return std::ranges::all_of(schemas.members, [&](const Member& one) {
      path_.push_back(one.key);
      const bool good = schema(one.value, reachable);
      path_.pop_back();
      return good;
    });
  }

  bool no(std::string_view what) {
    std::string where;
    for (const std::string& key : path_) where.append(where.empty() ? "" : ".").append(key);
    where = where.empty() ? "its root" : proto::json::quoted(where);
    why_ = "x-mcp-header at " + where + " of its inputSchema " + std::string(what);
    return false;
  }

  std::vector<std::string> path_;
  std::vector<HeaderParam> found_;
  std::string why_;
};

}  // namespace

std::expected<std::vector<HeaderParam>, std::string> read_header_schema(std::string_view raw) {
  // Hardly any tool has one, and a tree costs more than looking for the word.
  const bool may =
      raw.find(annotation) != std::string_view::npos || raw.find("\\u") != std::string_view::npos;
  const auto document = may ? proto::json::parse(raw) : proto::json::Document{};
  if (!document.root) return {};
  Reading reading;
  if (!reading.schema(*document.root, true)) return std::unexpected(reading.why());
  return reading.take();
}

}  // namespace transport
