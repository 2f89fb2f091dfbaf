#include "proto/lines.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/ensure.h"

namespace proto {
namespace {

constexpr std::size_t usual_size = ReadBuffer::size;
// Less room than this makes reads too small to be worth it.
constexpr std::size_t room_min = std::size_t{8} << 10;
// A larger one is left when what is held is short.
constexpr std::size_t keep_max = std::size_t{256} << 10;
// What is read at once up to this size costs less to copy than memory for the next read; and whoever keeps a
// line of it does not keep a whole read buffer.
constexpr std::size_t copied_max = std::size_t{16} << 10;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

// malloc, because large blocks grow in place or by remapping, and bytes nobody has written cost no memory.
struct ReadBuffer::Memory {
  explicit Memory(std::size_t bytes) : data(static_cast<char*>(std::malloc(bytes))), capacity(bytes) {
    if (data == nullptr) throw std::bad_alloc();
  }
  ~Memory() { std::free(data); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void grow(std::size_t bytes) {
    void* grown = std::realloc(data, bytes);
    if (grown == nullptr) throw std::bad_alloc();
    data = static_cast<char*>(grown);
    capacity = bytes;
  }

  char* data;
  std::size_t capacity;
};

ReadBuffer::ReadBuffer() = default;
ReadBuffer::~ReadBuffer() = default;

// The buffer holds [begin, end): what was read and not yet handed out. [begin, searched) has no line feed.
// There is none while nothing is held: what comes next is read into the common one.
struct LineReader::State {
  using Memory = ReadBuffer::Memory;

  std::size_t line_max = 0;
  std::unique_ptr<ReadBuffer> own = nullptr;
  ReadBuffer* common = nullptr;
  std::shared_ptr<Memory> buffer = nullptr;
  std::size_t begin = 0;
  std::size_t searched = 0;
  std::size_t end = 0;
  bool at_start = true;  // No line has been read: there may be a byte order mark.

  // While an overlong line goes by:
  bool overlong = false;
  std::size_t dropped = 0;
  bool ends_in_cr = false;
  std::optional<TopLevel> top_level;  // Absent: the line's beginning was never seen.

  bool shared() const { return buffer.use_count() > 1; }
  std::size_t held() const { return end - begin; }
  char* at(std::size_t offset) const { return buffer->data + offset; }
  std::string_view text(std::size_t from, std::size_t to) const {
    return to == from ? std::string_view() : std::string_view(at(from), to - from);
  }

