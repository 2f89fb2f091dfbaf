#include "proto/spelling.h"

#include <charconv>
#include <cstddef>

namespace proto {
namespace {

// The character that the escape sequence at the front of `rest` stands for, if it is ASCII, else -1. Takes it
// off.
int take_escape(std::string_view& rest) {
  if (rest.size() < 2) return -1;
  const char kind = rest[1];
  if (kind == 'u') {
    if (rest.size() < 6) return -1;
    int code = -1;
    const char* end = rest.data() + 6;
    if (std::from_chars(rest.data() + 2, end, code, 16).ptr != end) return -1;
    rest.remove_prefix(6);
    return code < 0x80 ? code : -1;
  }
  rest.remove_prefix(2);
  constexpr std::string_view from = "bfnrt";
  constexpr std::string_view to = "\b\f\n\r\t";
  const std::size_t at = from.find(kind);
  return at == std::string_view::npos ? kind : to[at];
}

}  // namespace

bool spells(std::string_view raw, std::string_view plain) {
  for (const char wanted : plain) {
    if (raw.empty()) return false;
    int c = static_cast<unsigned char>(raw.front());
    if (c == '\\') {
      c = take_escape(raw);
    } else {
      raw.remove_prefix(1);
    }
    if (c != wanted) return false;
  }
  return raw.empty();
}

}  // namespace proto
