#include "proto/http_request.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "save/codec.h"

using proto::HttpRequest;
using proto::HttpRequestReader;

namespace {

struct Outcome {
  std::vector<HttpRequest> requests;
  std::string flags;  // Of each request: k if kept alive, 0 if of HTTP/1.0.
  std::optional<int> refused;
  std::string why;
  bool begun = false;
};

// As in another process: the old one is not needed any more.
void replace(HttpRequestReader& reader, HttpRequestReader::Limits limits) {
  save::Writer writer;
  save::write(writer, reader.saved());
  const std::string text = std::move(writer).finish();
  save::Reader from(text);
  auto saved = save::read<HttpRequestReader::Saved>(from);
  REQUIRE(from.end("this"));
  reader = HttpRequestReader(limits);
  reader.resume(std::move(saved));
}

enum class Readers : std::uint8_t { one, new_ones };

Outcome read(std::string_view bytes, std::size_t chunk = SIZE_MAX, HttpRequestReader::Limits limits = {},
             Readers readers = Readers::one) {
  HttpRequestReader reader(limits);
  Outcome outcome;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, chunk));
    bytes.remove_prefix(std::min(chunk, bytes.size()));
    while (auto request = reader.next()) {
      outcome.requests.push_back(std::move(*request));
      outcome.flags += reader.keep_alive() ? "k" : "";
      outcome.flags += reader.http_1_0() ? "0" : "";
      outcome.flags += ",";
    }
    if (readers == Readers::new_ones && !reader.refusal()) replace(reader, limits);
  }
  if (const auto refusal = reader.refusal()) {
    outcome.refused = refusal->status;
    outcome.why = refusal->why;
  }
  outcome.begun = reader.begun();
  return outcome;
}

// "POST /a?q=1 host=x,content-length=2 [ab]"
std::string text_of(const HttpRequest& request) {
  std::string text = request.method + ' ' + request.path + '?' + request.query + ' ';
  for (const auto& [name, value] : request.fields.all) text += name + '=' + value + ';';
  return text + " [" + request.body + ']';
}

std::vector<std::string> texts_of(const Outcome& outcome) {
  std::vector<std::string> texts;
  for (const HttpRequest& request : outcome.requests) texts.push_back(text_of(request));
  return texts;
}

std::string with_fields(std::string_view fields) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n\r\n";
}

std::string with_chunks(std::string_view chunks) {
  return "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks);
}

}  // namespace

TEST_CASE("http request: a pipelined sequence is the same in chunks of every size") {
  const std::string bytes =
      "POST /attach?name=a%20b&x=1 HTTP/1.1\r\nHost: localhost\r\nX-UPPER:  Some Thing \t\r\n"
      "content-length:\t5\r\n\r\n{\"a\"}"
      "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: Close , x\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n0A;x=y;z=\"q\"\r\n0123456789\r\n0\r\nX-Trailer: t\r\nConnection: close\r\n\r\n"
      "GET /old HTTP/1.0\r\n\r\n"
      "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
      "DELETE /mcp/x?a?b HTTP/1.1\r\nHost: h\r\n\r\n"
      "GET /beg";
  const std::vector<std::string> expected = {
      "POST /attach?name=a%20b&x=1 host=localhost;x-upper=Some Thing;content-length=5; [{\"a\"}]",
      "GET /? host=h;connection=Close , x; []",
      "POST /c? host=h;transfer-encoding=Chunked; [abc0123456789]",
      "GET /old?  []",
      "GET /old? connection=keep-alive; []",
      "DELETE /mcp/x?a?b host=h; []",
  };
  for (const Readers readers : {Readers::one, Readers::new_ones}) {
    for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) {
      CAPTURE(chunk);
      const Outcome outcome = read(bytes, chunk, {}, readers);
      CHECK(texts_of(outcome) == expected);
      CHECK(outcome.flags == "k,,k,0,k0,k,");
      CHECK_FALSE(outcome.refused);
      CHECK(outcome.begun);
    }
  }
}

