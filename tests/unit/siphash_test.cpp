#include "base/siphash.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("siphash: the reference vectors") {
  // Key 00 01 … 0f, input 00 01 … of growing length, as in the paper and its reference implementation.
  const base::SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const struct {
    std::size_t length;
    std::uint64_t hash;
  } table[] = {
      {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a},  {3, 0x85676696d7fb7e2d},
      {7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
  };
  for (const auto& row : table) {
    CAPTURE(row.length);
    std::string input;
    for (std::size_t i = 0; i < row.length; ++i) input += static_cast<char>(i);
    CHECK(base::siphash(key, input) == row.hash);
  }
}

TEST_CASE("siphash: key and every byte count") {
  CHECK(base::siphash({1, 2}, "x") != base::siphash({1, 3}, "x"));
  CHECK(base::siphash({1, 2}, "x") != base::siphash({2, 2}, "x"));
  CHECK(base::siphash({1, 2}, std::string(9, '\0')) != base::siphash({1, 2}, std::string(10, '\0')));
  CHECK(base::siphash({1, 2}, "\xff") != base::siphash({1, 2}, "\x7f"));
}
