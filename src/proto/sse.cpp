#include "proto/sse.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

namespace proto {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// Of a line beyond its value: the field's name and blanks.
constexpr std::size_t line_head_max = 1024;
// What a reader keeps of its memory once a long line is gone.
constexpr std::size_t idle_line_max = std::size_t{64} << 10;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != '\0') line += c;
  }
  return line;
}

}  // namespace

struct SseReader::State {
  std::size_t event_max = 0;
  std::uint64_t skipped = 0;
  std::deque<SseEvent> ready = {};

  bool at_start = true;            // There may be a byte order mark.
  bool line_feed_belongs = false;  // The line before ended in CR; a LF that follows is a part of its end.
  std::string line = {};           // Begun and not ended. Stops growing where it is too long to matter.
  bool line_cut = false;

  SseEvent event = {};
  bool has_data = false;
  // Only its id and retry are kept: the stream can be resumed behind it.
  bool oversize = false;

  void feed(std::string_view bytes);
  void begin_line(std::string_view more);
  void end_line(std::string_view whole);
  void field(std::string_view name, std::string_view value);
  void add_data(std::string_view value);
  void give_up_event();
  void dispatch();
};

void SseReader::State::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (std::exchange(line_feed_belongs, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      begin_line(bytes);
      return;
    }
    line_feed_belongs = bytes[end] == '\r';
    if (line.empty() && !line_cut && end <= event_max) {
      end_line(bytes.substr(0, end));
    } else {
      begin_line(bytes.substr(0, end));
      end_line(line);
      line.clear();
      if (line.capacity() > idle_line_max) line.shrink_to_fit();
      line_cut = false;
    }
    bytes.remove_prefix(end + 1);
  }
}

void SseReader::State::begin_line(std::string_view more) {
  const std::size_t room = event_max + line_head_max - line.size();
  if (more.size() > room) line_cut = true;
  line += more.substr(0, room);
}

void SseReader::State::end_line(std::string_view whole) {
  if (std::exchange(at_start, false) && whole.starts_with(byte_order_mark)) {
    whole.remove_prefix(byte_order_mark.size());
  }
  if (whole.empty()) {
    dispatch();
    return;
  }
  if (whole.front() == ':') return;
  if (line_cut) {
    give_up_event();
    return;
  }
  const std::size_t colon = std::min(whole.find(':'), whole.size());
  std::string_view value = whole.substr(std::min(colon + 1, whole.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  field(whole.substr(0, colon), value);
}

void SseReader::State::field(std::string_view name, std::string_view value) {
  if (name == "data") {
    add_data(value);
  } else if (name == "event") {
    if (value.size() > event_max) return give_up_event();
    event.type = value;
  } else if (name == "id") {
    if (value.find('\0') != std::string_view::npos) return;
    if (value.size() > event_max) return give_up_event();
    event.id = value;
  } else if (name == "retry") {
    if (const auto retry = number_in(value)) event.retry_ms = retry;
  }
}

void SseReader::State::add_data(std::string_view value) {
  if (oversize) return;
  if (event.data.size() + value.size() + 1 > event_max) return give_up_event();
  if (has_data) event.data += '\n';
  has_data = true;
  event.data += value;
}

void SseReader::State::give_up_event() {
  if (std::exchange(oversize, true)) return;
  ++skipped;
  event.data.clear();
  event.data.shrink_to_fit();
}

void SseReader::State::dispatch() {
  if (oversize) event.type.clear();
  const bool worth_it = (has_data && !oversize) || event.id || event.retry_ms;
  if (worth_it) ready.push_back(std::move(event));
  event = {};
  has_data = oversize = false;
}

SseReader::SseReader(std::size_t event_max) : state_(new State{.event_max = event_max}) {}
SseReader::~SseReader() = default;
SseReader::SseReader(const SseReader& other) : state_(new State(*other.state_)) {}
SseReader::SseReader(SseReader&&) noexcept = default;
SseReader& SseReader::operator=(SseReader&&) noexcept = default;

void SseReader::feed(std::string_view bytes) {
  state_->feed(bytes);
}

std::optional<SseEvent> SseReader::next() {
  if (state_->ready.empty()) return std::nullopt;
  SseEvent event = std::move(state_->ready.front());
  state_->ready.pop_front();
  return event;
}

std::uint64_t SseReader::skipped() const {
  return state_->skipped;
}

std::string sse_text(const SseEvent& event) {
  std::string text;
  text.reserve(event.data.size() + event.type.size() + 64);
  if (!event.type.empty()) text.append("event: ").append(on_one_line(event.type)).append("\n");
  if (event.id) text.append("id: ").append(on_one_line(*event.id)).append("\n");
  if (event.retry_ms) text.append("retry: ").append(std::to_string(*event.retry_ms)).append("\n");
  std::string_view rest = event.data;
  bool more = !rest.empty() || event.id || !event.type.empty() || !event.retry_ms;
  while (more) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    text.append("data: ").append(rest.substr(0, end)).append("\n");
    more = end < rest.size();
    rest.remove_prefix(std::min(end + (rest.substr(end).starts_with("\r\n") ? 2U : 1U), rest.size()));
  }
  return text += '\n';
}

std::string sse_comment(std::string_view text) {
  return ": " + on_one_line(text) + "\n\n";
}

}  // namespace proto
