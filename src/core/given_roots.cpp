#include "core/given_roots.h"

#include <set>

#include "proto/members.h"

namespace core {
namespace {

constexpr std::string_view none = "none";

std::string_view place(std::string_view uri) {
  constexpr std::string_view root = "file:///";
  while (uri.ends_with('/') && uri.size() > root.size()) uri.remove_suffix(1);
  return uri;
}

}  // namespace

bool GivenRoots::declared() const {
  return name != none;
}

GivenRoots no_roots() {
  // As an SDK's client answers what it has no handler for.
  return {.name = std::string(none),
          .raw_result = {},
          .raw_error = R"({"code":-32601,"message":"Method not found"})"};
}

GivenRoots given_roots(std::string_view raw_result, SessionId by) {
  const std::string_view list = proto::member(raw_result, "roots");
  if (!list.starts_with('[')) {
    return {.name = "no answer of " + std::to_string(by.index) + '.' + std::to_string(by.generation),
            .raw_result = {},
            .raw_error = R"({"code":-32603,"message":"hearth: the client gave no roots"})"};
  }
  std::set<std::string> places;
  proto::each_item(list, [&](std::string_view item) { places.emplace(place(proto::text_of(item, "uri"))); });
  std::string name = "given";
  for (const std::string& one : places) name += '\n' + one;
  return {.name = std::move(name), .raw_result = std::string(raw_result), .raw_error = {}};
}

std::string shown(const GivenRoots& roots) {
  if (!roots.declared()) return "none declared";
  if (roots.raw_result.empty()) return "no answer";
  std::string text;
  for (std::size_t at = roots.name.find('\n'); at != std::string::npos;) {
    const std::size_t end = roots.name.find('\n', at + 1);
    text +=
        (text.empty() ? "" : ", ") + roots.name.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    at = end;
  }
  return text.empty() ? "an empty list" : text;
}

}  // namespace core
