#include "proto/head_scan.h"

#include <algorithm>

#include "proto/field_words.h"

namespace proto {

HeadScan::Found HeadScan::scan(std::string_view bytes, std::size_t head_max) {
  const std::size_t end = std::min(bytes.size(), head_max);
  for (; at_ < end; ++at_) {
    // Nearly all of it.
    if (behind(bytes) != '\r') skip_words(bytes.substr(0, end));
    if (at_ == end) break;
    const char c = bytes[at_];
    const char before = behind(bytes);
    if ((c == '\n') != (before == '\r')) return fault({400, "A line of the request does not end in CRLF."});
    if (c == '\0') return fault({400, "The request's head holds a NUL byte."});
    if (before == '\n' && is_blank(c)) return fault({400, "A header field goes on over a second line."});
    if (c == '\n' && bytes.substr(0, at_ + 1).ends_with("\r\n\r\n")) {
      ++at_;
      return Found::end;
    }
  }
  if (end == bytes.size()) return Found::nothing;
  return fault({431, "The request's header fields are larger than is allowed here."});
}

void HeadScan::skip_words(std::string_view bytes) {
  while (at_ < bytes.size() && static_cast<unsigned char>(bytes[at_]) > ' ') ++at_;
}

HeadScan::Found HeadScan::fault(HttpRequestReader::Refusal refusal) {
  refusal_ = refusal;
  return Found::fault;
}

}  // namespace proto
