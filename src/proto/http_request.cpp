#include "proto/http_request.h"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "proto/field_words.h"
#include "proto/head_scan.h"

namespace proto {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// A chunk's size line, or the last one's with the trailers behind it.
constexpr std::size_t chunk_head_max = std::size_t{8} << 10;
// The least that can be left of a body where a chunk begins. With less, the parser's own assertions do not
// hold.
constexpr std::size_t shortest_body_end = std::string_view("0\r\n\r\n").size();
// What all size lines of a body may take together, beyond as much again as the body itself: a body of
// one-byte chunks is odd, one that consists of extensions is an attack.
constexpr std::size_t chunk_heads_free = std::size_t{64} << 10;
// Memory for a body is taken for this much at once, and for the whole when that much of it has come.
constexpr std::size_t believed_length = std::size_t{256} << 10;
// What a reader keeps of its buffer between requests.
constexpr std::size_t idle_buffer_max = std::size_t{16} << 10;

using Refusal = HttpRequestReader::Refusal;

// One request as Beast's parser tells it.
class Parser : public http::basic_parser<true> {
 public:
  explicit Parser(const HttpRequestReader::Limits& limits) : body_max_(limits.body_max) {
    body_limit(limits.body_max);
    // The head's own limit has been kept by then.
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.head_max, UINT32_MAX - 1) + 1));
    eager(false);
  }

  HttpRequest request;
  std::optional<Refusal> refusal;
  bool keep_alive = false;
  bool http_1_0 = false;
  bool expects_continue = false;

  bool at_chunk_head() const { return chunked() && chunk_left_ == 0; }
  HttpRequestReader::Begun saved() const;
  // Of a fresh one. False: it is larger than is allowed here.
  bool resume(HttpRequestReader::Begun saved);

 private:
  void refuse(int status, std::string_view why, beast::error_code& code) {
    if (!refusal) refusal = Refusal{status, why};
    code = http::error::bad_value;
  }

  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code& code) override {
    http_1_0 = version == 10;
    request.method = method;
    if (!target.starts_with('/')) {
      return refuse(400, "The request's target must begin with a slash.", code);
    }
    if (std::ranges::any_of(target, [](unsigned char c) { return c >= 0x7F || c == '#'; })) {
      return refuse(400, "The request's target holds characters that have to be percent-encoded.", code);
    }
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
  }

  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code&) override {
    if (!is_header_done_) request.fields.add({name.data(), name.size()}, {value.data(), value.size()});
  }

  void on_header_impl(beast::error_code& code) override {
    is_header_done_ = true;
    check_framing(code);
    if (code) return;
    const std::size_t hosts = request.fields.count("host");
    if (hosts > 1) return refuse(400, "The request has more than one Host field.", code);
    if (hosts == 0 && !http_1_0) return refuse(400, "The request has no Host field.", code);
    if (request.fields.get("host").find_first_of(" \t,/@?#\\") != std::string_view::npos) {
      return refuse(400, "The request's Host field names no host.", code);
    }
    read_connection();
  }

  // Beast takes lists of equal lengths, and a transfer coding that it does not know for none.
  void check_framing(beast::error_code& code) {
    const HttpFields& fields = request.fields;
    const std::size_t lengths = fields.count("content-length");
    const std::size_t codings = fields.count("transfer-encoding");
    if (lengths > 1 || fields.get("content-length").find_first_not_of("0123456789") != std::string::npos) {
      return refuse(400, "The request's Content-Length is no single number.", code);
    }
    if (codings == 0) return;
    if (lengths > 0) {
      return refuse(400, "The request has both Content-Length and Transfer-Encoding.", code);
    }
    if (http_1_0) return refuse(400, "A request of HTTP/1.0 cannot have a Transfer-Encoding.", code);
    if (codings > 1 || !same_word(fields.get("transfer-encoding"), "chunked")) {
      return refuse(
          400, "The request's Transfer-Encoding is not \"chunked\", the only one that is known here.", code);
    }
  }

  void read_connection() {
    bool close = false;
    bool keep = false;
    for (const auto& [name, value] : request.fields.all) {
      if (name != "connection") continue;
      each_word(value, [&](std::string_view word) {
        close |= same_word(word, "close");
        keep |= same_word(word, "keep-alive");
        return true;
      });
    }
    keep_alive = !close && (keep || !http_1_0);
    expects_continue = !http_1_0 && same_word(request.fields.get("expect"), "100-continue");
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code&) override {
    if (length) length_ = static_cast<std::size_t>(*length);
    request.body.reserve(std::min(length_, believed_length));
  }

  std::size_t on_body_impl(beast::string_view body, beast::error_code&) override {
    const std::size_t size = request.body.size() + body.size();
    if (size > request.body.capacity() && size <= length_) request.body.reserve(length_);
    request.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t size, beast::string_view extensions,
                            beast::error_code& code) override {
    chunk_left_ = size;
    const auto control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; };
    if ((!extensions.empty() && extensions.front() != ';') || std::ranges::any_of(extensions, control)) {
      refuse(400, "A chunk of the request's body does not begin with its size.", code);
    }
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code&) override {
    if (request.body.size() + body.size() > request.body.capacity()) {
      request.body.reserve(std::min(std::max(2 * request.body.capacity(), body.size()), body_max_));
    }
    request.body.append(body.data(), body.size());
    chunk_left_ -= body.size();
    return body.size();
  }

  void on_finish_impl(beast::error_code&) override {}

  bool take(std::string_view bytes);

  std::size_t body_max_;
  std::size_t length_ = 0;
  std::uint64_t chunk_left_ = 0;
  bool is_header_done_ = false;
};

