// Text as a recording writes it: JSON, whatever the bytes are, and short where nothing is said.
//
// Mostly a JSON string. Otherwise an array of what follows one another: strings, numbers that stand for as
// many full stops (the filling of a placeholder), and {"hex": "ff"} for bytes that are not UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace record {

class Pieces {
 public:
  void text(std::string_view text) { current_ += text; }
  void filling(std::size_t count);

  // The whole, as JSON. Of use once.
  std::string json();

 private:
  void put(std::string_view item);
  void put_current();

  std::string current_;  // After the last item.
  std::string items_;
  std::size_t count_ = 0;
};

std::string written_text(std::string_view text);
// Absent: this is no text as it is written here, or one that takes more room than the largest message.
std::optional<std::string> read_text(const proto::json::Value& value);

}  // namespace record
