// JSON where a tree is wanted: configuration, the control API, the parameters of initialize.
//
// Not for the path of messages, which the envelope scanner serves without building anything. Every value
// knows where it stood, so that a complaint can name line and column. Numbers keep their spelling.
//
// Two dialects: strict is RFC 8259; relaxed also takes // and /* */ comments and trailing commas, and goes on
// after a mistake: it is noted, the member it stands in is left out, and the rest of the document is still
// read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proto::json {

enum class Type : std::uint8_t { null, boolean, number, string, array, object };
std::string_view name_of(Type type);  // "a string", "an object", …, for sentences.

struct Member;

struct Value {
  Type type = Type::null;
  bool boolean = false;
  std::string text;             // string: decoded UTF-8. number: as spelt.
  std::vector<Value> items;     // array
  std::vector<Member> members;  // object, in order of appearance
  std::size_t at = 0;           // Offset of its first byte.
  std::size_t length = 0;       // Of its spelling, so that the raw text can be cut out again.

  const Value* find(
      std::string_view key) const;  // The last member of that name; nullptr if none or no object.
  std::string_view string_or(std::string_view key, std::string_view otherwise) const;
  std::optional<std::int64_t> integer() const;  // A number without fraction or exponent, in range.
};

struct Member {
  std::string key;
  std::size_t key_at = 0;
  Value value;
};

struct Mistake {
  std::size_t at = 0;
  std::string what;  // "expected ':' after \"command\""
};

enum class Dialect : std::uint8_t { strict, relaxed };

struct Document {
  std::optional<Value> root;      // Absent: nothing could be read.
  std::vector<Mistake> mistakes;  // Strict: at most one, and then there is no root.
};

Document parse(std::string_view text, Dialect dialect = Dialect::strict);

struct Position {
  std::size_t line = 1;    // From 1.
  std::size_t column = 1;  // From 1, in characters (UTF-8 code points).
};
Position position_of(std::string_view text, std::size_t at);

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string quoted(std::string_view text);

// The decoded form of a raw JSON string with its quotes, as the envelope scanner hands out; text that is no
// string is returned as it is.
std::string unquoted(std::string_view raw);

// Writes JSON without a tree: commas and quoting are its job, nesting is the caller's.
//
//   Writer w; w.object(); w.key("name").string("x"); w.key("pids").array(); w.number(1); w.end(); w.end();
class Writer {
 public:
  Writer& object();
  Writer& array();
  Writer& end();
  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& number(std::int64_t value);
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // Already JSON.

  const std::string& text() const { return text_; }

 private:
  void separate();
  std::string text_;
  std::string closers_;
  bool fresh_ = true;  // Nothing stands before the next element at this depth, or a key does.
};

}  // namespace proto::json