// Not shorter than the end of a body, see above.
std::string chunk_head(std::uint64_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  const std::string text(digits.data(), end);
  return std::string(digits.size() - text.size(), '0') + text + "\r\n";
}

// What is counted and kept elsewhere is left out.
HttpRequestReader::Begun Parser::saved() const {
  HttpRequestReader::Begun saved{.request = request,
                                 .length = {},
                                 .chunked = chunked(),
                                 .chunk_left = chunk_left_,
                                 .keep_alive = keep_alive,
                                 .http_1_0 = http_1_0,
                                 .expects_continue = expects_continue};
  if (const auto length = content_length()) saved.length = *length;
  return saved;
}

// Beast's parser cannot be told where it is, so it is led there: by a head that frames the body in the same
// way, and by what there is of the body, as one chunk if it comes in chunks.
bool Parser::resume(HttpRequestReader::Begun saved) {
  const std::string body = std::move(saved.request.body);
  std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  if (saved.length) head += "Content-Length: " + std::to_string(*saved.length) + "\r\n";
  if (saved.chunked) head += "Transfer-Encoding: chunked\r\n";
  const std::uint64_t chunk = saved.chunked ? body.size() + saved.chunk_left : 0;
  if (!take(head + "\r\n") || (chunk > 0 && !take(chunk_head(chunk))) || !take(body)) return false;
  saved.request.body = std::move(request.body);
  request = std::move(saved.request);
  keep_alive = saved.keep_alive;
  http_1_0 = saved.http_1_0;
  expects_continue = saved.expects_continue;
  return true;
}

bool Parser::take(std::string_view bytes) {
  while (!bytes.empty()) {
    beast::error_code code;
    const std::size_t taken = put({bytes.data(), bytes.size()}, code);
    if (code || taken == 0) return false;
    bytes.remove_prefix(taken);
  }
  return true;
}

constexpr Refusal too_large{413, "The request's body is larger than is allowed here."};

