// The members of one object of a recording, read without looking at each for a mistake: the first is
// remembered, and what could not be read is its type's default until somebody asks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/slot_map.h"
#include "base/time.h"
#include "proto/json.h"
#include "record/pieces.h"

namespace record {

using proto::json::Type;
using proto::json::Value;

class Fields {
 public:
  Fields(const Value& object, std::string& trouble) : object_(object), trouble_(trouble) {
    if (object.type != Type::object) wrong("an object is missing");
  }

  std::string& trouble() { return trouble_; }
  bool has(std::string_view key) const { return object_.find(key) != nullptr; }

  const Value& value(std::string_view key) {
    static const Value none;
    const Value* found = object_.find(key);
    if (found == nullptr) wrong('"' + std::string(key) + "\" is missing");
    return found != nullptr ? *found : none;
  }
  Fields object(std::string_view key) { return {value(key), trouble_}; }

  std::string text(std::string_view key) { return text_in(value(key), key); }
  std::string text_in(const Value& value, std::string_view what) {
    std::optional<std::string> text = read_text(value);
    if (!text) wrong('"' + std::string(what) + "\" is no text");
    return text.value_or(std::string());
  }

  bool boolean(std::string_view key) {
    const Value& found = value(key);
    if (found.type != Type::boolean) wrong('"' + std::string(key) + "\" is neither true nor false");
    return found.boolean;
  }

  template <class Number = std::int64_t>
  Number number(std::string_view key) {
    return number_in<Number>(value(key), key);
  }
  template <class Number = std::int64_t>
  Number number_in(const Value& value, std::string_view what) {
    const std::int64_t found = value.integer().value_or(-1);
    const bool fits = value.integer() && found >= static_cast<std::int64_t>(smallest<Number>()) &&
                      (sizeof(Number) == 8 || found <= static_cast<std::int64_t>(largest<Number>()));
    if (!fits) wrong('"' + std::string(what) + "\" is no number that is possible here");
    return fits ? static_cast<Number>(found) : Number{};
  }

  base::Duration duration(std::string_view key) { return base::Duration(number(key)); }

  template <class Id>
  Id id(std::string_view key) {
    const Value& found = value(key);
    if (found.type != Type::array || found.items.size() != 2) wrong('"' + std::string(key) + "\" is no id");
    if (found.items.size() != 2) return {};
    return {number_in<std::uint32_t>(found.items[0], key), number_in<std::uint32_t>(found.items[1], key)};
  }

  // One of the words, by its place.
  template <class Enum>
  Enum word(std::string_view key, std::span<const std::string_view> words) {
    const Value& found = value(key);
    const auto at = std::ranges::find(words, found.text);
    if (found.type == Type::string && at != words.end()) return static_cast<Enum>(at - words.begin());
    wrong('"' + std::string(key) + "\" is none of the words that are possible here");
    return Enum{};
  }

  // f(Value) for each.
  template <class F>
  void items(std::string_view key, F&& f) {
    const Value& found = value(key);
    if (found.type != Type::array) wrong('"' + std::string(key) + "\" is no array");
    for (const Value& item : found.items) f(item);
  }
  // f(name, Value) for each.
  template <class F>
  void members(std::string_view key, F&& f) {
    const Value& found = value(key);
    if (found.type != Type::object) wrong('"' + std::string(key) + "\" is no object");
    for (const proto::json::Member& member : found.members) f(member.key, member.value);
  }
  template <class Strings>
  Strings texts(std::string_view key) {
    Strings all;
    items(key, [&](const Value& item) { all.insert(all.end(), text_in(item, key)); });
    return all;
  }

 private:
  template <class Number>
  static constexpr Number smallest() {
    return std::numeric_limits<Number>::min();
  }
  template <class Number>
  static constexpr Number largest() {
    return std::numeric_limits<Number>::max();
  }
  void wrong(std::string what) {
    if (trouble_.empty()) trouble_ = std::move(what);
  }

  const Value& object_;
  std::string& trouble_;
};

}  // namespace record
