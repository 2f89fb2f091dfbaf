#include "shim/answer.h"

#include <charconv>

#include "proto/json.h"

namespace shim {

namespace {

constexpr std::size_t head_max = std::size_t{16} << 10;
constexpr std::size_t body_max = std::size_t{64} << 20;
constexpr std::string_view blank_line = "\r\n\r\n";

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number);
  return trouble == std::errc() && end == text.data() + text.size();
}

bool same_name(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(one[i]) != lower(other[i])) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

void AnswerReader::feed(std::string_view bytes) {
  if (state_ == State::body) return take(bytes);
  if (state_ == State::complete && status_ == 101) rest_ += bytes;
  if (state_ != State::head) return;
  head_ += bytes;
  read_head();
}

void AnswerReader::end() {
  if (state_ == State::complete) return;
  state_ = state_ == State::body && !length_ ? State::complete : State::broken;
}

void AnswerReader::read_head() {
  const std::size_t end = head_.find(blank_line);
  if (end == std::string::npos) {
    if (head_.size() > head_max) state_ = State::broken;
    return;
  }
  const std::string_view head = std::string_view(head_).substr(0, end + 2);
  const std::size_t first = head.find("\r\n");
  const std::string_view line = head.substr(0, first);
  const bool ours = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ' &&
                    read_number(line.substr(9, 3), status_) && read_fields(head.substr(first + 2));
  if (!ours || length_.value_or(0) > body_max) {
    state_ = State::broken;
    return;
  }
  const std::string after = head_.substr(end + blank_line.size());
  head_ = {};
  if (status_ == 101) {
    state_ = State::complete;
    rest_ = after;
    return;
  }
  state_ = State::body;
  take(after);
}

bool AnswerReader::read_fields(std::string_view fields) {
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n");
    const std::string_view field = fields.substr(0, end);
    fields.remove_prefix(end + 2);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return false;
    if (same_name(field.substr(0, colon), "Transfer-Encoding")) return false;
    if (!same_name(field.substr(0, colon), "Content-Length")) continue;
    std::size_t length = 0;
    if (!read_number(trimmed(field.substr(colon + 1)), length)) return false;
    length_ = length;
  }
  return true;
}

void AnswerReader::take(std::string_view bytes) {
  const std::size_t wanted = length_.value_or(body_max + 1) - body_.size();
  body_ += bytes.substr(0, wanted);
  if (body_.size() > body_max) {
    state_ = State::broken;
  } else if (length_ && body_.size() == *length_) {
    state_ = State::complete;
  }
}

std::string problem_in(std::string_view body, int status) {
  const proto::json::Document document = proto::json::parse(body);
  if (document.root) {
    for (const char* key : {"detail", "title"}) {
      const std::string_view said = document.root->string_or(key, "");
      if (!said.empty()) return std::string(said);
    }
  }
  return "the daemon answered with status " + std::to_string(status) + " and no explanation";
}

}  // namespace shim