Refusal refusal_of_head(const beast::error_code& code, std::string_view head) {
  if (code == http::error::body_limit) return too_large;
  if (code == http::error::header_limit) {
    return {431, "The request's header fields are larger than is allowed here."};
  }
  if (code == http::error::bad_version) {
    const std::string_view line = head.substr(0, head.find('\r'));
    const std::string_view version = line.substr(line.rfind(' ') + 1);
    const bool other = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                       version[5] >= '0' && version[5] <= '9' && version[7] >= '0' && version[7] <= '9';
    if (other && version != "HTTP/1.0" && version != "HTTP/1.1") {
      return {505, "The request is of another version of HTTP than 1.0 and 1.1."};
    }
    return {400, "The request line does not end in a version of HTTP."};
  }
  if (code == http::error::bad_method) return {400, "The request does not begin with a method."};
  if (code == http::error::bad_target) return {400, "The request's target is malformed."};
  if (code == http::error::bad_field) return {400, "The name of a header field is malformed."};
  if (code == http::error::bad_value) return {400, "The value of a header field is malformed."};
  if (code == http::error::bad_content_length || code == http::error::multiple_content_length) {
    return {400, "The request's Content-Length is no single number."};
  }
  if (code == http::error::bad_transfer_encoding)
    return {400, "The request's Transfer-Encoding is malformed."};
  return {400, "This is no request of HTTP/1.1."};
}

// Whatever is wrong with trailers is a fault of the framing: their limits depend on what has come of them.
Refusal refusal_of_body(const beast::error_code& code) {
  if (code == http::error::body_limit) return too_large;
  return {400, "The chunks of the request's body are malformed."};
}

}  // namespace

struct HttpRequestReader::State {
  explicit State(Limits of) : limits(of) {}

  Limits limits;
  std::string buffer = {};  // From at on: what came and has not been taken apart.
  std::size_t at = 0;
  HeadScan scan = {};
  std::optional<Parser> parser = {};  // From the end of a request's head to its own end.
  std::size_t chunk_heads = 0;
  std::optional<Refusal> refusal = {};
  bool complete = false;
  bool asked_for_continue = false;
  bool keep_alive = false;
  bool http_1_0 = false;

  std::string_view rest() const { return std::string_view(buffer).substr(at); }
  void refuse(Refusal why);
  bool skip_empty_lines();
  bool take_head();
  std::size_t take_body(std::string_view bytes);
  bool check_chunk_head(std::string_view taken, std::size_t body_before);
  void forget_taken();
};

void HttpRequestReader::State::refuse(Refusal why) {
  refusal = why;
  parser.reset();
  buffer = {};
  at = 0;
}

// Old clients send empty lines behind a body. False: half of one is there.
bool HttpRequestReader::State::skip_empty_lines() {
  if (scan.size() > 0) return true;
  while (rest().starts_with("\r\n")) at += 2;
  return rest() != "\r";
}

bool HttpRequestReader::State::take_head() {
  if (!skip_empty_lines()) return false;
  switch (scan.scan(rest(), limits.head_max)) {
    case HeadScan::Found::nothing:
      return false;
    case HeadScan::Found::fault:
      refuse(scan.refusal());
      return false;
    case HeadScan::Found::end:
      break;
  }
  const std::string_view head = rest().substr(0, scan.size());
  parser.emplace(limits);
  beast::error_code code;
  const std::size_t taken = parser->put({head.data(), head.size()}, code);
  if (code || !parser->is_header_done() || taken != head.size()) {
    refuse(parser->refusal.value_or(refusal_of_head(code, head)));
    return false;
  }
  at += taken;
  scan = {};
  chunk_heads = 0;
  asked_for_continue = false;
  complete = parser->is_done();
  return true;
}

// Returns how much of it was understood; the rest has to come again, with more behind it.
std::size_t HttpRequestReader::State::take_body(std::string_view bytes) {
  std::size_t taken = 0;
  while (!complete && taken < bytes.size()) {
    const std::string_view more = bytes.substr(taken);
    if (parser->at_chunk_head() && more.size() < shortest_body_end) break;
    const std::size_t body_before = parser->request.body.size();
    beast::error_code code;
    const std::size_t count = parser->put({more.data(), more.size()}, code);
    if (code == http::error::need_more) {
      if (more.size() < chunk_head_max) break;
      refuse({400, "A chunk header is too long."});
      break;
    }
    if (code) {
      refuse(parser->refusal.value_or(refusal_of_body(code)));
      break;
    }
    if (parser->chunked() && !check_chunk_head(more.substr(0, count), body_before)) break;
    taken += count;
    complete = parser->is_done();
  }
  return taken;
}

