// The members of one JSON object, as positions, and the object with some of them changed.
//
// For objects that the envelope scanner has accepted: nothing is checked again and no tree is built. Values
// that are not touched are copied as bytes.
#pragma once

#include <initializer_list>
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
  std::size_t at = cursor.offset() + 1;
  for (;;) {
    while (at < array.size() && std::string_view(" \t\r\n,").contains(array[at])) ++at;
    if (at >= array.size() || array[at] == ']') return;
    const std::size_t end = end_of_value(array, at);
    f(array.substr(at, end - at));
    at = end;
  }
}

// The raw value of that member; empty if there is none.
std::string_view member(std::string_view object, std::string_view key);

// The same object with `first` in front ("\"a\":1,\"b\":2", without a comma at its end) and without the
// members of these names. What is no object counts as an empty one.
std::string with_members(std::string_view object, std::string_view first,
                         std::initializer_list<std::string_view> without = {});

}  // namespace proto
