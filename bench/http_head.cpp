#include "bench/http_head.h"

#include <strings.h>

#include <charconv>

namespace bench {

std::optional<HttpHead> HttpHead::read(std::string_view text) {
  constexpr std::string_view end = "\r\n\r\n";
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  return HttpHead(text.substr(0, at + end.size()));
}

std::string_view HttpHead::field(std::string_view name) const {
  for (std::size_t at = text_.find('\n') + 1; at < text_.size();) {
    const std::string_view line = text_.substr(at, text_.find('\r', at) - at);
    at += line.size() + 2;
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const std::size_t value = line.find_first_not_of(' ', name.size() + 1);
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

std::optional<std::size_t> HttpHead::content_length() const {
  if (!field("transfer-encoding").empty()) return std::nullopt;
  const std::string_view text = field("content-length");
  std::size_t length = 0;
  if (text.empty()) return length;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  return read.ec == std::errc() ? std::optional(length) : std::nullopt;
}

}  // namespace bench
