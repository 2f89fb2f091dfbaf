// The lines that the daemon writes on an attached connection: something to say, the end, or a rest until the
// client has its next request.
//
// A line that is neither is of a later daemon and is passed over. An over-long one is passed over as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shim {

struct Notice {
  enum class Kind : std::uint8_t { say, end, rest };
  Kind kind = Kind::say;
  std::string text;
};

std::optional<Notice> notice_in(std::string_view line);

class NoticeReader {
 public:
  static constexpr std::size_t line_max = std::size_t{64} << 10;  // A sentence is shorter by far.

  void feed(std::string_view bytes);
  std::optional<Notice> next();

 private:
  std::string pending_;
  bool skipping_ = false;
};

}  // namespace shim
