#include "transport/outbound/endpoint_url.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace transport {
namespace {

struct Parts {
  std::string_view scheme;     // "http"
  std::string_view authority;  // "user@host:80"
  std::string_view rest;       // From the path on.
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

bool has_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon < text.find_first_of("/?#");
}

// What follows "//".
Parts parts_behind(std::string_view scheme, std::string_view text) {
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  return {scheme, text.substr(0, end), text.substr(end)};
}

std::optional<Parts> parts_of(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  return parts_behind(url.substr(0, colon), url.substr(colon + 3));
}

// With its '@'.
std::string_view user_of(std::string_view authority) {
  return authority.substr(0, authority.rfind('@') + 1);
}

std::string origin_of(const Parts& parts) {
  const std::string scheme = lowered(parts.scheme);
  std::string_view host = parts.authority.substr(user_of(parts.authority).size());
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.remove_suffix(usual.size());
  return scheme + "://" + lowered(host);
}

// "h" of "user@h:8", "[::1]" of "[::1]:8".
std::string host_of(const Parts& parts) {
  const std::string_view host = parts.authority.substr(user_of(parts.authority).size());
  const std::size_t behind = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  return lowered(host.substr(0, behind));
}

std::string without_dots(std::string_view path) {
  std::vector<std::string_view> segments;
  bool directory = false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    directory = segment == "." || segment == "..";
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!directory) segments.push_back(segment);
  }
  std::string result;
  for (const std::string_view segment : segments) result.append("/").append(segment);
  if (directory || result.empty()) result += '/';
  return result;
}

}  // namespace

std::optional<std::string> endpoint_url(std::string_view stream_url, std::string_view endpoint) {
  const auto base = parts_of(stream_url);
  endpoint = endpoint.substr(0, endpoint.find('#'));
  const auto unfit = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (!base || endpoint.empty() || std::ranges::any_of(endpoint, unfit)) return std::nullopt;

  if (has_scheme(endpoint) || endpoint.starts_with("//")) {
    const auto other =
        endpoint.starts_with("//") ? parts_behind(base->scheme, endpoint.substr(2)) : parts_of(endpoint);
    const bool same = other && other->authority.find('@') == std::string_view::npos &&
                      origin_of(*other) == origin_of(*base);
    if (!same) return std::nullopt;
    endpoint = other->rest;
    if (endpoint.empty()) endpoint = "/";
  }
  std::string_view path = base->rest.substr(0, base->rest.find_first_of("?#"));
  if (path.empty()) path = "/";
  const std::size_t query = std::min(endpoint.find('?'), endpoint.size());
  const std::string_view named = endpoint.substr(0, query);
  std::string whole;
  if (named.empty()) {
    whole = path;
  } else if (named.front() == '/') {
    whole = without_dots(named);
  } else {
    whole = without_dots(std::string(path.substr(0, path.rfind('/') + 1)).append(named));
  }
  std::string url(base->scheme);
  url.append("://").append(base->authority).append(whole).append(endpoint.substr(query));
  return url;
}

std::optional<std::string> redirect_url(std::string_view url, std::string_view location) {
  if (auto within = endpoint_url(url, location)) return within;
  const auto from = parts_of(url);
  const auto to = parts_of(location);
  const bool secured = from && to && lowered(from->scheme) == "http" && lowered(to->scheme) == "https" &&
                       !host_of(*from).empty() && host_of(*from) == host_of(*to);
  if (!secured) return std::nullopt;
  std::string base("https://");
  base.append(user_of(from->authority)).append(to->authority);
  return endpoint_url(base, location);
}

}  // namespace transport
