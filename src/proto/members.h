// The members of one JSON object, as positions, and the object with some of them changed.
//
// For objects that the envelope scanner has accepted: nothing is checked again and no tree is built. Values
// that are not touched are copied as bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "proto/cursor.h"
#include "proto/envelope.h"
#include "proto/spelling.h"

namespace proto {

// f(key, value) for each member in order; `key` as spelt, without its quotes, to be compared by spells().
// Anything that is no object has none.
template <class F>
void each_member(std::string_view object, F&& f) {
  Cursor cursor(object, Utf8::trusted);
  cursor.blanks();
  if (cursor.peek() != '{') return;
  cursor.members([&](const Cursor::Key& key) {
    const std::size_t at = cursor.offset();
    if (!cursor.value(1)) return false;
    f(key.text, object.substr(at, cursor.offset() - at));
    return true;
  });
}

// f(value) for each item of an array in order; anything else has none.
template <class F>
void each_item(std::string_view array, F&& f) {
  Cursor cursor(array, Utf8::trusted);
  cursor.blanks();
  if (cursor.peek() != '[') return;
  cursor.items([&] {
    const std::size_t at = cursor.offset();
    if (!cursor.value(1)) return false;
    f(array.substr(at, cursor.offset() - at));
    return true;
  });
}

// The raw value of that member; empty if there is none.
std::string_view member(std::string_view object, std::string_view key);

// The values of several members in one pass: a lookup costs a walk over the whole object.
template <std::size_t N>
std::array<std::string_view, N> members(std::string_view object, const std::string_view (&keys)[N]) {
  std::array<std::string_view, N> found;
  each_member(object, [&](std::string_view name, std::string_view value) {
    for (std::size_t i = 0; i < N; ++i) {
      if (spells(name, keys[i])) found[i] = value;
    }
  });
  return found;
}

// What a raw value means: the decoded text of a string, a number without fraction or exponent. Absent for any
// other kind of value. Nothing but the answer is allocated.
std::optional<std::string> string_in(std::string_view raw);
std::optional<std::int64_t> integer_in(std::string_view raw);
// The decoded text of that member, which must be a string.
std::string text_of(std::string_view object, std::string_view key, std::string_view otherwise = {});

// Whether the text is one JSON value, for text that no scanner has seen: what is accepted may be taken apart
// with the functions above.
bool well_formed(std::string_view text);

// The same object with `first` in front ("\"a\":1,\"b\":2", without a comma at its end) and without the
// members of these names. What is no object counts as an empty one.
std::string with_members(std::string_view object, std::string_view first,
                         std::initializer_list<std::string_view> without = {});

}  // namespace proto
