#include "proto/top_level.h"

#include "proto/spelling.h"

namespace proto {
namespace {

// "method" with each letter spelt as an escape takes 36 bytes.
constexpr std::size_t key_max = 36;

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void TopLevel::feed(std::string_view piece) {
  while (!piece.empty()) {
    const bool noted = depth_ == 1 && (state_ == State::key || keeps_value_);
    if (in_string_ && !escaped_ && !noted) {
      // Most of a long message is within strings that are of no interest.
      const std::size_t mark = piece.find_first_of("\"\\");
      if (mark == std::string_view::npos) return;
      piece.remove_prefix(mark);
    }
    if (in_string_) {
      in_string(piece.front());
    } else {
      outside(piece.front());
    }
    piece.remove_prefix(1);
  }
}

void TopLevel::in_string(char c) {
  if (!escaped_ && c == '"') {
    in_string_ = false;
    if (depth_ == 1 && state_ == State::key) return end_key();
  }
  escaped_ = !escaped_ && c == '\\';
  keep(c);
}

void TopLevel::outside(char c) {
  switch (c) {
    case '"':
      in_string_ = true;
      if (depth_ == 1 && state_ == State::key) {
        key_.clear();
        return;
      }
      break;
    case '{':
    case '[':
      if (depth_ == 0) object_ = c == '{';
      ++depth_;
      return;
    case '}':
    case ']':
      if (depth_ == 1) end_value();
      if (depth_ > 0) --depth_;
      return;
    case ':':
      if (depth_ == 1 && state_ == State::after_key) {
        state_ = State::value;
        return;
      }
      break;
    case ',':
      if (depth_ == 1) return end_value();
      break;
    default:
      if (is_white(c)) return;
      break;
  }
  keep(c);
}

// One byte of what is being read at the top level, key or id; more than the bound only shows that there is
// more.
void TopLevel::keep(char c) {
  if (depth_ != 1) return;
  if (state_ == State::key && in_string_ && key_.size() <= key_max) key_ += c;
  if (state_ == State::value && keeps_value_ && value_.size() <= id_max) value_ += c;
}

void TopLevel::end_key() {
  state_ = State::after_key;
  if (!object_ || key_.size() > key_max) return;
  if (spells(key_, "method")) has_method_ = true;
  if (!spells(key_, "id")) return;
  if (!id_.empty() || key_ != "id") lost_id_ = true;
  keeps_value_ = true;
  value_.clear();
}

void TopLevel::end_value() {
  if (keeps_value_) {
    const bool plain = !value_.empty() && (value_.front() == '"' || value_.front() == '-' ||
                                           (value_.front() >= '0' && value_.front() <= '9'));
    if (!plain || value_.size() > id_max) lost_id_ = true;
    id_ = value_;
  }
  keeps_value_ = false;
  state_ = State::key;
}

std::string TopLevel::id() const {
  return lost_id_ ? std::string() : id_;
}

}  // namespace proto