// `taken` is what one step took: a chunk's head or a part of its body.
bool HttpRequestReader::State::check_chunk_head(std::string_view taken, std::size_t body_before) {
  if (parser->request.body.size() != body_before) return true;
  chunk_heads += taken.size();
  if (taken.size() >= chunk_head_max || chunk_heads > chunk_heads_free + 2 * body_before) {
    refuse({400, "A chunk header is too long."});
    return false;
  }
  const bool folded =
      taken.find("\r\n ") != std::string_view::npos || taken.find("\r\n\t") != std::string_view::npos;
  if (folded) refuse({400, "A trailer field goes on over a second line."});
  return !folded;
}

void HttpRequestReader::State::forget_taken() {
  if (at == buffer.size()) {
    buffer.clear();
    if (buffer.capacity() > idle_buffer_max) buffer.shrink_to_fit();
    at = 0;
  } else if (at > buffer.size() / 2) {
    buffer.erase(0, std::exchange(at, 0));
  }
}

HttpRequestReader::HttpRequestReader(Limits limits) : state_(new State(limits)) {}
HttpRequestReader::~HttpRequestReader() = default;
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader& HttpRequestReader::operator=(HttpRequestReader&&) noexcept = default;

void HttpRequestReader::feed(std::string_view bytes) {
  if (state_->refusal) return;
  // A large body does not go through the buffer.
  if (state_->parser && !state_->complete && state_->buffer.empty()) {
    bytes.remove_prefix(state_->take_body(bytes));
    if (state_->refusal) return;
  }
  state_->buffer += bytes;
}

HttpRequest* HttpRequestReader::head() {
  if (state_->refusal || (!state_->parser && !state_->take_head())) return nullptr;
  return &state_->parser->request;
}

std::optional<HttpRequest> HttpRequestReader::next() {
  State& state = *state_;
  if (state.refusal) return std::nullopt;
  const std::size_t taken = state.parser || state.take_head() ? state.take_body(state.rest()) : 0;
  if (state.refusal) return std::nullopt;
  state.at += taken;
  state.forget_taken();
  if (!state.complete) return std::nullopt;
  state.keep_alive = state.parser->keep_alive;
  state.http_1_0 = state.parser->http_1_0;
  HttpRequest request = std::move(state.parser->request);
  state.parser.reset();
  state.complete = false;
  return request;
}

std::optional<HttpRequestReader::Refusal> HttpRequestReader::refusal() const {
  return state_->refusal;
}

bool HttpRequestReader::keep_alive() const {
  return state_->keep_alive;
}

bool HttpRequestReader::http_1_0() const {
  return state_->http_1_0;
}

bool HttpRequestReader::begun() const {
  return state_->parser.has_value() || !state_->rest().empty();
}

bool HttpRequestReader::wants_continue() {
  if (!state_->parser || state_->complete || !state_->parser->expects_continue) return false;
  return !std::exchange(state_->asked_for_continue, true);
}

std::size_t HttpRequestReader::buffered() const {
  return state_->rest().size() + (state_->parser ? state_->parser->request.body.size() : 0);
}

HttpRequestReader::Saved HttpRequestReader::saved() const {
  Saved saved{.held = std::string(state_->rest()),
              .begun = {},
              .refused = state_->refusal.has_value(),
              .keep_alive = state_->keep_alive,
              .http_1_0 = state_->http_1_0};
  if (!state_->parser) return saved;
  saved.begun = state_->parser->saved();
  saved.begun->chunk_heads = state_->chunk_heads;
  saved.begun->asked_for_continue = state_->asked_for_continue;
  return saved;
}

void HttpRequestReader::resume(Saved saved) {
  State& state = *state_;
  state.buffer = std::move(saved.held);
  state.keep_alive = saved.keep_alive;
  state.http_1_0 = saved.http_1_0;
  if (saved.refused) return state.refuse({400, "This is no request of HTTP/1.1."});
  if (!saved.begun) return;
  state.chunk_heads = saved.begun->chunk_heads;
  state.asked_for_continue = saved.begun->asked_for_continue;
  state.parser.emplace(state.limits);
  if (!state.parser->resume(std::move(*saved.begun))) return state.refuse(too_large);
  state.complete = state.parser->is_done();
}

}  // namespace proto
