// The reader of HTTP requests: the same in chunks that the input chooses as in one piece, and what it accepts
// has its body where a naive reader of the framing finds it.
//
// Input: one byte to seed the chunks, one for the limits, then the stream. In it the byte 1 stands for a long
// run of letters, so that small inputs reach the limits.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ensure.h"
#include "proto/http_request.h"

using proto::HttpRequest;
using proto::HttpRequestReader;

namespace {

struct Random {
  std::uint32_t state;
  std::uint32_t below(std::uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
  }
};

struct Outcome {
  std::vector<HttpRequest> requests;
  std::string flags;
  int refused = 0;
};

void keep(HttpRequestReader& reader, HttpRequest request, Outcome& outcome) {
  outcome.requests.push_back(std::move(request));
  outcome.flags += reader.keep_alive() ? 'k' : '-';
  outcome.flags += reader.http_1_0() ? '0' : '1';
}

// `chunk` says how long the next one is.
template <class F>
Outcome read(std::string_view stream, HttpRequestReader::Limits limits, F&& chunk) {
  HttpRequestReader reader(limits);
  Outcome outcome;
  std::size_t fed = 0;
  while (fed < stream.size()) {
    const std::string_view piece = stream.substr(fed, chunk());
    reader.feed(piece);
    fed += piece.size();
    while (auto request = reader.next()) keep(reader, std::move(*request), outcome);
    ensure(!reader.refusal() || reader.buffered() == 0);
    ensure(reader.buffered() <= fed);
    reader.wants_continue();
  }
  if (const auto refusal = reader.refusal()) outcome.refused = refusal->status;
  return outcome;
}

bool same(const HttpRequest& a, const HttpRequest& b) {
  return a.method == b.method && a.path == b.path && a.query == b.query && a.fields.all == b.fields.all &&
         a.body == b.body;
}

std::string lower(std::string_view text) {
  std::string all(text);
  for (char& c : all) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return all;
}

// Finds requests as the simplest correct reader would: a head up to its empty line, then a body by the one
// field that says how it is framed. Only for streams that were accepted.
class Naive {
 public:
  explicit Naive(std::string_view stream) : rest_(stream) {}

  void check(const HttpRequest& request) {
    while (rest_.starts_with("\r\n")) rest_.remove_prefix(2);
    const std::size_t end = rest_.find("\r\n\r\n");
    ensure(end != std::string_view::npos);
    const std::string_view head = rest_.substr(0, end + 2);
    rest_.remove_prefix(end + 4);
    const std::string target = request.path + (request.query.empty() ? "" : '?' + request.query);
    ensure(head.starts_with(request.method + ' ' + target));
    ensure(request.path.starts_with('/'));
    ensure(request.body == body_after(head));
  }

 private:
  std::string body_after(std::string_view head) {
    const std::string fields = lower(head);
    if (fields.find("\r\ntransfer-encoding:") != std::string::npos) return chunks();
    constexpr std::string_view name = "\r\ncontent-length:";
    std::size_t at = fields.find(name);
    if (at == std::string::npos) return "";
    at = fields.find_first_not_of(" \t", at + name.size());
    return take(number(std::string_view(fields).substr(at), 10));
  }

  static std::size_t number(std::string_view text, int base) {
    std::size_t value = 0;
    ensure(std::from_chars(text.data(), text.data() + text.size(), value, base).ec == std::errc());
    return value;
  }

  std::string take(std::size_t count) {
    ensure(count <= rest_.size());
    const std::string taken(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return taken;
  }

  std::string line() {
    const std::string whole = take(rest_.find("\r\n") + 2);
    return whole.substr(0, whole.size() - 2);
  }

  std::string chunks() {
    std::string body;
    for (;;) {
      const std::size_t size = number(line(), 16);
      if (size == 0) break;
      body += take(size);
      ensure(line().empty());
    }
    while (!line().empty()) {  // Trailers.
    }
    return body;
  }

  std::string_view rest_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string stream;
  for (std::size_t i = 2; i < size; ++i) {
    if (data[i] == 1) {
      stream.append(2500, 'x');
    } else {
      stream += static_cast<char>(data[i]);
    }
  }
  HttpRequestReader::Limits limits;
  if (data[1] != 0) limits = {.head_max = 40U + data[1], .body_max = std::size_t{2} * data[1]};
  Random random{data[0]};
  const std::uint32_t bits = 1 + random.below(12);

  const Outcome whole = read(stream, limits, [&] { return stream.size(); });
  const Outcome pieces = read(stream, limits, [&] { return 1 + random.below(1U << random.below(bits)); });
  ensure(whole.flags == pieces.flags);
  ensure(whole.refused == pieces.refused);
  ensure(std::ranges::equal(whole.requests, pieces.requests, same));
  Naive naive(stream);
  for (const HttpRequest& request : whole.requests) {
    ensure(request.body.size() <= limits.body_max);
    naive.check(request);
  }
  return 0;
}
