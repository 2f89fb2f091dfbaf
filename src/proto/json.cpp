#include "proto/json.h"

#include <charconv>
#include <cstdio>

#include "proto/cursor.h"
#include "proto/escapes.h"
#include "proto/utf8.h"

namespace proto::json {

std::string_view name_of(Type type) {
  switch (type) {
    case Type::null:
      return "null";
    case Type::boolean:
      return "true or false";
    case Type::number:
      return "a number";
    case Type::string:
      return "a string";
    case Type::array:
      return "an array";
    case Type::object:
      return "an object";
  }
  return "nothing";
}

const Value* Value::find(std::string_view key) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    if (member->key == key) return &member->value;
  }
  return nullptr;
}

std::string_view Value::string_or(std::string_view key, std::string_view otherwise) const {
  const Value* found = find(key);
  return found && found->type == Type::string ? std::string_view(found->text) : otherwise;
}

std::optional<std::int64_t> Value::integer() const {
  if (type != Type::number) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

Position position_of(std::string_view text, std::size_t at) {
  Position position;
  const std::size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;  // A byte order mark has no width.
  for (std::size_t i = begin; i < at && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

namespace {

// What a byte of a string becomes longer by when it is quoted, and the second character of its escape.
struct Escape {
  std::size_t more = 0;
  char name = '\0';
};

Escape escape_of(char c) {
  switch (c) {
    case '"':
    case '\\':
      return {1, c};
    case '\n':
      return {1, 'n'};
    case '\t':
      return {1, 't'};
    case '\r':
      return {1, 'r'};
    default:
      return static_cast<unsigned char>(c) < 0x20 ? Escape{5, 'u'} : Escape{};
  }
}

std::size_t quoted_size(std::string_view text) {
  std::size_t size = text.size() + 2;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8::length_at(text, i);
    size += length == 0 ? utf8::replacement.size() - 1 : escape_of(text[i]).more;
    i += length == 0 ? 1 : length;
  }
  return size;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  const std::size_t size = quoted_size(text);
  out.reserve(size);
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8::length_at(text, i);
    if (length == 0) {
      out += utf8::replacement;
      ++i;
      continue;
    }
    const Escape escape = escape_of(text[i]);
    if (escape.more == 0) {
      out.append(text, i, length);
    } else if (escape.name == 'u') {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(text[i]));
      out += code;
    } else {
      out += '\\';
      out += escape.name;
    }
    i += length;
  }
  out += '"';
  return out;
}

std::string unquoted(std::string_view raw) {
  Cursor cursor(raw);
  if (cursor.peek() != '"' || !cursor.string() || !cursor.at_end()) return std::string(raw);
  const std::string_view inside = raw.substr(1, raw.size() - 2);
  std::size_t escape = inside.find('\\');
  if (escape == std::string_view::npos) return std::string(inside);
  std::string text;
  text.reserve(inside.size());
  for (std::size_t from = 0; from < inside.size();) {
    text += inside.substr(from, escape - from);
    from = escape;
    if (from == std::string_view::npos || !take_escape(inside, from, text)) break;
    escape = inside.find('\\', from);
  }
  return text;
}

Writer& Writer::object() {
  separate();
  text_ += '{';
  closers_ += '}';
  fresh_ = true;
  return *this;
}

Writer& Writer::array() {
  separate();
  text_ += '[';
  closers_ += ']';
  fresh_ = true;
  return *this;
}

Writer& Writer::end() {
  text_ += closers_.back();
  closers_.pop_back();
  fresh_ = false;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  text_ += quoted(name);
  text_ += ':';
  fresh_ = true;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  return raw(quoted(text));
}
Writer& Writer::number(std::int64_t value) {
  return raw(std::to_string(value));
}
Writer& Writer::boolean(bool value) {
  return raw(value ? "true" : "false");
}
Writer& Writer::null() {
  return raw("null");
}

Writer& Writer::raw(std::string_view json) {
  // Without room for what closes the text, the next byte would double the memory of megabytes.
  constexpr std::size_t spare = 256;
  if (json.size() > spare) text_.reserve(text_.size() + json.size() + spare);
  separate();
  text_ += json;
  return *this;
}

void Writer::separate() {
  if (!fresh_) text_ += ',';
  fresh_ = false;
}

}  // namespace proto::json
