#include "proto/http_answer.h"

#include <algorithm>
#include <charconv>

#include "proto/field_words.h"

namespace proto {
namespace {

// Of a chunk, with its extensions, which nobody uses.
constexpr std::size_t size_line_max = std::size_t{16} << 10;
constexpr std::string_view version_begin = "HTTP/1.";

bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

HttpAnswerReader::Came HttpAnswerReader::broken(Fault fault) {
  phase_ = Phase::broken;
  fault_ = fault;
  return Came::broken;
}

HttpAnswerReader::Came HttpAnswerReader::next(std::string_view& bytes) {
  begun_ |= !bytes.empty();
  for (;;) {
    switch (phase_) {
      case Phase::complete:
        return Came::end;
      case Phase::broken:
        return Came::broken;
      case Phase::counted:
      case Phase::to_the_end:
      case Phase::chunk:
        return take_body(bytes);
      case Phase::status_line:
        if (!may_become_status(bytes)) return broken(Fault::no_http);
        break;
      case Phase::fields:
      case Phase::chunk_size:
      case Phase::chunk_end:
      case Phase::trailers:
        break;
    }
    std::string_view line;
    if (!take_line(bytes, line)) return phase_ == Phase::broken ? Came::broken : Came::nothing;
    const Came came = line_came(line);
    line_.clear();
    if (came != Came::nothing) return came;
  }
}

// What speaks another protocol may wait for us after its first words, so they have to be enough.
bool HttpAnswerReader::may_become_status(std::string_view bytes) const {
  for (std::size_t i = 0; i < version_begin.size(); ++i) {
    const std::size_t beyond = i - std::min(i, line_.size());
    if (i >= line_.size() && beyond >= bytes.size()) return true;
    if ((i < line_.size() ? line_[i] : bytes[beyond]) != version_begin[i]) return false;
  }
  return true;
}

// The next line without its end; of one that came in pieces, `line_` holds the whole. False: there is none
// yet, or it is too long.
bool HttpAnswerReader::take_line(std::string_view& bytes, std::string_view& line) {
  const std::size_t end = bytes.find('\n');
  const std::size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  const bool of_chunk = phase_ == Phase::chunk_size || phase_ == Phase::chunk_end;
  if (of_chunk && (line_bytes_ += count) > size_line_max) return broken(Fault::no_clear_end), false;
  if (!of_chunk && (head_bytes_ += count) > head_max) return broken(Fault::head_too_long), false;
  line = bytes.substr(0, count);
  bytes.remove_prefix(count);
  if (end == std::string_view::npos || !line_.empty()) line_ += line;
  if (end == std::string_view::npos) return false;
  if (!line_.empty()) line = line_;
  line_bytes_ = 0;
  line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  return true;
}

HttpAnswerReader::Came HttpAnswerReader::line_came(std::string_view line) {
  switch (phase_) {
    case Phase::status_line:
      return take_status(line);
    case Phase::fields:
      return take_field(line);
    case Phase::chunk_size:
      return take_chunk_size(line);
    case Phase::chunk_end:
      if (!line.empty()) return broken(Fault::no_clear_end);
      phase_ = Phase::chunk_size;
      return Came::nothing;
    case Phase::trailers:
      if (line.empty()) phase_ = Phase::complete;
      return line.empty() ? Came::end : Came::nothing;
    case Phase::counted:
    case Phase::to_the_end:
    case Phase::chunk:
    case Phase::complete:
    case Phase::broken:
      break;
  }
  return Came::nothing;
}

// "HTTP/1.1 200 OK"; the words behind the number may be missing.
HttpAnswerReader::Came HttpAnswerReader::take_status(std::string_view line) {
  constexpr std::size_t number_at = version_begin.size() + 2;
  const bool fits = line.size() >= number_at + 3 && line.starts_with(version_begin) &&
                    (line[version_begin.size()] == '0' || line[version_begin.size()] == '1') &&
                    line[number_at - 1] == ' ' &&
                    std::ranges::all_of(line.substr(number_at, 3), is_decimal) &&
                    (line.size() == number_at + 3 || line[number_at + 3] == ' ');
  if (!fits || line[number_at] == '0') return broken(Fault::no_http);
  http_1_0_ = line[version_begin.size()] == '0';
  const char* const number = line.data() + number_at;
  std::from_chars(number, number + 3, status_);
  phase_ = Phase::fields;
  return Came::nothing;
}

HttpAnswerReader::Came HttpAnswerReader::take_field(std::string_view line) {
  if (line.empty()) return head_complete();
  if (is_blank(line.front()) && !fields_.all.empty()) {
    HttpFields rest;
    rest.add({}, line);
    fields_.all.back().second += ' ' + rest.all.back().second;
    return Came::nothing;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) fields_.add(trimmed(line.substr(0, colon)), line.substr(colon + 1));
  return Came::nothing;
}

HttpAnswerReader::Came HttpAnswerReader::head_complete() {
  if (status_ == 101) return broken(Fault::no_http);  // Nothing was asked for that changes the protocol.
  if (status_ < 200) {
    phase_ = Phase::status_line;
    fields_ = {};
    return Came::nothing;
  }
  return frame_body() ? Came::head : broken(Fault::no_clear_end);
}

bool HttpAnswerReader::has_option(std::string_view name, std::string_view word) const {
  return std::ranges::any_of(fields_.all, [&](const auto& field) {
    return field.first == name &&
           !each_word(field.second, [&](std::string_view one) { return !same_word(one, word); });
  });
}

bool HttpAnswerReader::frame_body() {
  keeps_connection_ = http_1_0_ ? has_option("connection", "keep-alive") : !has_option("connection", "close");
  if (to_head_ || status_ == 204 || status_ == 304) {
    phase_ = Phase::complete;
    return true;
  }
  std::size_t codings = 0;
  bool chunked = false;
  for (const auto& [name, value] : fields_.all) {
    if (name != "transfer-encoding") continue;
    each_word(value, [&](std::string_view coding) {
      if (same_word(coding, "identity")) return true;
      ++codings;
      chunked = same_word(coding, "chunked");
      return true;
    });
  }
  if (codings == 0) return read_length();
  // Chunks are the one coding that was not to be asked for.
  if (codings > 1 || !chunked) return false;
  keeps_connection_ = keeps_connection_ && !http_1_0_ && !fields_.has("content-length");
  phase_ = Phase::chunk_size;
  return true;
}

bool HttpAnswerReader::read_length() {
  std::size_t count = 0;
  for (const auto& [name, value] : fields_.all) {
    if (name != "content-length") continue;
    std::uint64_t length = 0;
    const auto [end, trouble] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (trouble != std::errc() || end != value.data() + value.size()) return false;
    if (count++ > 0 && length != left_) return false;
    left_ = length;
  }
  if (count == 0) {
    keeps_connection_ = false;
    phase_ = Phase::to_the_end;
  } else {
    phase_ = left_ == 0 ? Phase::complete : Phase::counted;
  }
  return true;
}

// "1a;extension=value"
HttpAnswerReader::Came HttpAnswerReader::take_chunk_size(std::string_view line) {
  const std::string_view size = trimmed(line.substr(0, line.find(';')));
  const auto [end, trouble] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (trouble != std::errc() || end != size.data() + size.size()) return broken(Fault::no_clear_end);
  phase_ = left_ == 0 ? Phase::trailers : Phase::chunk;
  return Came::nothing;
}

HttpAnswerReader::Came HttpAnswerReader::take_body(std::string_view& bytes) {
  if (bytes.empty()) return Came::nothing;
  if (phase_ == Phase::to_the_end) {
    body_ = bytes;
    bytes = {};
    return Came::body;
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body_ = bytes.substr(0, count);
  bytes.remove_prefix(count);
  left_ -= count;
  if (left_ == 0) phase_ = phase_ == Phase::chunk ? Phase::chunk_end : Phase::complete;
  return Came::body;
}

HttpAnswerReader::Came HttpAnswerReader::ended() {
  if (phase_ == Phase::complete) return Came::end;
  if (phase_ == Phase::to_the_end) {
    phase_ = Phase::complete;
    return Came::end;
  }
  if (phase_ == Phase::broken) return Came::broken;
  return broken(Fault::cut_off);
}

}  // namespace proto
