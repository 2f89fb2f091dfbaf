#include "record/pieces.h"

#include <algorithm>

#include "proto/utf8.h"

namespace record {
namespace {

namespace json = proto::json;

constexpr std::size_t filling_worth_a_number = 32;
// Of one text; more than any bound on messages that people set.
constexpr std::size_t text_max = std::size_t{1} << 30;

std::size_t good_until(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const std::size_t length = proto::utf8::length_at(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::size_t bad_until(std::string_view text, std::size_t at) {
  while (at < text.size() && proto::utf8::length_at(text, at) == 0) ++at;
  return at;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool add_hex(std::string& to, std::string_view text) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return false;
    to += static_cast<char>(high << 4 | low);
  }
  return true;
}

bool add_item(std::string& to, const json::Value& item) {
  switch (item.type) {
    case json::Type::string:
      to += item.text;
      return true;
    case json::Type::number: {
      const std::int64_t count = item.integer().value_or(-1);
      if (count < 0 || static_cast<std::size_t>(count) > text_max - std::min(text_max, to.size()))
        return false;
      to.append(static_cast<std::size_t>(count), '.');
      return true;
    }
    case json::Type::object: {
      const json::Value* bytes = item.find("hex");
      return bytes != nullptr && bytes->type == json::Type::string && add_hex(to, bytes->text);
    }
    default:
      return false;
  }
}

}  // namespace

void Pieces::put(std::string_view item) {
  if (count_++ > 0) items_ += ',';
  items_ += item;
}

void Pieces::put_current() {
  for (std::size_t at = 0; at < current_.size();) {
    const std::size_t good = good_until(current_, at);
    if (good > at) put(json::quoted(std::string_view(current_).substr(at, good - at)));
    at = bad_until(current_, good);
    if (at > good) put(R"({"hex":")" + hex(std::string_view(current_).substr(good, at - good)) + "\"}");
  }
  current_.clear();
}

void Pieces::filling(std::size_t count) {
  if (count < filling_worth_a_number) {
    current_.append(count, '.');
    return;
  }
  put_current();
  put(std::to_string(count));
}

std::string Pieces::json() {
  if (count_ == 0 && good_until(current_, 0) == current_.size()) return json::quoted(current_);
  put_current();
  return '[' + items_ + ']';
}

std::string written_text(std::string_view text) {
  Pieces pieces;
  pieces.text(text);
  return pieces.json();
}

std::optional<std::string> read_text(const json::Value& value) {
  if (value.type == json::Type::string) return value.text;
  if (value.type != json::Type::array) return std::nullopt;
  std::string text;
  for (const json::Value& item : value.items) {
    if (!add_item(text, item)) return std::nullopt;
  }
  return text;
}

}  // namespace record
