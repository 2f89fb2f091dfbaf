// Cuts what a server sends into answers of HTTP/1.x, whatever the chunks it arrives in.
//
// One reader reads one answer. Bodies are given out as pieces of the bytes that came: nothing of them is kept
// or copied. What is said on the way to the answer (1xx) and trailers are passed over.
//
// A client has nothing to lose by being kind: lines may end in LF alone, lines that are no field are passed
// over, and folded values are joined. Where a body ends is another matter: an answer that leaves it open is
// damaged, and the connection of one that says it twice is not used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http.h"

namespace proto {

class HttpAnswerReader {
 public:
  // What is said on the way to the answer and the trailers count, too.
  static constexpr std::size_t head_max = std::size_t{256} << 10;

  enum class Came : std::uint8_t {
    nothing,  // All bytes are taken, and more are wanted.
    head,     // status() and fields().
    body,     // A piece of it: body().
    end,      // The answer is complete. Bytes that are left do not belong to it.
    broken,   // fault(). Nothing follows.
  };
  enum class Fault : std::uint8_t {
    none,
    no_http,        // It does not begin as HTTP/1.0 and HTTP/1.1 do.
    head_too_long,  // Beyond head_max.
    no_clear_end,   // Where its body ends is not said, or in a way that is not understood.
    cut_off,        // The connection ended before it did.
  };

  // The answer to HEAD has no body, whatever it says.
  explicit HttpAnswerReader(bool to_head) : to_head_(to_head) {}

  // Takes from the front of `bytes` up to the next thing there is to tell; to be called until it says
  // `nothing`, `end` or `broken`.
  Came next(std::string_view& bytes);
  // The other side has closed the connection: `end` or `broken`.
  Came ended();

  int status() const { return status_; }
  const HttpFields& fields() const { return fields_; }
  std::string_view body() const { return body_; }  // Until the bytes are gone that it is a piece of.
  Fault fault() const { return fault_; }
  bool begun() const { return begun_; }  // At least one byte came.
  // Of an answer that is complete: the connection may carry another request.
  bool keeps_connection() const { return keeps_connection_; }

 private:
  enum class Phase : std::uint8_t {
    status_line,
    fields,
    counted,     // Body of `left_` bytes.
    to_the_end,  // Body until the connection ends.
    chunk_size,
    chunk,      // `left_` bytes of it.
    chunk_end,  // The line end behind it.
    trailers,
    complete,
    broken,
  };

  bool take_line(std::string_view& bytes, std::string_view& line);
  Came line_came(std::string_view line);
  Came take_status(std::string_view line);
  Came take_field(std::string_view line);
  Came head_complete();
  Came take_chunk_size(std::string_view line);
  Came take_body(std::string_view& bytes);
  Came broken(Fault fault);
  bool frame_body();
  bool read_length();
  bool has_option(std::string_view name, std::string_view word) const;
  bool may_become_status(std::string_view bytes) const;

  bool to_head_;
  Phase phase_ = Phase::status_line;
  Fault fault_ = Fault::none;
  bool begun_ = false;
  bool http_1_0_ = false;
  bool keeps_connection_ = false;
  int status_ = 0;
  HttpFields fields_;
  std::string_view body_;
  std::string line_;            // The beginning of one that has not come to its end.
  std::size_t head_bytes_ = 0;  // Lines of heads and trailers.
  std::size_t line_bytes_ = 0;  // Of a chunk's head.
  std::uint64_t left_ = 0;
};

}  // namespace proto
