#include "proto/http.h"

#include <algorithm>
#include <array>
#include <optional>

#include "proto/field_words.h"
#include "proto/json.h"

namespace proto {
namespace {

// Fields of a message: room for them is made at once.
constexpr std::size_t usual_count = 8;

// What stands for each byte in a value and in a name: looked up, because several fields come with each call.
constexpr auto in_value = [] {
  std::array<char, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
    table[byte] = control ? ' ' : static_cast<char>(byte);
  }
  return table;
}();
constexpr auto in_name = [] {
  std::array<char, 256> table = in_value;
  for (char& c : table) c = lower(c);
  return table;
}();

std::string lowered(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(), [](char c) { return lower(c); });
  return all;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// Cuts off what stands before the first `separator` that is in no quoted string.
std::string_view next_part(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    if (quoted && rest[at] == '\\') {
      ++at;
    } else if (rest[at] == '"') {
      quoted = !quoted;
    } else if (rest[at] == separator && !quoted) {
      break;
    }
  }
  at = std::min(at, rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return trimmed(part);
}

// "q=0", with up to three zeros behind the point.
bool rules_out(std::string_view parameter) {
  if (parameter.size() < 3 || lower(parameter[0]) != 'q' || parameter[1] != '=') return false;
  const std::string_view weight = parameter.substr(2);
  return weight[0] == '0' && weight.find_first_not_of(".0", 1) == std::string_view::npos;
}

// How closely a range names the media type: 0 for not at all.
int closeness(std::string_view range, std::string_view media_type) {
  if (same_word(range, media_type)) return 3;
  if (range == "*/*" || range == "*") return 1;
  const std::string_view kind = media_type.substr(0, media_type.find('/') + 1);
  return range.ends_with("/*") && same_word(range.substr(0, range.size() - 1), kind) ? 2 : 0;
}

}  // namespace

std::string_view HttpFields::get(std::string_view name) const {
  for (const auto& [each, value] : all) {
    if (each == name) return value;
  }
  return {};
}

bool HttpFields::has(std::string_view name) const {
  return count(name) != 0;
}

std::size_t HttpFields::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const auto& field) { return field.first == name; }));
}

// Whatever comes into it from outside, it must not become two fields.
void HttpFields::add(std::string_view name, std::string_view value) {
  if (all.capacity() == 0) all.reserve(usual_count);
  auto& [new_name, new_value] = all.emplace_back(name, trimmed(value));
  for (char& c : new_name) c = in_name[static_cast<unsigned char>(c)];
  for (char& c : new_value) c = in_value[static_cast<unsigned char>(c)];
}

std::string_view reason_of(int status) {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr Reason reasons[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  const auto* const found = std::ranges::find(reasons, status, &Reason::status);
  return found != std::end(reasons) ? found->text : "Error";
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (low) {
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded.append({'%', digits[byte >> 4U], digits[byte & 0xFU]});
    }
  }
  return encoded;
}

bool query_value(std::string_view query, std::string_view key, std::string& value) {
  for (std::size_t begin = 0; begin < query.size();) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view pair = query.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decoded(pair.substr(0, equals)) != key) continue;
    // A query is written as forms are: a plus is a blank.
    std::string raw(pair.substr(std::min(equals + 1, pair.size())));
    std::ranges::replace(raw, '+', ' ');
    value = percent_decoded(raw);
    return true;
  }
  return false;
}

bool accepts(std::string_view accept, std::string_view media_type) {
  // What the SDKs write, with every request.
  constexpr std::string_view json = "application/json";
  constexpr std::string_view events = "text/event-stream";
  if (accept == "application/json, text/event-stream" && (media_type == json || media_type == events))
    return true;
  if (trimmed(accept).empty()) return true;
  int closest = 0;
  bool accepted = false;
  while (!accept.empty()) {
    std::string_view element = next_part(accept, ',');
    const int close = closeness(next_part(element, ';'), media_type);
    if (close == 0 || close < closest) continue;
    bool ruled_out = false;
    while (!element.empty()) ruled_out |= rules_out(next_part(element, ';'));
    // The range that names it most closely decides; of two alike, the kinder one.
    accepted = (close == closest && accepted) || !ruled_out;
    closest = close;
  }
  return accepted;
}

std::string media_type_of(std::string_view content_type) {
  return lowered(trimmed(content_type.substr(0, content_type.find(';'))));
}

HttpAnswer json_answer(int status, std::string body) {
  HttpAnswer answer{.status = status, .body = std::move(body)};
  answer.fields.add("content-type", "application/json");
  return answer;
}

HttpAnswer problem(int status, std::string_view detail) {
  json::Writer text;
  text.object();
  text.key("type").string("about:blank");
  text.key("title").string(reason_of(status));
  text.key("status").number(status);
  text.key("detail").string(detail);
  text.end();
  HttpAnswer answer{.status = status, .body = text.text()};
  answer.fields.add("content-type", "application/problem+json");
  return answer;
}

}  // namespace proto
