// Reads one HTTP/1.1 answer, as the daemon writes them, from chunks of any size.
//
// What it knows: a status line, Content-Length, or a body that lasts until the connection ends. No chunked
// coding, no trailers; the daemon sends neither. 101 has no body: what comes after its head is handed out as
// rest(). Bounded: a head of more than 16 KiB or a body of more than 64 MiB is no answer of ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shim {

class AnswerReader {
 public:
  enum class State : std::uint8_t { head, body, complete, broken };

  void feed(std::string_view bytes);
  void end();  // The connection is over: a body without Content-Length is complete, anything else is broken.

  State state() const { return state_; }
  int status() const { return status_; }
  const std::string& body() const { return body_; }
  std::string_view rest() const { return rest_; }  // After 101.

 private:
  void read_head();
  bool read_fields(std::string_view fields);
  void take(std::string_view bytes);

  State state_ = State::head;
  int status_ = 0;
  std::optional<std::size_t> length_;
  std::string head_;
  std::string body_;
  std::string rest_;
};

// The sentence in a problem+json body: "detail", or "title", or, of a body that holds neither, a plain
// sentence.
std::string problem_in(std::string_view body, int status);

}  // namespace shim
