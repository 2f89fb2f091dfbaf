#include "transport/param_headers/header_schema.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "proto/json.h"
#include "proto/members.h"

namespace transport {
namespace {

using Key = proto::Cursor::Key;

constexpr std::string_view annotation = "x-mcp-header";

// Servers take about as many fields in all.
constexpr std::size_t params_max = 100;

// Keywords whose members have names chosen by the schema's author; each member is a schema.
constexpr std::string_view named[] = {"properties", "patternProperties", "dependentSchemas", "$defs",
                                      "definitions"};
// Keywords whose value is data; nothing in it is an annotation.
constexpr std::string_view data[] = {"default", "const", "enum", "examples"};

bool among(const auto& names, std::string_view key) {
  return std::ranges::any_of(names, [&](std::string_view name) { return proto::spells(key, name); });
}

std::string decoded(const Key& key) {
  return key.escaped ? proto::json::unquoted('"' + std::string(key.text) + '"') : std::string(key.text);
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

// One pass: a schema is judged at its end, when its type is known wherever it stands.
class Reading {
 public:
  explicit Reading(std::string_view raw) : raw_(raw), cursor_(raw, proto::Utf8::trusted) {}

  // False: why() says what is wrong.
  bool run() {
    cursor_.blanks();
    return schema(true) || why_.empty();
  }
  std::vector<HeaderParam> take() { return std::move(found_); }
  std::string why() { return std::move(why_); }

 private:
  std::string_view value() {
    const std::size_t at = cursor_.offset();
    return cursor_.value(1) ? raw_.substr(at, cursor_.offset() - at) : std::string_view();
  }

  // Steps over the schema that begins here. `reachable`: from the root by "properties" alone.
  bool schema(bool reachable) {
    if (cursor_.peek() != '{') return !value().empty();
    std::string_view name;
    std::string_view type;
    const bool good = cursor_.members([&](const Key& key) {
      const std::size_t at = cursor_.offset();
      if (!inner(key, reachable)) return false;
      const std::string_view value = raw_.substr(at, cursor_.offset() - at);
      if (proto::spells(key.text, annotation)) name = value;
      if (proto::spells(key.text, "type")) type = value;
      return true;
    });
    return good && (name.empty() || annotated(name, type, reachable));
  }

  bool annotated(std::string_view raw_name, std::string_view raw_type, bool reachable) {
    if (!reachable || path_.empty()) return no("is not on a property that \"properties\" alone lead to");
    const std::string name = proto::string_in(raw_name).value_or("");
    if (!token(name)) return no("is not the name of a field");
    // A list of types, as for what may be null, is none of the three either.
    const std::string type = proto::string_in(raw_type).value_or("");
    if (type != "string" && type != "integer" && type != "boolean")
      return no("is on something other than a string, an integer or a boolean");
    std::string field = "Mcp-Param-" + name;
    const bool taken =
        std::ranges::any_of(found_, [&](const HeaderParam& one) { return same_name(one.field, field); });
    if (taken) return no("names a field that another property has");
    if (found_.size() == params_max) return no("is one too many to be sent as fields");
    found_.push_back({.field = std::move(field), .path = path_, .integer = type == "integer"});
    return true;
  }

  // Steps over the value of that member.
  bool inner(const Key& key, bool reachable) {
    if (among(data, key.text)) return !value().empty();
    if (reachable && proto::spells(key.text, "properties")) return each_named(true);
    path_.push_back(decoded(key));
    const bool good = among(named, key.text)  ? each_named(false)
                      : cursor_.peek() == '[' ? cursor_.items([&] { return schema(false); })
                                              : schema(false);
    path_.pop_back();
    return good;
  }

  bool each_named(bool reachable) {
    if (cursor_.peek() != '{') return !value().empty();
    return cursor_.members([&](const Key& key) {
      path_.push_back(decoded(key));
      const bool good = schema(reachable);
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

  std::string_view raw_;
  proto::Cursor cursor_;
  std::vector<std::string> path_;
  std::vector<HeaderParam> found_;
  std::string why_;
};

}  // namespace

std::expected<std::vector<HeaderParam>, std::string> read_header_schema(std::string_view raw) {
  // Hardly any tool has one, and looking for the word is quicker.
  const bool may =
      raw.find(annotation) != std::string_view::npos || raw.find("\\u") != std::string_view::npos;
  if (!may) return {};
  Reading reading(raw);
  if (!reading.run()) return std::unexpected(reading.why());
  return reading.take();
}

}  // namespace transport
