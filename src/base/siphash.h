// SipHash-2-4: a keyed hash of 64 bits.
//
// For naming a value to a person who must not see it: without the key, which lives as long as the daemon and
// is never shown, a short value cannot be found by trying. Not for passwords, not for signatures.
#pragma once

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

  // As a loop over eight bytes compilers make one load of it.
  const auto word_at = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
    return word;
  };
  const std::size_t whole = text.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8) absorb(word_at(at, 8));
  absorb(word_at(whole, text.size() - whole) | static_cast<std::uint64_t>(text.size()) << 56);
  c ^= 0xff;
  mix(4);
  return a ^ b ^ c ^ d;
}

}  // namespace base
