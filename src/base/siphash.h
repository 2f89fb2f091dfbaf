// SipHash-2-4: a keyed hash of 64 bits.
//
// For naming a value to a person who must not see it: without the key, which lives as long as the daemon and
// is never shown, a short value cannot be found by trying. Not for passwords, not for signatures.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

constexpr std::uint64_t siphash(SipKey key, std::string_view text) {
  std::uint64_t a = key.low ^ 0x736f6d6570736575;
  std::uint64_t b = key.high ^ 0x646f72616e646f6d;
  std::uint64_t c = key.low ^ 0x6c7967656e657261;
  std::uint64_t d = key.high ^ 0x7465646279746573;
  const auto mix = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16) ^ c;
      a += d, d = std::rotl(d, 21) ^ a;
      c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
  };
  const auto absorb = [&](std::uint64_t word) {
    d ^= word;
    mix(2);
    a ^= word;
  };

  const std::size_t whole = text.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8) {
    // One load, where bytes that are put together one by one take twice the time of all the rest.
    std::array<char, 8> bytes{};
    std::copy_n(text.data() + at, bytes.size(), bytes.data());
    const auto word = std::bit_cast<std::uint64_t>(bytes);
    absorb(std::endian::native == std::endian::little ? word : std::byteswap(word));
  }
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (std::size_t i = 0; whole + i < text.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[whole + i])) << (8 * i);
  absorb(last);
  c ^= 0xff;
  mix(4);
  return a ^ b ^ c ^ d;
}

}  // namespace base
