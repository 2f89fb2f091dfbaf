#include "transport/access.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace transport {
namespace {

using proto::HttpAnswer;
using proto::HttpRequest;

constexpr std::string_view http = "http://";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// A client leaves out the port that the scheme has anyway.
std::string with_port(const std::string& host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  const bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? host : host + ":80";
}

bool is_ours(const Access& access, std::string_view host) {
  return std::ranges::find(access.hosts, with_port(lower(host))) != access.hosts.end();
}

bool may_come_from(const Access& access, std::string_view origin) {
  const std::string given = lower(origin);
  const auto is_given = [&](const std::string& listed) { return lower(listed) == given; };
  if (std::ranges::any_of(access.origins, is_given)) return true;
  return given.starts_with(http) && is_ours(access, std::string_view(given).substr(http.size()));
}

// As long for a token that is nearly right as for any other of its length.
bool same(std::string_view secret, std::string_view given) {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const unsigned expected = secret.empty() ? 0U : static_cast<unsigned char>(secret[i % secret.size()]);
    difference |= expected ^ static_cast<unsigned char>(given[i]);
  }
  return difference == 0;
}

bool has_token(std::string_view secret, const HttpRequest& request) {
  constexpr std::string_view scheme = "bearer ";
  const std::string_view field = request.fields.get("authorization");
  if (request.fields.count("authorization") != 1 || field.size() < scheme.size()) return false;
  if (lower(field.substr(0, scheme.size())) != scheme) return false;
  const std::size_t at = field.find_first_not_of(' ', scheme.size());
  return at != std::string_view::npos && same(secret, field.substr(at));
}

}  // namespace

std::optional<HttpAnswer> refused(const Access& access, const HttpRequest& request) {
  const proto::HttpFields& fields = request.fields;
  for (const std::string_view name :
       {"mcp-session-id", "mcp-protocol-version", "last-event-id", "content-type"}) {
    if (fields.count(name) > 1)
      return proto::problem(
          400, std::string(name) + " stands there more than once, and nobody can say which counts");
  }
  if (!access.hosts.empty() && (fields.count("host") != 1 || !is_ours(access, fields.get("host")))) {
    return proto::problem(403, "Host \"" + std::string(fields.get("host")) +
                                   "\" is none that Hearth listens as; use http://" + access.hosts.front());
  }
  for (const auto& [name, value] : fields.all) {
    if (name != "origin" || may_come_from(access, value)) continue;
    return proto::problem(403, "Origin \"" + value +
                                   "\" may not talk to Hearth; pages of other origins are let in only if the "
                                   "configuration lists them");
  }
  // A client that is sent away here without the right token would look for somebody to log in at.
  if (request.path.starts_with("/.well-known/"))
    return proto::problem(404, "there is nothing to log in to; the token is all that this port wants");
  if (access.token && !has_token(*access.token, request)) {
    HttpAnswer answer =
        proto::problem(401, "this port wants the token: send \"Authorization: Bearer …\" with it");
    answer.fields.add("www-authenticate", "Bearer");
    return answer;
  }
  return std::nullopt;
}

}  // namespace transport
