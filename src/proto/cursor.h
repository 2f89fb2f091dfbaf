// Goes over JSON text and checks it on the way, without building anything.
//
// A cursor stands on one byte and knows how to step over whatever begins there: a string, a whole value, the
// members of an object. What it has stepped over is well-formed (RFC 8259, UTF-8); at the first fault it
// stops for good. It neither allocates nor recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/envelope.h"

namespace proto {

enum class Utf8 : std::uint8_t {
  checked,
  trusted,  // Bytes above ASCII in strings are passed over: they were checked before, or do not matter.
};

class Cursor {
 public:
  enum class Fault : std::uint8_t { none, syntax, utf8, depth };

  struct Key {
    std::string_view text;  // As spelt, without quotes.
    bool escaped = false;   // It holds a backslash.
  };

  explicit Cursor(std::string_view text, Utf8 utf8 = Utf8::checked, std::size_t at = 0)
      : begin_(text.data()), at_(text.data() + at), end_(text.data() + text.size()), utf8_(utf8) {}

  Fault fault() const { return fault_; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  bool at_end() const { return at_ == end_; }

  // The byte it stands on; NUL at the end, which is nowhere right outside a string.
  char peek() const { return at_ == end_ ? '\0' : *at_; }

  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  // Each steps over one thing that begins here, and is false if there is none or it is ill-formed. `depth` is
  // the number of arrays and objects around it.
  bool string();
  bool value(int depth) {
    const char first = peek();
    if (first == '"') return string();
    return first == '{' || first == '[' ? nested(depth) : scalar();
  }

  // Steps over an object. For each member on_member(Key) is called with the cursor on the first byte of the
  // value, which it must step over; what it returns says whether it could.
  template <class F>
  bool members(F&& on_member) {
    ++at_;
    blanks();
    if (peek() == '}') {
      ++at_;
      return true;
    }
    for (;;) {
      Key name;
      if (!key(name) || !on_member(name)) return false;
      blanks();
      const char next = peek();
      if (next == '}') break;
      if (next != ',') return fail(Fault::syntax);
      ++at_;
      blanks();
    }
    ++at_;
    return true;
  }

  // Steps over an array. For each item on_item() is called with the cursor on its first byte, as above.
  template <class F>
  bool items(F&& on_item) {
    ++at_;
    blanks();
    if (peek() == ']') {
      ++at_;
      return true;
    }
    for (;;) {
      if (!on_item()) return false;
      blanks();
      const char next = peek();
      if (next == ']') break;
      if (next != ',') return fail(Fault::syntax);
      ++at_;
      blanks();
    }
    ++at_;
    return true;
  }

 private:
  struct Nest;

  bool fail(Fault fault) {
    if (fault_ == Fault::none) fault_ = fault;
    return false;
  }
  bool key(Key& name);
  bool escape();
  bool characters();
  bool number();
  bool scalar();
  bool nested(int depth);
  bool open(Nest& nest);
  bool close(Nest& nest);

  const char* begin_;
  const char* at_;
  const char* end_;
  Utf8 utf8_;
  Fault fault_ = Fault::none;
  bool escaped_ = false;  // The string just read held a backslash.
};

}  // namespace proto
