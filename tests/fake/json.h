// JSON for the fake server: a tree over the received text, and strict about it.
//
// Deliberately not the product's reader: the fake server is the witness that what reached it was a
// well-formed message, so it must not share the product's mistakes. Values are views into the text, which has
// to outlive them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fake {

struct Json {
  struct Member;
  enum class Type : std::uint8_t { null, boolean, number, string, array, object };

  Type type = Type::null;
  std::string_view raw;  // Its spelling.
  std::vector<Json> items;
  std::vector<Member> members;

  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  std::string text() const;  // A string decoded, anything else as spelt.
  long number() const;       // 0 if it is none.
  bool truth() const { return raw == "true"; }

  std::string text_or(std::string_view key, std::string_view otherwise) const;
  long number_or(std::string_view key, long otherwise) const;
};

struct Json::Member {
  std::string name;
  Json value;
};

// Absent unless `text` is exactly one JSON value in well-formed UTF-8.
std::optional<Json> parse(std::string_view text);

bool is_utf8(std::string_view text);

// `text` (well-formed UTF-8) as a JSON string with its quotes.
std::string quoted(std::string_view text);

}  // namespace fake
