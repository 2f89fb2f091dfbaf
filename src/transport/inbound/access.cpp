#include "transport/inbound/access.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "proto/json.h"

namespace transport {
namespace {

using proto::HttpAnswer;
using proto::HttpRequest;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// In lower case and with its port: a client leaves out the one that the scheme has anyway.
std::string whole(const Access& access, std::string_view host) {
  std::string result = lower(host);
  const std::size_t colon = result.rfind(':');
  const std::size_t bracket = result.rfind(']');
  const bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  if (!has_port) result += access.scheme == "https" ? ":443" : ":80";
  return result;
}

// "192.168.1.5" or "[fe80::1]". Whatever ends in a number is an address for a browser, or nothing at all.
bool is_numeric(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']'))
    return host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// `host` is whole.
bool is_ours(const Access& access, std::string_view host) {
  if (std::ranges::find(access.hosts, host) != access.hosts.end()) return true;
  if (!access.any_address_at) return false;
  const std::size_t colon = host.rfind(':');
  return host.substr(colon + 1) == std::to_string(*access.any_address_at) &&
         is_numeric(host.substr(0, colon));
}

// Of numeric addresses only the one that the request is for: another may be another machine's.
bool may_come_from(const Access& access, std::string_view origin, std::string_view host) {
  const std::string given = lower(origin);
  const auto is_given = [&](const std::string& listed) { return lower(listed) == given; };
  if (std::ranges::any_of(access.origins, is_given)) return true;
  const std::string scheme = access.scheme + "://";
  if (access.hosts.empty() || !given.starts_with(scheme)) return false;
  const std::string from = whole(access, std::string_view(given).substr(scheme.size()));
  return std::ranges::find(access.hosts, from) != access.hosts.end() || from == whole(access, host);
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

std::string tell(const Access& access) {
  return access.token_is.empty() ? std::string() : "; " + access.token_is;
}

std::string what_is_wrong(const HttpRequest& request) {
  const std::string wanted = "\"Authorization: Bearer TOKEN\"";
  const std::string given = lower(request.fields.get("authorization"));
  if (given.empty()) return "this port wants a token: send " + wanted;
  if (!given.starts_with("bearer ")) return "the Authorization field has to say " + wanted;
  return "the token in the Authorization field is not the one of this port";
}

std::string nothing_to_log_in_to(const Access& access) {
  if (!access.token) return "there is nothing to log in to, and no token is wanted";
  return "there is nothing to log in to: send \"Authorization: Bearer TOKEN\"" + tell(access);
}

// Clients that would register themselves show their users what OAuth calls a description.
HttpAnswer no_login(const Access& access) {
  proto::json::Writer text;
  text.object();
  text.key("error").string("access_denied");
  text.key("error_description").string("hearth: " + nothing_to_log_in_to(access));
  text.end();
  return proto::json_answer(404, text.text());
}

}  // namespace

std::optional<HttpAnswer> refused_place(const Access& access, const HttpRequest& request) {
  const proto::HttpFields& fields = request.fields;
  for (const std::string_view name :
       {"mcp-session-id", "mcp-protocol-version", "last-event-id", "content-type"}) {
    if (fields.count(name) > 1)
      return proto::problem(
          400, std::string(name) + " stands there more than once, and nobody can say which counts");
  }
  const std::string_view host = fields.get("host");
  if (!access.hosts.empty() && (fields.count("host") != 1 || !is_ours(access, whole(access, host)))) {
    return proto::problem(403, "unknown host \"" + std::string(host) + "\"; use " + access.scheme + "://" +
                                   access.hosts.front() +
                                   ", or list the name in \"hosts\" of \"http\" in config.json");
  }
  for (const auto& [name, value] : fields.all) {
    if (name != "origin" || may_come_from(access, value, host)) continue;
    return proto::problem(403, "Origin \"" + value +
                                   "\" may not talk to Hearth; pages of other origins are let in only if the "
                                   "configuration lists them");
  }
  // A client that is sent away here without the right token would look for somebody to log in at.
  if (request.path.starts_with("/.well-known/")) return proto::problem(404, nothing_to_log_in_to(access));
  if (request.path == "/register" || request.path == "/authorize" || request.path == "/token")
    return no_login(access);
  return std::nullopt;
}

std::optional<HttpAnswer> refused(const Access& access, const HttpRequest& request) {
  if (auto refusal = refused_place(access, request)) return refusal;
  if (access.token && !has_token(*access.token, request)) {
    HttpAnswer answer = proto::problem(401, what_is_wrong(request) + tell(access));
    answer.fields.add("www-authenticate", "Bearer");
    return answer;
  }
  return std::nullopt;
}

}  // namespace transport
