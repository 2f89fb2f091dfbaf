// Server-sent events: read in chunks that the input chooses as by a naive reader of the whole, and what is
// written reads back equal.
//
// Input: one byte to seed the chunks, one for the limit (0: none that matters), then the stream. The same
// bytes, cut at NUL, are also the parts of an event to write.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ensure.h"
#include "proto/sse.h"

using proto::SseEvent;
using proto::SseReader;

namespace {

constexpr std::size_t no_limit = std::size_t{64} << 20;

struct Random {
  std::uint32_t state;
  std::uint32_t below(std::uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
  }
};

bool same(const SseEvent& a, const SseEvent& b) {
  return a.type == b.type && a.data == b.data && a.id == b.id && a.retry_ms == b.retry_ms;
}

struct Outcome {
  std::vector<SseEvent> events;
  std::uint64_t skipped = 0;
};

template <class F>
Outcome read(std::string_view stream, std::size_t event_max, F&& chunk) {
  SseReader reader(event_max);
  Outcome outcome;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, chunk());
    reader.feed(piece);
    stream.remove_prefix(piece.size());
    while (auto event = reader.next()) outcome.events.push_back(std::move(*event));
  }
  outcome.skipped = reader.skipped();
  return outcome;
}

// CR, LF and CRLF become LF; a CR or LF that ends the stream ends its line.
std::string with_plain_ends(std::string_view stream) {
  std::string text;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] == '\n' && i > 0 && stream[i - 1] == '\r') continue;
    text += stream[i] == '\r' ? '\n' : stream[i];
  }
  return text;
}

std::vector<SseEvent> naive(std::string_view stream) {
  std::vector<SseEvent> events;
  if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
  const std::string text = with_plain_ends(stream);
  SseEvent event;
  std::string data;  // Each line with its line feed.
  std::size_t at = 0;
  for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    if (line.empty()) {
      if (!data.empty()) event.data = data.substr(0, data.size() - 1);
      if (!data.empty() || event.id || event.retry_ms) events.push_back(event);
      event = {};
      data.clear();
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (name == "data") data += value + '\n';
    if (name == "event") event.type = value;
    if (name == "id" && value.find('\0') == std::string::npos) event.id = value;
    if (name == "retry" && !value.empty() && value.find_first_not_of("0123456789") == std::string::npos) {
      std::int64_t number = 0;
      const bool fits = std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc();
      if (fits) event.retry_ms = number;
    }
  }
  return events;
}

std::string without_ends(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return text;
}

void write_and_read(std::string_view input) {
  std::vector<std::string> parts(1);
  for (const char c : input) {
    if (c == '\0') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  SseEvent event{.type = "", .data = parts[0]};
  if (parts.size() > 1) event.type = parts[1];
  if (parts.size() > 2) event.id = parts[2];
  if (parts.size() > 3) event.retry_ms = static_cast<std::int64_t>(parts[3].size());

  const std::string text =
      proto::sse_comment(input) + proto::sse_text(event) + proto::sse_comment(input) + proto::sse_text(event);
  const Outcome back = read(text, no_limit, [&] { return text.size(); });
  ensure(back.events.size() == 2);
  const SseEvent expected{.type = without_ends(event.type),
                          .data = with_plain_ends(event.data),
                          .id = event.id ? std::optional(without_ends(*event.id)) : std::nullopt,
                          .retry_ms = event.retry_ms};
  for (const SseEvent& each : back.events) ensure(same(each, expected));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string stream(data + 2, data + size);
  Random random{data[0]};
  const std::uint32_t bits = 1 + random.below(10);
  const std::size_t event_max = data[1] == 0 ? no_limit : data[1];
  const Outcome whole = read(stream, event_max, [&] { return stream.size(); });
  const Outcome pieces = read(stream, event_max, [&] { return 1 + random.below(1U << random.below(bits)); });
  ensure(whole.skipped == pieces.skipped);
  ensure(std::ranges::equal(whole.events, pieces.events, same));
  if (event_max == no_limit) {
    ensure(whole.skipped == 0);
    ensure(std::ranges::equal(whole.events, naive(stream), same));
  }
  for (const SseEvent& event : whole.events) ensure(event.data.size() <= event_max);
  write_and_read(stream);
  return 0;
}