TEST_CASE("http request: two that follow each other are given out one by one") {
  HttpRequestReader reader({});
  reader.feed("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto first = reader.next();
  REQUIRE(first);
  CHECK(first->path == "/1");
  CHECK(reader.begun());
  CHECK(reader.buffered() == 28);
  const auto second = reader.next();
  REQUIRE(second);
  CHECK(second->path == "/2");
  CHECK_FALSE(reader.begun());
  CHECK(reader.buffered() == 0);
  CHECK_FALSE(reader.next());
}

struct Unclear {
  std::string text;
  int status;
};

void check_refused(const std::vector<Unclear>& table) {
  for (const auto& row : table) {
    CAPTURE(row.text);
    for (const std::size_t chunk : {SIZE_MAX, std::size_t{1}, std::size_t{7}}) {
      CAPTURE(chunk);
      const Outcome outcome = read(row.text + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", chunk);
      REQUIRE(outcome.refused);
      CHECK(*outcome.refused == row.status);
      CHECK(outcome.why.ends_with('.'));
      CHECK(outcome.requests.empty());
      CHECK_FALSE(outcome.begun);
    }
  }
}

TEST_CASE("http request: what two readers might take apart differently is refused, in the head") {
  check_refused({
      // The request line.
      {"GET /a\r\n\r\n", 400},
      {"GET /a HTTP/2.0\r\n\r\n", 505},
      {"GET /a HTTP/1.2\r\n\r\n", 505},
      {"GET /a HTTP/0.9\r\n\r\n", 505},
      {"GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"GET /a http/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /a HTTP/1.10\r\nHost: h\r\n\r\n", 400},
      {"GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /a  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {" GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"G(T /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /\xC3\xA4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {std::string("GET /a\0 HTTP/1.1\r\nHost: h\r\n\r\n", 30), 400},
      {"\x16\x03\x01\x02\r\n\r\n", 400},
      // Line ends.
      {"GET /a HTTP/1.1\nHost: h\n\n", 400},
      {"GET /a HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"GET /a HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
      {"GET /a HTTP/1.1\r\r\nHost: h\r\n\r\n", 400},
      {"\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {with_fields("X: a\r\n b"), 400},
      {with_fields("X: a\r\n\tb"), 400},
      {"GET /a HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      // Fields.
      {with_fields("no colon"), 400},
      {with_fields("X : y"), 400},
      {with_fields("X\t: y"), 400},
      {with_fields(": y"), 400},
      {with_fields("X(: y"), 400},
      {with_fields("X\xC3: y"), 400},
      {with_fields("X: a\x01z"), 400},
      {with_fields("X: a\x7Fz"), 400},
      {with_fields(std::string("X: a\0z", 6)), 400},
      // Host.
      {"GET /a HTTP/1.1\r\n\r\n", 400},
      {with_fields("Host: h"), 400},
      {with_fields("host: other"), 400},
      {"GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"GET /a HTTP/1.1\r\nHost: user@h\r\n\r\n", 400},
  });
}

TEST_CASE("http request: what two readers might take apart differently is refused, in lengths and codings") {
  check_refused({
      // Where the body ends.
      {with_fields("Content-Length: "), 400},
      {with_fields("Content-Length: -1"), 400},
      {with_fields("Content-Length: +1"), 400},
      {with_fields("Content-Length: 0x1"), 400},
      {with_fields("Content-Length: 1 2"), 400},
      {with_fields("Content-Length: 1, 1"), 400},
      {with_fields("Content-Length: 1\r\nContent-Length: 1"), 400},
      {with_fields("Content-Length: 1\r\nContent-Length: 2"), 400},
      {with_fields("Content-Length: 99999999999999999999999"), 400},
      {with_fields("Content-Length: 1\r\nTransfer-Encoding: chunked"), 400},
      {with_fields("Transfer-Encoding: chunked\r\nContent-Length: 1"), 400},
      {with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
      {with_fields("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), 400},
      {with_fields("Transfer-Encoding: gzip, chunked"), 400},
      {with_fields("Transfer-Encoding: chunked, identity"), 400},
      {with_fields("Transfer-Encoding: chunked;q=1"), 400},
      {with_fields("Transfer-Encoding: xchunked"), 400},
      {with_fields("Transfer-Encoding: \x0B"
                   "chunked"),
       400},
      {with_fields("Transfer-Encoding: identity"), 400},
      {with_fields("Transfer-Encoding: "), 400},
      {with_fields("Transfer-Encoding : chunked"), 400},
      {"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      // Chunks.
      {with_chunks("x\r\n"), 400},
      {with_chunks("\r\n"), 400},
      {with_chunks("0x1\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("-1\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks(" 1\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1 \r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1 ;x\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1;a\nb\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1;a=\"\n\"\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("1\r\rna\r\n0\r\n\r\n"), 400},
      {with_chunks("1\r\nab\r\n0\r\n\r\n"), 400},
      {with_chunks("1\r\na\n0\r\n\r\n\r\n"), 400},
      {with_chunks("10000000000000001\r\na\r\n0\r\n\r\n"), 400},
      {with_chunks("0\r\nX\r\n\r\n"), 400},
      {with_chunks("0\r\nX: a\r\n b\r\n\r\n"), 400},
      {with_chunks("0\r\nContent-Length: 5\r\n\r\n"), 400},
      {with_chunks("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
  });
}

TEST_CASE("http request: sizes") {
  HttpRequestReader::Limits limits{.head_max = 100, .body_max = 1000};
  const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\n";
  for (const std::size_t chunk : {SIZE_MAX, std::size_t{1}, std::size_t{64}}) {
    CAPTURE(chunk);
    const Readers readers = chunk == 64 ? Readers::new_ones : Readers::one;
    const auto outcome_of = [&](const std::string& text) { return read(text, chunk, limits, readers); };
    const std::string filler = "X: " + std::string(100 - head.size() - 7, 'x') + "\r\n\r\n";
    CHECK(outcome_of(head + filler).requests.size() == 1);
    CHECK(outcome_of(head + "X" + filler).refused == 431);
    CHECK(outcome_of(std::string(101, 'x')).refused == 431);
    CHECK_FALSE(outcome_of(std::string(100, 'x')).refused);

    const std::string body(1000, 'b');
    CHECK(outcome_of(head + "Content-Length: 1000\r\n\r\n" + body).requests.at(0).body == body);
    CHECK(outcome_of(head + "Content-Length: 1001\r\n\r\n").refused == 413);
    CHECK(outcome_of(head + "Content-Length: 18446744073709551615\r\n\r\n").refused == 413);
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    CHECK(outcome_of(chunked + "3e8\r\n" + body + "\r\n0\r\n\r\n").requests.at(0).body == body);
    CHECK(outcome_of(chunked + "3e8\r\n" + body + "\r\n1\r\n").refused == 413);
    CHECK(outcome_of(chunked + "ffffffffffffffff\r\n").refused == 413);
  }
}

TEST_CASE("http request: what surrounds chunks is bounded") {
  const std::string extension = ";x=" + std::string(4000, 'y');
  for (const std::size_t chunk : {SIZE_MAX, std::size_t{1}, std::size_t{5000}}) {
    CAPTURE(chunk);
    CHECK(read(with_chunks("1" + extension + "\r\na\r\n0\r\n\r\n"), chunk).requests.size() == 1);
    CHECK(read(with_chunks("1" + extension + extension + extension), chunk).refused == 400);
    CHECK(read(with_chunks("1" + extension + extension + extension + "\r\na\r\n0\r\n\r\n"), chunk).refused ==
          400);
    CHECK(read(with_chunks(std::string(9000, '0')), chunk).refused == 400);

    std::string trailers;
    for (int i = 0; i < 2000; ++i) trailers += "X: y\r\n";
    CHECK(read(with_chunks("0\r\n" + trailers + "\r\n"), chunk).refused == 400);
    CHECK(read(with_chunks("0\r\n" + trailers), chunk).refused == 400);

    std::string chunks;
    for (int i = 0; i < 40; ++i) chunks += "1" + extension + "\r\na\r\n";
    CHECK(read(with_chunks(chunks), chunk).refused == 400);
    chunks.clear();
    for (int i = 0; i < 40000; ++i) chunks += "1\r\na\r\n";
    CHECK(read(with_chunks(chunks + "0\r\n\r\n"), chunk).refused == 400);
  }
}

TEST_CASE("http request: small chunks of a body that is not all chunks are fine") {
  std::string chunks;
  for (int i = 0; i < 20000; ++i) chunks += "8\r\n01234567\r\n";
  CHECK(read(with_chunks(chunks + "0\r\n\r\n"), 4096).requests.at(0).body.size() == 160000);
}

TEST_CASE("http request: after a refusal nothing more is read or held") {
  HttpRequestReader reader({});
  reader.feed("nonsense\r\n\r\n");
  CHECK_FALSE(reader.next());
  REQUIRE(reader.refusal());
  reader.feed("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_FALSE(reader.next());
  CHECK(reader.buffered() == 0);
  CHECK_FALSE(reader.begun());
}

TEST_CASE("http request: a request before the refused one is given out first") {
  const Outcome outcome = read("GET /a HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n");
  CHECK(outcome.requests.size() == 1);
  CHECK(outcome.refused == 400);
}

TEST_CASE("http request: a client that waits for permission to send its body") {
  const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  HttpRequestReader reader({});
  reader.feed(head.substr(0, 20));
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.wants_continue());
  reader.feed(head.substr(20));
  CHECK_FALSE(reader.next());
  CHECK(reader.wants_continue());
  CHECK_FALSE(reader.wants_continue());
  reader.feed("ab");
  const auto request = reader.next();
  REQUIRE(request);
  CHECK(request->body == "ab");
  CHECK_FALSE(reader.wants_continue());

  reader.feed(head);
  CHECK_FALSE(reader.next());
  CHECK(reader.wants_continue());  // Once for each request.

  HttpRequestReader no_body({});
  no_body.feed(with_fields("Expect: 100-continue"));
  CHECK(no_body.next());
  CHECK_FALSE(no_body.wants_continue());
}

TEST_CASE("http request: what is held while a body comes, and after it") {
  HttpRequestReader reader({});
  reader.feed(with_fields("Content-Length: 3000000"));
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(reader.next());
    CHECK(reader.begun());
    CHECK(reader.buffered() == static_cast<std::size_t>(i) * 1000000);
    reader.feed(std::string(1000000, 'x'));
  }
  CHECK(reader.next()->body.size() == 3000000);
  CHECK(reader.buffered() == 0);
}

TEST_CASE("http request: chunks that would be right are of no use to HTTP/1.0, nor a length beside them") {
  const std::string chunks = "\r\n\r\n1\r\na\r\n0\r\n\r\n";
  CHECK(read("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked" + chunks).refused == 400);
  CHECK(read("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked" + chunks).requests.size() == 1);
  CHECK(read("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nTransfer-Encoding: chunked" + chunks)
            .refused == 400);
}

TEST_CASE("http request: what can come to no good is refused before its end") {
  CHECK(read("GET /a HTTP/1.1\n").refused == 400);
  CHECK(read(std::string_view("GET /a\0", 7)).refused == 400);
  CHECK(read("GET /a HTTP/1.1\r\n ").refused == 400);
  CHECK(read("GET /a HTTP/1.1\rH").refused == 400);
}

TEST_CASE("http request: the bounds on chunks are those of one request") {
  std::string chunks;
  for (int i = 0; i < 12; ++i) chunks += "1;x=" + std::string(4000, 'y') + "\r\na\r\n";
  const std::string request = with_chunks(chunks + "0\r\n\r\n");
  CHECK(read(request + request + request).requests.size() == 3);
}

TEST_CASE("http request: a reader that goes on for another knows what the bounds on its chunks have left") {
  std::string chunks;
  for (int i = 0; i < 40000; ++i) chunks += "1\r\na\r\n";
  CHECK(read(with_chunks(chunks + "0\r\n\r\n"), 20000, {}, Readers::new_ones).refused == 400);
  const std::string extension = ";x=" + std::string(4000, 'y');
  CHECK(read(with_chunks("1" + extension + extension + extension), 5000, {}, Readers::new_ones).refused ==
        400);
}

TEST_CASE("http request: a reader goes on with what was changed in a head, and asks for the body once") {
  HttpRequestReader reader({});
  reader.feed("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
  REQUIRE(reader.head());
  reader.head()->path = "/changed";
  CHECK_FALSE(reader.next());
  replace(reader, {});
  CHECK(reader.wants_continue());
  replace(reader, {});
  CHECK_FALSE(reader.wants_continue());
  reader.feed("a");
  replace(reader, {});
  CHECK(reader.buffered() == 1);
  reader.feed("bGET");
  replace(reader, {});
  const auto request = reader.next();
  REQUIRE(request);
  CHECK(request->path == "/changed");
  CHECK(request->body == "ab");
  CHECK(reader.begun());
}

TEST_CASE("http request: a body that is larger than the new reader's bound is refused") {
  HttpRequestReader reader({});
  reader.feed("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nab");
  CHECK_FALSE(reader.next());
  replace(reader, {.body_max = 10});
  REQUIRE(reader.refusal());
  CHECK(reader.refusal()->status == 413);
}
