// Cuts a stream of bytes into HTTP/1.x requests, whatever the chunks it arrives in.
//
// Boost.Beast's parser does the reading and stays in the .cpp file. Refused, with the status to answer: heads
// over `head_max` (431), bodies over `body_max` (413), what is no HTTP/1.x (400 or 505), Content-Length
// together with Transfer-Encoding, more than one Host, a request of HTTP/1.1 without Host, absolute or
// asterisk targets and any other way by which two readers could come to see different requests (400). After a
// refusal nothing more is read: the connection is to be answered and closed.
//
// Requests that follow in the same bytes wait until next() is called again (pipelining).
//
// A reader goes on in another process from what saved() has told, in the middle of a head, a body or a chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proto/http.h"

namespace proto {

class HttpRequestReader {
 public:
  struct Limits {
    std::size_t head_max = std::size_t{32} << 10;
    std::size_t body_max = std::size_t{64} << 20;
  };
  struct Refusal {
    int status = 400;
    std::string_view why;  // A sentence for people; lives for ever.
  };

  explicit HttpRequestReader(Limits limits);
  ~HttpRequestReader();
  HttpRequestReader(HttpRequestReader&&) noexcept;
  HttpRequestReader& operator=(HttpRequestReader&&) noexcept;

  void feed(std::string_view bytes);

  // The head of the next request, once it is there, before anything of its body is taken apart: next() gives
  // it out with what was changed in it. Good until then, or until the reader is fed.
  HttpRequest* head();
  // The next whole request, if there is one.
  std::optional<HttpRequest> next();
  std::optional<Refusal> refusal() const;

  // Of the request that next() gave last.
  bool keep_alive() const;
  bool http_1_0() const;

  bool begun() const;            // Some bytes of a further request are there.
  bool wants_continue();         // Its head is complete and says "Expect: 100-continue"; once per request.
  std::size_t buffered() const;  // Bytes held and not given out.

  // A request whose head has been taken apart, with as much of its body as there is.
  struct Begun;
  struct Saved;
  Saved saved() const;
  // Of a fresh reader.
  void resume(Saved saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct HttpRequestReader::Begun {
  HttpRequest request;  // With what was changed in it.
  std::optional<std::uint64_t> length;
  bool chunked = false;
  std::uint64_t chunk_left = 0;  // Of the chunk that is coming; 0: the head of one is due.
  std::size_t chunk_heads = 0;   // Bytes that those before it took.
  bool keep_alive = false;
  bool http_1_0 = false;
  bool expects_continue = false;
  bool asked_for_continue = false;
  static constexpr std::size_t fields = 9;
};

struct HttpRequestReader::Saved {
  std::string held;  // Not taken apart yet.
  std::optional<Begun> begun;
  bool refused = false;  // Nothing more is read.
  bool keep_alive = false;
  bool http_1_0 = false;
  static constexpr std::size_t fields = 5;
};

}  // namespace proto
