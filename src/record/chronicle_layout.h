// How a chronicle lies in its block: what its writer and its reader have in common (record/chronicle.h).
//
// In the byte order of the machine, since no other one reads it. Words of 64 bits, unless said otherwise:
//      0  char[8]  magic
//      8  u32      format
//     16           bytes of the block
//     24           current: the beginning that counts, by its number from 1; 0: none. It is in the half
//                  `number % 2`
//   4096  two halves of equal size, each a whole number of pages:
//      0           number of the beginning
//      8           bytes of the opening, 16 of the saved broker, 24 of what is kept beside it, which follow
//      each
//                  other from 64 on, and their checksum
//     40           used: bytes of entries, behind all that; with a check of its own (guarded)
//     48           carried: how many actions have been carried out (Carried)
//     56           closed: something was told that does not stand here
//   An entry: u32 length of its values, u32 length of the text that follows them, checksum; both; up to 7
//   bytes of nothing. The values are those of save/writer.h, in pieces; but a line that is not overlong,
//   which is nearly all that there is, has a Short.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/checksum.h"
#include "broker/action.h"

namespace record::layout {

inline constexpr std::string_view magic = "HRTHCHRN";
// Goes up when something means what it did not.
inline constexpr std::uint32_t format = 1;

inline constexpr std::size_t format_at = 8;
inline constexpr std::size_t bytes_at = 16;
inline constexpr std::size_t current_at = 24;

inline constexpr std::size_t page = 4096;
inline constexpr std::size_t number_at = 0;
inline constexpr std::size_t opening_at = 8;
inline constexpr std::size_t broker_at = 16;
inline constexpr std::size_t beside_at = 24;
inline constexpr std::size_t sum_at = 32;
inline constexpr std::size_t used_at = 40;
inline constexpr std::size_t carried_at = 48;
inline constexpr std::size_t closed_at = 56;
inline constexpr std::size_t half_head = 64;

struct Entry {
  std::uint32_t values = 0;
  std::uint32_t text = 0;
  std::uint64_t sum = 0;
};
static_assert(sizeof(Entry) == 16);

// A line of a session or of a server.
struct Short {
  enum class What : std::uint64_t { session_line = 0xf0, instance_line = 0xf1 };  // No value begins so.
  What what = What::session_line;
  std::int64_t at = 0;
  std::uint32_t index = 0, generation = 0;
  std::int64_t call = 0;
};
static_assert(sizeof(Short) == 32);

constexpr std::size_t rounded(std::size_t bytes) {
  return (bytes + 7) / 8 * 8;
}
// 0: the block is too small for any.
constexpr std::size_t half_bytes(std::size_t block) {
  return block / page < 3 ? 0 : (block / page - 1) / 2 * page;
}
constexpr std::size_t half_at(std::size_t block, std::uint64_t number) {
  return page + number % 2 * half_bytes(block);
}

// After a kill another process reads the stores in the order of the program.
inline std::uint64_t load(const std::byte* word) {
  auto* at = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(word));
  return std::atomic_ref(*at).load(std::memory_order_acquire);
}
inline void store(std::byte* word, std::uint64_t value) {
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(word)).store(value, std::memory_order_release);
}

inline std::string_view text_at(const std::byte* at, std::size_t length) {
  return {reinterpret_cast<const char*>(at), length};
}

// Why the block is no chronicle that this build can read; empty: it is one.
std::string fault_of(std::span<const std::byte> block);

// A length that is believed only together with the beginning that it belongs to.
inline constexpr int length_bits = 40;
inline constexpr std::uint64_t length_max = (std::uint64_t{1} << length_bits) - 1;
inline std::uint64_t guarded(std::uint64_t length, std::uint64_t number) {
  return length | base::stirred(base::stirred(number, 1), length + 1) >> length_bits << length_bits;
}
inline std::optional<std::uint64_t> unguarded(std::uint64_t word, std::uint64_t number) {
  const std::uint64_t length = word & length_max;
  if (guarded(length, number) != word) return std::nullopt;
  return length;
}

// Of a long text only the beginning and the end: the middle of a large message costs time to look at, and no
// kill leaves it half written.
inline constexpr std::size_t summed_whole = 4096;
inline std::uint64_t sum_of_entry(std::uint64_t number, std::uint64_t at, std::string_view values,
                                  std::string_view text) {
  const std::uint64_t seed = base::stirred(base::stirred(number, at), text.size());
  const std::uint64_t sum = base::checksum(seed, values);
  if (text.size() <= summed_whole) return base::checksum(sum, text);
  return base::checksum(base::checksum(sum, text.substr(0, summed_whole / 2)),
                        text.substr(text.size() - summed_whole / 2));
}

// How far the outbox has been carried out. A line of the log is no deed: whether there is one may depend on
// how full a page is, and at worst it is written twice or not at all.
struct Carried {
  std::uint64_t trace = 0;  // Of what was done, and to whom.
  std::uint32_t deeds = 0;
  std::uint8_t logs = 0;  // Since the last deed; 255: as many or more.

  std::uint64_t word() const { return std::uint64_t{deeds} | std::uint64_t{logs} << 32 | trace >> 40 << 40; }
  Carried and_then(const broker::Action& action) const;
};

}  // namespace record::layout
