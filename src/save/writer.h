// Writes values as bytes that a later build can read. It does not know what they mean.
//
// A value is a natural or negative number, a text, a list of values, or a record. A record is an object with
// its members' values. The first record of each class brings the names of the members along, so that a reader
// whose class has others, or has them in another order, still finds its own (save/reader.h). save/codec.h
// says how each type becomes such a value.
//
// Layout, numbers as LEB128 unless they are said to be of a fixed size, little-endian:
//   char[8] "HRTHSAVE", u32 format, the values, u64 siphash of all that comes before it (without a key: it
//   finds damage, and is no proof of anything else)
//   value:  1 byte kind, then  natural: number | negative: number n, for -1-n | text: length, bytes
//           | list: length, values | record: number of the class, values of its members
//   A class that is new, so that its number is the count of those before it, is followed by its count of
//   members and their names (length, bytes), then come the values.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace save {

enum class Kind : std::uint8_t { natural, negative, text, list, record };

inline constexpr std::string_view magic = "HRTHSAVE";
// Goes up when a value means something else than it did under the same name.
inline constexpr std::uint32_t format = 1;

// Says of a Writer or a Reader: values come in pieces, one after the other, without head and foot. A class
// that one piece has named is known in those that follow.
struct InPieces {};

class Writer {
 public:
  Writer();
  explicit Writer(InPieces) {}

  void natural(std::uint64_t value);
  void integer(std::int64_t value);
  void text(std::string_view value);
  void list(std::size_t length);  // Its values follow.
  // The values of all its members follow. `names` names the class: it lives as long as the program.
  void record(std::span<const std::string_view> names);

  // What was written, whole. Nothing can be written any more.
  std::string finish() &&;

  // In pieces: what was written since the last one began. It is there until the next begins.
  std::string_view piece() const { return out_; }
  void begin_piece();

 private:
  void kind(Kind value) { out_ += static_cast<char>(value); }
  void number(std::uint64_t value);
  void bytes(std::string_view value);

  std::string out_;
  std::map<const std::string_view*, std::size_t> classes_;  // By their names, in order of their first record.
};

}  // namespace save
