// Finds damage in bytes that this machine wrote: a change within eight bytes always, any other nearly always.
// No secret and no proof (base/siphash.h); a few bytes in each clock, so that it may be asked for each
// message.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace base {

inline std::uint64_t stirred(std::uint64_t sum, std::uint64_t word) {
  return (std::rotl(sum, 27) ^ word) * 0x9e3779b97f4a7c15;
}

inline std::uint64_t checksum(std::uint64_t seed, std::string_view bytes) {
  std::array<std::uint64_t, 4> lanes{seed + 1, seed + 2, seed + 3, seed + 4};
  const auto word = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, size);
    return value;
  };
  std::size_t at = 0;
  for (; bytes.size() - at >= 32; at += 32) {
    for (std::size_t i = 0; i < 4; ++i) lanes[i] = stirred(lanes[i], word(at + 8 * i, 8));
  }
  for (std::size_t i = 0; bytes.size() - at >= 8; ++i, at += 8) lanes[i] = stirred(lanes[i], word(at, 8));
  if (at < bytes.size()) lanes[3] = stirred(lanes[3], word(at, bytes.size() - at));
  std::uint64_t sum = bytes.size();
  for (const std::uint64_t lane : lanes) sum = stirred(sum, lane);
  return sum ^ sum >> 32;
}

}  // namespace base
