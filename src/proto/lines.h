// Cuts a stream of bytes into lines, whatever the chunks it arrives in.
//
// The stdio framing of every revision: one message per line, LF at its end. CRLF, blank lines and a byte
// order mark at the very start are forgiven and not reported. The caller reads into a ReadBuffer, which
// readers have in common: one is read into at a time, and one that holds nothing keeps no memory. What was
// read is copied out of it if it is small, else the reader takes the buffer along. Lines share what they were
// read into. A reader's own buffer grows for a long line and is given back after it.
//
// A line longer than `line_max` is not kept: it is reported once, at its end, with its length and with the
// id and method found on the way, so that only the call it belongs to fails.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "proto/top_level.h"

namespace proto {

// What is read into. It outlives the readers that have it in common.
class ReadBuffer {
 public:
  // What a pipe holds: one read empties it.
  static constexpr std::size_t size = std::size_t{64} << 10;

  ReadBuffer();
  ~ReadBuffer();
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

 private:
  friend class LineReader;
  struct Memory;
  std::shared_ptr<Memory> memory_;  // Empty when a reader has taken it along.
};

struct Line {
  base::Bytes bytes;  // Without its terminator. Empty if overlong.
  bool overlong = false;
  std::size_t length = 0;   // Of the whole line, without terminator.
  std::string id;           // Overlong only: raw top-level "id", if one was seen and is at most 256 bytes.
  bool has_method = false;  // Overlong only: a top-level "method" was seen, so it is no response.
  static constexpr std::size_t fields = 5;
};

class LineReader {
 public:
  explicit LineReader(std::size_t line_max);  // With a read buffer of its own.
  LineReader(std::size_t line_max, ReadBuffer& common);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // Room for the next read, never empty. Valid until the next call of any member, and of room() of a reader
  // with the same buffer.
  std::span<char> room();
  // `count` bytes were read into room().
  void filled(std::size_t count);

  // The next complete line, if there is one.
  std::optional<Line> next();

  // Bytes of a line that has begun and not ended. At the end of the stream they are lost: half a message is
  // none.
  std::size_t unfinished() const;

  // The begun line itself (empty when it is overlong), and the way to put it into a fresh reader: together
  // they carry a line over a change of process.
  std::string_view unfinished_bytes() const;
  void resume(std::string_view bytes);
  // The same when the bytes are gone: at its end the line is reported as overlong, without an id.
  void resume_lost();

  // All that it holds, whole lines that nobody has asked for among it, and what it knows of a line that is
  // too long; for a fresh reader of another process.
  struct Saved {
    std::string held;
    bool at_start = true;  // No line has been read.
    bool overlong = false;
    std::size_t dropped = 0;  // Bytes of the overlong line.
    bool ends_in_cr = false;
    std::optional<TopLevel> top_level;
    static constexpr std::size_t fields = 6;
  };
  Saved saved() const;
  void resume(Saved saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace proto
