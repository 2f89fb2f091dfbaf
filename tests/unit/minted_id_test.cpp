#include "proto/minted_id.h"

#include <doctest/doctest.h>

#include <string>

using proto::minted_id;

TEST_CASE("minted id: the same integer in every spelling that servers use") {
  for (const char* raw : {"7", "7.0", "7.000000", "7e0", "7E+00", "0.7e1", "70e-1", "\"7\"", "\"7.0\"",
                          "\"\\u0037\"", "7000e-3"}) {
    CAPTURE(raw);
    CHECK(minted_id(raw) == 7);
  }
  CHECK(minted_id("1e+06") == 1'000'000);
  CHECK(minted_id("1.5e1") == 15);
  CHECK(minted_id("9223372036854775807") == INT64_MAX);
  CHECK(minted_id("9223372036854775807.0") == INT64_MAX);
  CHECK(minted_id("\"-3\"") == -3);
}

TEST_CASE("minted id: nothing that is only nearly an integer") {
  for (const char* raw : {"7.5",
                          "7.01",
                          "7e-1",
                          "\"\"",
                          "\" 7\"",
                          "\"7 \"",
                          "\"7.\"",
                          "\".7e1\"",
                          "\"0x7\"",
                          "\"7e\"",
                          "\"+7\"",
                          "null",
                          "true",
                          "\"seven\"",
                          "1e19",
                          "9223372036854775808",
                          "9223372036854775808.0",
                          "1e999999999999",
                          "7e+-0",
                          "[7]",
                          "{}",
                          "\"7\\u0000\"",
                          ""}) {
    CAPTURE(raw);
    CHECK_FALSE(minted_id(raw));
  }
  CHECK_FALSE(minted_id("7." + std::string(100, '0')));
}

TEST_CASE("minted id: two spellings are one id, two ids are two") {
  CHECK(proto::same_id("7", "\"7\""));
  CHECK(proto::same_id("\"a\"", "\"a\""));
  CHECK_FALSE(proto::same_id("\"a\"", "\"b\""));
  CHECK_FALSE(proto::same_id("7", "8"));
}