  std::span<char> common_room() const;
  void take_from_common(std::size_t count);
  void make_room();
  void let_go();
  void move_to(std::size_t capacity);
  void skip_mark(std::size_t line_end);
  std::optional<Line> take(std::size_t line_end);
  void begin_overlong();
  void drop(std::size_t to);
  Line finish_overlong();
  bool too_long() const;
};

// Copies what is held into a fresh buffer; the old one lives on in the lines that share it.
void LineReader::State::move_to(std::size_t capacity) {
  auto fresh = std::make_shared<Memory>(capacity);
  if (held() > 0) std::memcpy(fresh->data, at(begin), held());
  buffer = std::move(fresh);
  searched -= begin;
  end -= begin;
  begin = 0;
}

std::span<char> LineReader::State::common_room() const {
  std::shared_ptr<Memory>& memory = common->memory_;
  if (!memory) memory = std::make_shared<Memory>(ReadBuffer::size);
  return {memory->data, memory->capacity};
}

void LineReader::State::take_from_common(std::size_t count) {
  if (count > copied_max) {
    buffer = std::move(common->memory_);
  } else {
    buffer = std::make_shared<Memory>(count);
    std::memcpy(buffer->data, common->memory_->data, count);
  }
  end = count;
}

void LineReader::State::let_go() {
  buffer.reset();
  begin = searched = end = 0;
}

void LineReader::State::make_room() {
  const bool small = held() <= usual_size / 2;
  if (small && buffer->capacity > keep_max) return move_to(usual_size);
  if (buffer->capacity - end >= room_min) return;

  const std::size_t wanted = small ? usual_size : std::max(usual_size, held() * 2);
  if (shared()) return move_to(wanted);
  if (begin > 0) {
    std::memmove(buffer->data, at(begin), held());
    searched -= begin;
    end -= begin;
    begin = 0;
  }
  if (buffer->capacity < wanted) buffer->grow(wanted);
}

void LineReader::State::skip_mark(std::size_t line_end) {
  if (text(begin, line_end).starts_with(byte_order_mark)) begin += byte_order_mark.size();
  at_start = false;
}

bool LineReader::State::too_long() const {
  // The terminator may be half there, and a byte order mark does not count.
  const std::size_t spare = 1 + (at_start ? byte_order_mark.size() : 0);
  return held() > line_max + spare;
}

void LineReader::State::begin_overlong() {
  if (overlong) return;
  overlong = true;
  top_level.emplace();
}

// Lets go of [begin, to), the next piece of an overlong line.
void LineReader::State::drop(std::size_t to) {
  const std::string_view piece = text(begin, to);
  if (piece.empty()) return;
  if (top_level) top_level->feed(piece);
  dropped += piece.size();
  ends_in_cr = piece.back() == '\r';
  begin = to;
  searched = std::max(searched, begin);
}

Line LineReader::State::finish_overlong() {
  Line line;
  line.overlong = true;
  line.length = dropped - (ends_in_cr ? 1 : 0);
  if (top_level) {
    line.id = top_level->id();
    line.has_method = top_level->has_method();
  }
  overlong = false;
  dropped = 0;
  ends_in_cr = false;
  top_level.reset();
  return line;
}

// The line that ends before the line feed at `line_end`, unless it is blank.
std::optional<Line> LineReader::State::take(std::size_t line_end) {
  if (at_start) skip_mark(line_end);
  const std::size_t next_begin = line_end + 1;
  std::string_view line = text(begin, line_end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::optional<Line> taken;
  if (overlong || line.size() > line_max) {
    begin_overlong();
    drop(line_end);
    taken = finish_overlong();
  } else if (!is_blank(line)) {
    taken.emplace();
    taken->bytes = {line, std::shared_ptr<const char>(buffer, line.data())};
    taken->length = line.size();
  }
  begin = searched = next_begin;
  return taken;
}

LineReader::LineReader(std::size_t line_max) : state_(std::make_unique<State>()) {
  state_->line_max = line_max;
  state_->own = std::make_unique<ReadBuffer>();
  state_->common = state_->own.get();
}
LineReader::LineReader(std::size_t line_max, ReadBuffer& common) : state_(std::make_unique<State>()) {
  state_->line_max = line_max;
  state_->common = &common;
}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

std::span<char> LineReader::room() {
  State& state = *state_;
  if (state.held() == 0) {
    state.let_go();
    return state.common_room();
  }
  state.make_room();
  return {state.at(state.end), state.buffer->capacity - state.end};
}

void LineReader::filled(std::size_t count) {
  State& state = *state_;
  if (count == 0) return;
  if (state.held() == 0) {
    ensure(state.common->memory_ && count <= state.common->memory_->capacity);
    return state.take_from_common(count);
  }
  ensure(count <= state.buffer->capacity - state.end);
  state.end += count;
}

std::optional<Line> LineReader::next() {
  State& state = *state_;
  while (state.searched < state.end) {
    const void* found = std::memchr(state.at(state.searched), '\n', state.end - state.searched);
    if (found == nullptr) {
      state.searched = state.end;
      break;
    }
    const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - state.buffer->data);
    if (auto line = state.take(line_end)) return line;
  }
  if (!state.overlong && state.too_long()) {
    if (state.at_start) state.skip_mark(state.end);
    state.begin_overlong();
  }
  if (state.overlong) state.drop(state.end);
  // The buffer is left to the lines that share it.
  if (state.held() == 0) state.let_go();
  return std::nullopt;
}

std::size_t LineReader::unfinished() const {
  return state_->dropped + state_->held();
}

std::string_view LineReader::unfinished_bytes() const {
  return state_->overlong ? std::string_view() : state_->text(state_->begin, state_->end);
}

void LineReader::resume(std::string_view bytes) {
  State& state = *state_;
  ensure(unfinished() == 0);
  if (bytes.empty()) return;
  state.buffer = std::make_shared<ReadBuffer::Memory>(std::max(usual_size, bytes.size() + room_min));
  std::memcpy(state.buffer->data, bytes.data(), bytes.size());
  state.begin = state.searched = 0;
  state.end = bytes.size();
}

void LineReader::resume_lost() {
  ensure(unfinished() == 0);
  state_->overlong = true;
  state_->at_start = false;
}

LineReader::Saved LineReader::saved() const {
  const State& state = *state_;
  return {.held = std::string(state.text(state.begin, state.end)),
          .at_start = state.at_start,
          .overlong = state.overlong,
          .dropped = state.dropped,
          .ends_in_cr = state.ends_in_cr,
          .top_level = state.top_level};
}

void LineReader::resume(Saved saved) {
  resume(saved.held);
  state_->at_start = saved.at_start;
  state_->overlong = saved.overlong;
  state_->dropped = saved.dropped;
  state_->ends_in_cr = saved.ends_in_cr;
  state_->top_level = std::move(saved.top_level);
}

}  // namespace proto
