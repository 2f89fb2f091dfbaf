#include "io/http_output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "io/gathered.h"

namespace io {
namespace {

// A message smaller than this is copied out of the read buffer it shares when it has to wait: it would keep
// 64 KiB or more.
constexpr std::size_t worth_pinning = 4096;
// The queue's own memory that an idle connection keeps.
constexpr std::size_t idle_entries_max = 16;
// Most are shorter, and none grows beyond it in many steps.
constexpr std::size_t usual_head = 256;

// "Sun, 06 Nov 1994 08:49:37 GMT". The locale is never set, so names of days are English.
std::string http_date(std::time_t now) {
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text;
  const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::string hexadecimal(std::size_t number) {
  std::array<char, 16> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return {digits.data(), result.ptr};
}

// Whatever came into a field from outside, it must not become two.
void append_line_safe(std::string& to, std::string_view text) {
  const auto begin = static_cast<std::ptrdiff_t>(to.size());
  to += text;
  std::replace_if(
      to.begin() + begin, to.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
}

}  // namespace

void HttpOutput::queue_head(int status, const proto::HttpFields& fields, std::string_view framing) {
  std::string head;
  head.reserve(usual_head);
  head.append("HTTP/1.1 ").append(std::to_string(status)).append(" ");
  head.append(proto::reason_of(status)).append("\r\n");
  for (const auto& [name, value] : fields.all) {
    append_line_safe(head, name);
    head += ": ";
    append_line_safe(head, value);
    head += "\r\n";
  }
  if (!fields.has("date")) head.append("date: ").append(date()).append("\r\n");
  head.append(framing).append("\r\n");
  queue_text(std::move(head));
}

const std::string& HttpOutput::date() {
  const std::time_t now = std::time(nullptr);
  if (std::exchange(date_of_, now) != now) date_ = http_date(now);
  return date_;
}

void HttpOutput::queue_text(std::string text) {
  push({.before = std::move(text)});
}

void HttpOutput::queue_body(proto::Message body) {
  push({.message = std::move(body)});
}

void HttpOutput::queue_chunk(proto::Message chunk) {
  std::string size = hexadecimal(chunk.size()) + "\r\n";
  push({.before = std::move(size), .message = std::move(chunk), .after = "\r\n"});
}

void HttpOutput::push(Entry entry) {
  entry.bytes = entry.before.size() + entry.message.size() + entry.after.size();
  if (entry.bytes == 0) return;
  queued_bytes_ += entry.bytes;
  queue_.push_back(std::move(entry));
}

HttpWire::Outcome HttpOutput::write_to(HttpWire& wire) {
  while (head_ < queue_.size()) {
    Gathered pieces(written_of_first_);
    for (std::size_t i = head_; i < queue_.size() && pieces.has_room(); ++i) {
      pieces.add(queue_[i].before);
      queue_[i].message.each_piece([&](std::string_view piece) { pieces.add(piece); });
      pieces.add(queue_[i].after);
    }
    const ssize_t put = wire.send(pieces);
    if (put < 0 && errno != EAGAIN) return HttpWire::Outcome::failed;
    if (put > 0) written(static_cast<std::size_t>(put));
    if (put < 0 || static_cast<std::size_t>(put) < pieces.size()) {
      unpin();
      return HttpWire::Outcome::blocked;
    }
  }
  return wire.flush();
}

void HttpOutput::written(std::size_t count) {
  queued_bytes_ -= count;
  count += written_of_first_;
  while (head_ < queue_.size() && count >= queue_[head_].bytes) {
    count -= queue_[head_].bytes;
    queue_[head_++] = {};
  }
  written_of_first_ = count;
  if (head_ == queue_.size()) {
    clear();
  } else if (head_ >= 64 && head_ * 2 > queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
    unpinned_ -= std::min(unpinned_, head_);
    head_ = 0;
  }
}

// What stays queued for a while should not keep whole read buffers alive.
void HttpOutput::unpin() {
  for (std::size_t i = std::max(unpinned_, head_); i < queue_.size(); ++i) {
    proto::Message& message = queue_[i].message;
    if (message.bytes().owner != nullptr && message.size() < worth_pinning) {
      message = proto::Message(message.text());
    }
  }
  unpinned_ = queue_.size();
}

std::string HttpOutput::queued() const {
  std::string all;
  all.reserve(queued_bytes_ + written_of_first_);
  for (std::size_t i = head_; i < queue_.size(); ++i) {
    all += queue_[i].before;
    queue_[i].message.each_piece([&](std::string_view piece) { all += piece; });
    all += queue_[i].after;
  }
  return all.erase(0, written_of_first_);
}

void HttpOutput::clear() {
  queue_.clear();
  if (queue_.capacity() > idle_entries_max) queue_.shrink_to_fit();
  head_ = unpinned_ = written_of_first_ = queued_bytes_ = 0;
}

}  // namespace io
