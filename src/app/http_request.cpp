#include "app/http_request.h"

#include <algorithm>
#include <charconv>

#include "proto/json.h"

namespace app {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) && hex_digit(text[i + 2])) {
      out += static_cast<char>(*hex_digit(text[i + 1]) * 16 + *hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

void HttpRequestReader::break_off(int status) {
  state_ = State::broken;
  refusal_ = status;
}

void HttpRequestReader::feed(std::string_view bytes) {
  if (state_ == State::body) {
    take_body(bytes);
    return;
  }
  if (state_ != State::head) return;
  head_ += bytes;
  const std::size_t end = head_.find("\r\n\r\n");
  if (std::min(end, head_.size()) > head_max) break_off(431);
  if (end == std::string::npos || state_ == State::broken) return;
  const std::string rest = head_.substr(end + 4);
  read_head(std::string_view(head_).substr(0, end));
  head_.clear();
  head_.shrink_to_fit();
  if (state_ == State::body) take_body(rest);
}

void HttpRequestReader::read_head(std::string_view head) {
  std::size_t at = head.find("\r\n");
  if (!read_request_line(head.substr(0, at))) {
    break_off(400);
    return;
  }
  while (at != std::string_view::npos) {
    at += 2;
    const std::size_t next = head.find("\r\n", at);
    if (!read_field(head.substr(at, next == std::string_view::npos ? next : next - at))) {
      if (state_ != State::broken) break_off(400);
      return;
    }
    at = next;
  }
  state_ = State::body;
}

bool HttpRequestReader::read_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || !line.substr(last + 1).starts_with("HTTP/1."))
    return false;
  request_.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!target.starts_with('/')) return false;
  const std::size_t question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
  return true;
}

bool HttpRequestReader::read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_name(name, "Transfer-Encoding")) return false;
  if (same_name(name, "Upgrade")) request_.upgrade = value;
  if (!same_name(name, "Content-Length")) return true;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length_);
  if (error != std::errc() || end != value.data() + value.size()) return false;
  if (length_ > body_max) {
    break_off(413);
    return false;
  }
  return true;
}

void HttpRequestReader::take_body(std::string_view bytes) {
  request_.body += bytes.substr(0, length_ - request_.body.size());
  if (request_.body.size() == length_) state_ = State::complete;
}

std::optional<std::string> query_value(std::string_view query, std::string_view key) {
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view pair = query.substr(at, end - at);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key) {
      return percent_decoded(equals != std::string_view::npos ? pair.substr(equals + 1) : std::string_view());
    }
    at = end + 1;
  }
  return std::nullopt;
}

std::string http_answer(int status, std::string_view content_type, std::string_view body) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason_of(status));
  text += "\r\nContent-Type: " + std::string(content_type);
  text += "\r\nContent-Length: " + std::to_string(body.size());
  text += "\r\nConnection: close\r\n\r\n";
  text += body;
  return text;
}

std::string http_problem(int status, std::string_view detail) {
  proto::json::Writer problem;
  problem.object();
  problem.key("title").string(reason_of(status));
  problem.key("status").number(status);
  problem.key("detail").string(detail);
  problem.end();
  return http_answer(status, "application/problem+json", problem.text());
}

}  // namespace app
