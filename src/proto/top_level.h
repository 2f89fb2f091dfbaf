// Watches a JSON object go by in pieces and remembers who it is from.
//
// For messages too long to be kept: it finds the top-level "id" and whether there is a top-level "method". It
// needs no memory but for one key and one id, and checks nothing else, so what it says of text that is not
// JSON means nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fields.h"

namespace proto {

class TopLevel {
 public:
  static constexpr std::size_t id_max =
      256;  // Longer than any id in use; a bound on what is kept of a message.

  void feed(std::string_view piece);

  std::string id() const;  // The raw "id". Empty if none was seen, or it was too long, or there were two.
  bool has_method() const { return has_method_; }

  static constexpr std::size_t fields = 11;
  friend struct base::Fields;

 private:
  enum class State : std::uint8_t { key, after_key, value };

  void in_string(char c);
  void outside(char c);
  void open();
  void close();
  void end_key();
  void end_value();
  void keep(char c);

  std::string key_;
  std::string value_;
  std::string id_;
  std::size_t depth_ = 0;
  State state_ = State::key;
  bool in_string_ = false;
  bool escaped_ = false;  // The character before was a backslash that escapes this one.
  bool object_ = false;   // The outermost value is an object.
  bool keeps_value_ = false;
  bool lost_id_ = false;
  bool has_method_ = false;
};

}  // namespace proto
