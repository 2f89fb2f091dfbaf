// Reads one HTTP/1.1 request of the local socket, from chunks of any size.
//
// What it takes: a request line, fields, and a body whose Content-Length is given. No chunked coding, no
// pipelining: the peers are our own programs and curl. Bounded: a head over 16 KiB or a body over 8 MiB is
// refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace app {

struct HttpRequest {
  std::string method;   // "GET"
  std::string path;     // "/status", without the query.
  std::string query;    // "name=files", still percent-encoded.
  std::string upgrade;  // The Upgrade field, or empty.
  std::string body;
};

class HttpRequestReader {
 public:
  enum class State : std::uint8_t { head, body, complete, broken };

  static constexpr std::size_t head_max = std::size_t{16} << 10;
  // A session's whole environment travels in it, which the kernel bounds at some 2 MiB, and JSON may double
  // it.
  static constexpr std::size_t body_max = std::size_t{8} << 20;

  void feed(std::string_view bytes);

  State state() const { return state_; }
  int refusal() const { return refusal_; }  // The status to answer when broken: 400, 413 or 431.
  HttpRequest& request() { return request_; }

 private:
  void read_head(std::string_view head);
  bool read_request_line(std::string_view line);
  bool read_field(std::string_view line);
  void take_body(std::string_view bytes);
  void break_off(int status);

  State state_ = State::head;
  int refusal_ = 400;
  std::string head_;
  std::size_t length_ = 0;
  HttpRequest request_;
};

// "name=a%20b&x=1" → the decoded value of `key`; absent if it is not there.
std::optional<std::string> query_value(std::string_view query, std::string_view key);

// A whole answer: status line, fields and body; the connection ends after it.
std::string http_answer(int status, std::string_view content_type, std::string_view body);
// RFC 9457.
std::string http_problem(int status, std::string_view detail);

}  // namespace app
