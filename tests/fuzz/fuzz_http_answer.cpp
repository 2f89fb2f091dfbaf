// The reader of HTTP answers: the same in chunks that the input chooses as in one piece, and the body of an
// answer that is complete is where a naive reader of the framing finds it.
//
// Input: one byte to seed the chunks, one of flags (1: the answer is to HEAD; 2: the connection ends behind
// it), then the stream. In it the byte 1 stands for a long run of letters, so that small inputs reach the
// limits.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ensure.h"
#include "proto/http_answer.h"

using proto::HttpAnswerReader;

namespace {

using Came = HttpAnswerReader::Came;

struct Random {
  std::uint32_t state;
  std::uint32_t below(std::uint32_t bound) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % bound;
  }
};

struct Outcome {
  int heads = 0;
  int status = 0;
  proto::HttpFields fields;
  std::string body;
  std::size_t taken = 0;  // Of the stream, when it was complete.
  bool complete = false;
  bool keeps = false;
  HttpAnswerReader::Fault fault = HttpAnswerReader::Fault::none;

  bool operator==(const Outcome& other) const {
    return heads == other.heads && status == other.status && fields.all == other.fields.all &&
           body == other.body && taken == other.taken && complete == other.complete && keeps == other.keeps &&
           fault == other.fault;
  }
};

// True: nothing follows.
bool note(Outcome& outcome, const HttpAnswerReader& reader, Came came, std::size_t taken) {
  if (came == Came::head) {
    ++outcome.heads;
    outcome.status = reader.status();
    outcome.fields = reader.fields();
    ensure(outcome.status >= 200);
  }
  if (came == Came::body) {
    ensure(outcome.heads == 1 && !reader.body().empty());
    outcome.body += reader.body();
  }
  outcome.complete = came == Came::end;
  outcome.fault = reader.fault();
  if (came == Came::end) {
    outcome.taken = taken;
    outcome.keeps = reader.keeps_connection();
  }
  return came == Came::end || came == Came::broken;
}

template <class F>
Outcome read(std::string_view stream, std::uint8_t flags, F&& chunk) {
  HttpAnswerReader reader((flags & 1U) != 0);
  Outcome outcome;
  std::size_t fed = 0;
  while (fed < stream.size()) {
    std::string_view bytes = stream.substr(fed, chunk());
    fed += bytes.size();
    for (Came came = Came::head; came != Came::nothing;) {
      came = reader.next(bytes);
      if (note(outcome, reader, came, fed - bytes.size())) return outcome;
    }
    ensure(bytes.empty());
  }
  if ((flags & 2U) != 0) note(outcome, reader, reader.ended(), fed);
  return outcome;
}

std::string_view line_of(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  ensure(end != std::string_view::npos);
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string chunks_of(std::string_view& rest) {
  std::string body;
  for (;;) {
    std::string_view line = line_of(rest);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    std::size_t size = 0;
    ensure(std::from_chars(line.data(), line.data() + line.size(), size, 16).ec == std::errc());
    if (size == 0) break;
    ensure(size <= rest.size());
    body += rest.substr(0, size);
    rest.remove_prefix(size);
    ensure(line_of(rest).empty());
  }
  while (!line_of(rest).empty()) {  // Trailers.
  }
  return body;
}

// As the simplest correct reader would do it, of a stream that was accepted.
void check(std::string_view stream, const Outcome& outcome, std::uint8_t flags) {
  std::string_view rest = stream;
  std::string_view status;
  do {
    status = line_of(rest);
    ensure(status.starts_with("HTTP/1."));
    while (!line_of(rest).empty()) {
    }
  } while (status.at(9) == '1');
  std::string body;
  const bool bare = (flags & 1U) != 0 || outcome.status == 204 || outcome.status == 304;
  const std::string_view coding = outcome.fields.get("transfer-encoding");
  const bool chunked = std::ranges::any_of(outcome.fields.all, [](const auto& field) {
    return field.first == "transfer-encoding" && (field.second.contains('c') || field.second.contains('C'));
  });
  if (!bare && chunked) {
    body = chunks_of(rest);
  } else if (!bare && outcome.fields.has("content-length")) {
    const std::string length(outcome.fields.get("content-length"));
    body = rest.substr(0, std::stoull(length));
    ensure(body.size() == std::stoull(length));
    rest.remove_prefix(body.size());
  } else if (!bare) {
    body = rest;
    rest = {};
    ensure(!outcome.keeps);
  }
  ensure(body == outcome.body);
  ensure(outcome.taken == stream.size() - rest.size());
  ensure(bare || coding.empty() || !outcome.keeps || !outcome.fields.has("content-length") || !chunked);
}

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
  Random random{data[0]};
  const std::uint32_t bits = 1 + random.below(12);
  const Outcome whole = read(stream, data[1], [&] { return stream.size(); });
  const Outcome pieces = read(stream, data[1], [&] { return 1 + random.below(1U << random.below(bits)); });
  ensure(whole == pieces);
  if (whole.complete) check(stream, whole, data[1]);
  return 0;
}
