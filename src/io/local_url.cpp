#include "io/local_url.h"

#include <algorithm>
#include <charconv>

#include "io/tcp_socket.h"

namespace io {
namespace {

constexpr std::string_view scheme = "http://";
constexpr std::string_view v6 = "[::1]";
constexpr std::string_view both = "localhost";

bool is_local_name(std::string_view name) {
  return name == v6 || name == both || (name.starts_with("127.") && is_loopback(std::string(name)));
}

// ":3000", or nothing for 80.
std::optional<std::uint16_t> port_in(std::string_view text) {
  if (text.empty()) return std::uint16_t{80};
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const bool fits = std::from_chars(text.data() + 1, end, port).ptr == end;
  return text.front() == ':' && text.size() > 1 && fits && port != 0 ? std::optional(port) : std::nullopt;
}

bool goes_as_it_is(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return path.starts_with('/') && !path.contains("/.") && !target.contains('#') && !target.contains('\\') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::vector<std::string> LocalUrl::addresses() const {
  if (name == both) return {"::1", "127.0.0.1"};
  return {name == v6 ? "::1" : name};
}

std::optional<LocalUrl> local_url(std::string_view url) {
  if (!url.starts_with(scheme)) return std::nullopt;
  url.remove_prefix(scheme.size());
  const std::size_t end = std::min(url.find_first_of("/?#\\"), url.size());
  const std::string_view host = url.substr(0, end);
  const std::string_view target = end == url.size() ? "/" : url.substr(end);
  const std::size_t name_end =
      host.starts_with('[') ? host.find(']') + 1 : std::min(host.find(':'), host.size());
  const auto port = port_in(host.substr(name_end));
  if (!port || !is_local_name(host.substr(0, name_end)) || !goes_as_it_is(target)) return std::nullopt;
  return LocalUrl{.host = std::string(host),
                  .name = std::string(host.substr(0, name_end)),
                  .port = *port,
                  .target = std::string(target)};
}

}  // namespace io
