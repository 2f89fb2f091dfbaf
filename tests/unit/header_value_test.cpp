#include "proto/header_value.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

// In pieces, since three of these characters in a row can be a trigraph.
std::string encoded(const std::string& base64) {
  return "=?base64?" + base64 + "?=";
}

}  // namespace

TEST_CASE("printable text stands in a field as it is") {
  for (const std::string text : {"echo", "file:///a b/c", "=?base64?",
                                 "?=", "=?BASE64?YQ==?=", "say \"hi\" ~ {1,2}", "=?base64?YQ==", "0"}) {
    CHECK(proto::header_value(text) == text);
    CHECK(proto::text_of_header(text) == text);
  }
}

TEST_CASE("what a field cannot carry, or would change, is encoded") {
  const std::pair<std::string, std::string> cases[] = {
      {"", encoded("")},
      {" a", encoded("IGE=")},
      {"a\t", encoded("YQk=")},
      {"a\tb", encoded("YQli")},
      {"a\nb", encoded("YQpi")},
      {std::string("\0", 1), encoded("AA==")},
      {"\x7F", encoded("fw==")},
      {"日本", encoded("5pel5pys")},
      {"Straße", encoded("U3RyYcOfZQ==")},
      {"\xF0\x9F\x94\xA5?>", encoded("8J+UpT8+")},
      {encoded("YQ=="), encoded("PT9iYXNlNjQ/WVE9PT89")},
      {"=?base64?=", encoded("PT9iYXNlNjQ/PQ==")},
  };
  for (const auto& [text, value] : cases) {
    CHECK(proto::header_value(text) == value);
    CHECK(proto::text_of_header(value) == text);
  }
}

TEST_CASE("an empty value is an empty text, a tab is one, and a value too short to be encoded is itself") {
  CHECK(proto::text_of_header("") == "");
  CHECK(proto::text_of_header("a\tb") == "a\tb");
  CHECK(proto::text_of_header("=?base64?=") == "=?base64?=");
}

TEST_CASE("malformed base64 and bytes beyond ASCII say nothing") {
  for (const std::string& value : std::vector<std::string>{
           encoded("YQ"), encoded("YQ="), encoded("Y==="), encoded("===="), encoded("YQ==YQ=="),
           encoded("Y Q="), encoded("YR=="), encoded("YW-_"), encoded("=YQ="), encoded("/w=="),
           encoded("7aCA"), "\xC3\x9F", "a\x01", "a\x7F", encoded("!!!!")}) {
    CAPTURE(value);
    CHECK_FALSE(proto::text_of_header(value));
  }
}

TEST_CASE("every text comes back") {
  std::uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    state = state * 6364136223846793005U + 1442695040888963407U;
    for (std::uint64_t n = (state >> 33) % 12; n > 0; --n) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto c = static_cast<unsigned>((state >> 33) % 0x100);
      if (c < 0x80) {
        text += static_cast<char>(c);
      } else {
        text += static_cast<char>(0xC2 + (c & 0x1));
        text += static_cast<char>(0x80 + (c & 0x3F));
      }
    }
    CHECK(proto::text_of_header(proto::header_value(text)) == text);
  }
}
