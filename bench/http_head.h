// The head of an HTTP/1.1 message, of a peer that is trusted to send a proper one.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace bench {

class HttpHead {
 public:
  // Absent as long as it is not complete.
  static std::optional<HttpHead> read(std::string_view text);

  std::string_view first_line() const { return text_.substr(0, text_.find('\r')); }
  std::string_view field(std::string_view name) const;  // In lower case; empty if it is not there.
  // 0 where none is told; absent if it is no number, or the body comes in chunks.
  std::optional<std::size_t> content_length() const;
  std::size_t size() const { return text_.size(); }  // The empty line included.

 private:
  explicit HttpHead(std::string_view text) : text_(text) {}
  std::string_view text_;
};

}  // namespace bench
