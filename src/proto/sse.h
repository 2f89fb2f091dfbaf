// Server-sent events (text/event-stream, WHATWG HTML §9.2), read and written.
//
// Reading forgives what the standard forgives: CR, LF or CRLF line ends also across chunks, a byte order
// mark, unknown fields, comments. An event larger than `event_max` is skipped and counted; the stream goes
// on, and if the event had an id, that still comes, without data, so that the stream can be resumed behind
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace proto {

struct SseEvent {
  std::string type;  // "event:"; empty stands for "message".
  std::string data;  // Lines joined by \n; empty for an event that only carries an id.
  std::optional<std::string> id = std::nullopt;  // Only if this event set it.
  std::optional<std::int64_t> retry_ms = std::nullopt;
};

class SseReader {
 public:
  explicit SseReader(std::size_t event_max);
  ~SseReader();
  SseReader(const SseReader& other);
  SseReader(SseReader&&) noexcept;
  SseReader& operator=(SseReader&&) noexcept;

  void feed(std::string_view bytes);
  // The next complete event. One that the stream's end cuts off never comes. Events with an id or a retry but
  // no data are reported too, with empty data.
  std::optional<SseEvent> next();
  std::uint64_t skipped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The whole text of one event, with its empty line. `data` may hold line feeds.
std::string sse_text(const SseEvent& event);
// ": " and the text; keeps a silent stream alive.
std::string sse_comment(std::string_view text);

}  // namespace proto
