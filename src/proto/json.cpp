#include "proto/json.h"

#include <charconv>
#include <cstdio>

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

std::string quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8::length_at(text, i);
    if (length == 0) {
      out += utf8::replacement;
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (length == 1 && c < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += text.substr(i, length);
    }
    i += length;
  }
  out += '"';
  return out;
}

std::string unquoted(std::string_view raw) {
  Document document = parse(raw);
  if (document.root && document.root->type == Type::string) return std::move(document.root->text);
  return std::string(raw);
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
  separate();
  text_ += json;
  return *this;
}

void Writer::separate() {
  if (!fresh_) text_ += ',';
  fresh_ = false;
}

}  // namespace proto::json
