// What an HTTP connection has to say, until the other side has taken it.
//
// Heads, bodies and chunks in order; bodies are written from where they are. Knows nothing of exchanges: that
// what is queued makes sense together is the caller's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_wire.h"
#include "proto/http.h"
#include "proto/message.h"

namespace io {

class HttpOutput {
 public:
  // "HTTP/1.1 200 OK", the fields, Date and whatever lines are in `framing` (each with its CRLF).
  void queue_head(int status, const proto::HttpFields& fields, std::string_view framing);
  void queue_text(std::string text);
  void queue_body(proto::Message body);
  void queue_chunk(proto::Message chunk);  // Not an empty one: that would end the body.

  // As much as the other side takes now.
  HttpWire::Outcome write_to(HttpWire& wire);

  std::size_t queued_bytes() const { return queued_bytes_; }
  std::string queued() const;  // All of it, as it would be written.
  void clear();

 private:
  struct Entry {
    std::string before = {};
    proto::Message message = {};
    std::string_view after = {};
    std::size_t bytes = 0;
  };

  const std::string& date();
  void push(Entry entry);
  void written(std::size_t count);
  void unpin();

  std::vector<Entry> queue_;  // From head_ on; those before are written.
  std::size_t head_ = 0;
  std::size_t unpinned_ = 0;          // Entries before this one do not hold on to anybody's read buffer.
  std::size_t written_of_first_ = 0;  // Bytes of the entry at head_ that are written.
  std::size_t queued_bytes_ = 0;
  std::int64_t date_of_ = -1;  // The second that date_ tells.
  std::string date_;
};

}  // namespace io
