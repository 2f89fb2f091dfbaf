// Where the head of a request ends, byte by byte, and whether it is one that every reader takes apart in the
// same way: lines end in CRLF, none begins with a blank, nothing is NUL. For HttpRequestReader, which shows
// heads to its parser only after this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/http_request.h"

namespace proto {

class HeadScan {
 public:
  enum class Found : std::uint8_t { nothing, end, fault };

  // `bytes` are those of before, and perhaps more behind them.
  Found scan(std::string_view bytes, std::size_t head_max);

  std::size_t size() const { return at_; }  // Looked at; at the end, of the head.
  const HttpRequestReader::Refusal& refusal() const { return refusal_; }  // After a fault.

 private:
  char behind(std::string_view bytes) const { return at_ > 0 ? bytes[at_ - 1] : '\0'; }
  void skip_words(std::string_view bytes);
  Found fault(HttpRequestReader::Refusal refusal);

  std::size_t at_ = 0;
  HttpRequestReader::Refusal refusal_;
};

}  // namespace proto
