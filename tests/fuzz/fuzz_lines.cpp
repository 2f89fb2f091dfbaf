// The line reader against a naive split of the whole stream, in chunks that the input chooses.
//
// Input: one byte for the limit, one to seed the chunks, then the stream. In it the byte 1 stands for a long
// run of letters, so that small inputs reach the ends of buffers.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ensure.h"
#include "proto/envelope.h"
#include "proto/lines.h"

using proto::Line;
using proto::LineReader;

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t stream_max = std::size_t{150} << 10;

struct Random {
  std::uint32_t state;
  std::uint32_t below(std::uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
  }
};

std::size_t limit_of(std::uint8_t byte) {
  return byte < 200 ? std::size_t{1} + byte : std::size_t{1} << (10 + byte % 11);
}

std::string stream_of(std::string_view input) {
  std::string stream;
  for (const char c : input) {
    if (c != '\x01') {
      stream += c;
    } else if (stream.size() < stream_max) {
      stream.append(3000 + stream.size() % 20000, 'x');
    }
  }
  return stream;
}

// A line as it must come out.
struct Expected {
  std::string_view text;
  bool overlong = false;
};

std::vector<Expected> split(std::string_view stream, const std::set<std::size_t>& starts,
                            std::size_t line_max) {
  std::vector<Expected> lines;
  std::size_t at = 0;
  for (std::size_t end = stream.find('\n'); end != std::string_view::npos; end = stream.find('\n', at)) {
    std::string_view line = stream.substr(at, end - at);
    if (starts.contains(at) && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool overlong = line.size() > line_max;
    if (overlong || line.find_first_not_of(" \t\r") != std::string_view::npos)
      lines.push_back({line, overlong});
  }
  return lines;
}

void check(const Line& line, const Expected& expected) {
  ensure(line.length == expected.text.size());
  ensure(line.overlong == expected.overlong);
  if (!expected.overlong) {
    ensure(line.bytes.text == expected.text);
    return;
  }
  ensure(line.bytes.text.empty());
  const auto envelope = proto::scan(expected.text);
  if (!envelope || envelope->kind == proto::Kind::batch) return;
  ensure(line.has_method == envelope->method.present());
  if (envelope->id.length <= 256) {
    ensure(line.id == (envelope->id.present() ? envelope->id.in(expected.text) : ""));
  }
}

class Run {
 public:
  Run(std::string_view stream, std::size_t line_max, Random random)
      : stream_(stream), line_max_(line_max), random_(random), reader_(line_max) {}

  void go() {
    while (at_ < stream_.size()) {
      read_chunk();
      while (auto line = reader_.next()) keep(std::move(*line));
      if (random_.below(8) == 0) let_go();
      if (random_.below(16) == 0) move_over();
    }
    let_go();
    const auto expected = split(stream_, starts_, line_max_);
    ensure(lines_.size() == expected.size());
    for (std::size_t i = 0; i < lines_.size(); ++i) check(lines_[i], expected[i]);
  }

 private:
  void read_chunk() {
    const auto room = reader_.room();
    ensure(!room.empty());
    const std::size_t wanted = 1 + random_.below(1U << random_.below(chunk_bits_));
    const std::size_t count = std::min({wanted, room.size(), stream_.size() - at_});
    std::memcpy(room.data(), stream_.data() + at_, count);
    reader_.filled(count);
    at_ += count;
  }

  // Some lines are let go of early, so that their buffer may be used again: their text is checked by a copy.
  void keep(Line line) {
    Line copy = line;
    copy.bytes = base::Bytes::copy(std::string(line.bytes.text));
    lines_.push_back(std::move(copy));
    if (random_.below(2) == 0) held_.emplace_back(std::move(line), lines_.size() - 1);
  }

  void let_go() {
    for (const auto& [line, index] : held_) ensure(line.bytes.text == lines_[index].bytes.text);
    held_.clear();
  }

  void move_over() {
    const std::string begun(reader_.unfinished_bytes());
    if (reader_.unfinished() != begun.size()) return;  // Overlong: its beginning is gone.
    LineReader fresh(line_max_);
    fresh.resume(begun);
    reader_ = std::move(fresh);
    starts_.insert(at_ - begun.size());
  }

  std::string_view stream_;
  std::size_t line_max_;
  Random random_;
  // Single bytes for short streams only: the long ones are there for the ends of buffers.
  std::uint32_t chunk_bits_ = (stream_.size() < 4096 ? 1 : 10) + random_.below(9);
  LineReader reader_;
  std::size_t at_ = 0;
  std::set<std::size_t> starts_{0};  // Where a reader began, and a byte order mark is forgiven.
  std::vector<Line> lines_;
  std::vector<std::pair<Line, std::size_t>> held_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string input(data + 2, data + size);
  const std::string stream = stream_of(input);
  Run(stream, limit_of(data[0]), Random{data[1]}).go();
  return 0;
}
