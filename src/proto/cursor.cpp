#include "proto/cursor.h"

#include <array>
#include <bit>
#include <cstring>

#include "proto/utf8.h"

#if defined(__SSE2__) && !defined(HEARTH_PORTABLE)
#include <emmintrin.h>
#endif

namespace proto {
namespace {

constexpr std::size_t block = 64;
constexpr std::size_t small_block = 16;

// Bit i is set when byte i ends a plain run within a string: a quote, a backslash, a control character, or
// anything above ASCII.
#if defined(__SSE2__) && !defined(HEARTH_PORTABLE)

std::uint64_t marks_of_small_block(const char* at) {
  __m128i bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  // Signed: what is above ASCII is negative, so that one comparison finds it and the control characters.
  const __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const int mask = _mm_movemask_epi8(_mm_or_si128(outside, _mm_or_si128(quote, backslash)));
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(mask));
}

#else

std::uint64_t marks_of_small_block(const char* at) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < small_block; ++i) {
    const auto c = static_cast<unsigned char>(at[i]);
    const bool marked = c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
    mask |= static_cast<std::uint64_t>(marked) << i;
  }
  return mask;
}

#endif

std::uint64_t marks_of_block(const char* at) {
  return marks_of_small_block(at) | marks_of_small_block(at + 16) << 16 |
         marks_of_small_block(at + 32) << 32 | marks_of_small_block(at + 48) << 48;
}

// The same for the last bytes of a text, fewer than a small block.
std::uint64_t marks_of_tail(const char* begin, const char* at, const char* end) {
  const auto count = static_cast<std::size_t>(end - at);
  if (static_cast<std::size_t>(end - begin) >= small_block) {
    return marks_of_small_block(end - small_block) >> (small_block - count);
  }
  std::array<char, small_block> copy;
  copy.fill(' ');
  std::memcpy(copy.data(), at, count);
  return marks_of_small_block(copy.data());
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The end of the escape sequence whose backslash is at `at`; nullptr if it is none.
const char* end_of_escape(const char* at, const char* end) {
  if (end - at < 2) return nullptr;
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return at + 2;
    case 'u':
      if (end - at < 6) return nullptr;
      return is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) && is_hex(at[5]) ? at + 6 : nullptr;
    default:
      return nullptr;
  }
}

const char* end_of_foreign(const char* at, const char* end, Utf8 utf8) {
  while (at != end && static_cast<unsigned char>(*at) >= 0x80) {
    std::size_t length = 1;
    if (utf8 == Utf8::checked) length = utf8::length_at({at, static_cast<std::size_t>(end - at)}, 0);
    if (length == 0) return nullptr;
    at += length;
  }
  return at;
}

}  // namespace

// A bit for every level that is open: set for an object.
struct Cursor::Nest {
  std::array<std::uint64_t, depth_max / 64 + 1> objects;
  int depth = 0;

  std::uint64_t& word() { return objects[static_cast<unsigned>(depth) / 64]; }
  std::uint64_t bit() const { return std::uint64_t{1} << (static_cast<unsigned>(depth) % 64); }
  bool in_object() { return (word() & bit()) != 0; }
};

// Block by block; within a block from mark to mark, without looking at the bytes between.
bool Cursor::string() {
  escaped_ = false;
  const char* at = at_ + 1;
  bool first = true;
  for (;;) {
    const auto left = static_cast<std::size_t>(end_ - at);
    if (left == 0) return fail(Fault::syntax);
    std::size_t size = left;
    std::uint64_t marks = 0;
    if (left >= block && !first) {
      size = block;
      marks = marks_of_block(at);
    } else if (left >= small_block) {
      size = small_block;
      marks = marks_of_small_block(at);
    } else {
      marks = marks_of_tail(begin_, at, end_);
    }
    first = false;

    const char* next = at + size;
    while (marks != 0) {
      const char* mark = at + std::countr_zero(marks);
      if (*mark == '"') {
        at_ = mark + 1;
        return true;
      }
      const char* after = nullptr;
      if (*mark == '\\') {
        escaped_ = true;
        after = end_of_escape(mark, end_);
        if (after == nullptr) return fail(Fault::syntax);
      } else if (static_cast<unsigned char>(*mark) >= 0x80) {
        after = end_of_foreign(mark, end_, utf8_);
        if (after == nullptr) return fail(Fault::utf8);
      } else {
        return fail(Fault::syntax);
      }
      const auto done = static_cast<std::size_t>(after - at);
      if (done >= size) {
        next = after;
        break;
      }
      marks &= ~std::uint64_t{0} << done;
    }
    at = next;
  }
}

bool Cursor::key(Key& name) {
  if (peek() != '"') return fail(Fault::syntax);
  const char* from = at_ + 1;
  if (!string()) return false;
  name = {std::string_view(from, static_cast<std::size_t>(at_ - 1 - from)), escaped_};
  blanks();
  if (peek() != ':') return fail(Fault::syntax);
  ++at_;
  blanks();
  return true;
}

bool Cursor::number() {
  const auto digits = [this] {
    const char* from = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != from;
  };
  if (peek() == '-') ++at_;
  if (peek() == '0') {
    ++at_;
  } else if (!digits()) {
    return fail(Fault::syntax);
  }
  if (peek() == '.') {
    ++at_;
    if (!digits()) return fail(Fault::syntax);
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!digits()) return fail(Fault::syntax);
  }
  return true;
}

bool Cursor::scalar() {
  const auto literal = [this](std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word))
      return fail(Fault::syntax);
    at_ += word.size();
    return true;
  };
  switch (peek()) {
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

// Stands on a bracket: goes in. Leaves the cursor on the first value inside, or behind an empty pair.
bool Cursor::open(Nest& nest) {
  if (nest.depth == depth_max) return fail(Fault::depth);
  const bool object = *at_ == '{';
  ++at_;
  blanks();
  if (peek() == (object ? '}' : ']')) {
    ++at_;
    return true;
  }
  ++nest.depth;
  nest.word() = object ? nest.word() | nest.bit() : nest.word() & ~nest.bit();
  Key ignored;
  return !object || key(ignored);
}

// Stands behind a value inside: comes out of what ends here. Leaves the cursor on the next value, or outside.
bool Cursor::close(Nest& nest) {
  blanks();
  const bool object = nest.in_object();
  const char next = peek();
  if (next == (object ? '}' : ']')) {
    ++at_;
    --nest.depth;
    return true;
  }
  if (next != ',') return fail(Fault::syntax);
  ++at_;
  blanks();
  Key ignored;
  return !object || key(ignored);
}

bool Cursor::nested(int depth) {
  Nest nest;
  nest.depth = depth;
  nest.objects.fill(0);
  for (;;) {
    const char first = peek();
    const int before = nest.depth;
    if (first == '{' || first == '[') {
      if (!open(nest)) return false;
      if (nest.depth > before) continue;
    } else if (!(first == '"' ? string() : scalar())) {
      return false;
    }
    for (int level = nest.depth; level > depth; level = nest.depth) {
      if (!close(nest)) return false;
      if (nest.depth == level) break;
    }
    if (nest.depth == depth) return true;
  }
}

}  // namespace proto
