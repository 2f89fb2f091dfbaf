#include "transport/inbound/forgiving.h"

#include <algorithm>
#include <utility>

namespace transport {
namespace {

constexpr std::string_view deciding[] = {"mcp-session-id", "mcp-protocol-version", "last-event-id",
                                         "content-type"};

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// "a, a" → "a"; other lists stay.
std::string_view said_once(std::string_view value) {
  const std::size_t comma = value.find(',');
  if (comma == std::string_view::npos) return value;
  const std::string_view first = trimmed(value.substr(0, comma));
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (trimmed(rest.substr(0, end)) != first) return value;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return first;
}

// There is nothing to forgive, as in nearly all requests.
bool is_plain(const proto::HttpFields& fields, std::string_view name) {
  const std::size_t count = fields.count(name);
  const std::string_view value = fields.get(name);
  return count == 0 || (count == 1 && !value.empty() && !value.contains(','));
}

}  // namespace

std::string tidy_path(std::string_view path) {
  std::string tidy;
  for (const char c : path) {
    if (c != '/' || !tidy.ends_with('/')) tidy += c;
  }
  if (tidy.size() > 1 && tidy.ends_with('/')) tidy.pop_back();
  return tidy;
}

void forgive(proto::HttpRequest& request) {
  if (request.path.contains("//") || request.path.ends_with('/')) request.path = tidy_path(request.path);
  auto& all = request.fields.all;
  for (const std::string_view name : deciding) {
    if (is_plain(request.fields, name)) continue;
    for (auto& [key, value] : all) {
      if (key == name) value = std::string(said_once(value));
    }
    std::erase_if(all, [&](const auto& field) { return field.first == name && field.second.empty(); });
    const std::string first(request.fields.get(name));
    bool seen = false;
    std::erase_if(all, [&](const auto& field) {
      return field.first == name && field.second == first && std::exchange(seen, true);
    });
  }
}

}  // namespace transport
