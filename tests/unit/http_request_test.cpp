#include "app/http_request.h"

#include <doctest/doctest.h>

namespace {

using app::HttpRequestReader;
using State = HttpRequestReader::State;

TEST_CASE("http request: the same in chunks of every size") {
  const std::string text =
      "POST /attach?name=a%20b&x=1 HTTP/1.1\r\nHost: localhost\r\nUPGRADE:  hearth/1 "
      "\r\ncontent-length:\t5\r\n\r\n"
      "{\"a\"}ignored";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    CAPTURE(chunk);
    HttpRequestReader reader;
    for (std::size_t at = 0; at < text.size(); at += chunk) reader.feed(text.substr(at, chunk));
    REQUIRE(reader.state() == State::complete);
    CHECK(reader.request().method == "POST");
    CHECK(reader.request().path == "/attach");
    CHECK(reader.request().query == "name=a%20b&x=1");
    CHECK(reader.request().upgrade == "hearth/1");
    CHECK(reader.request().body == "{\"a\"}");
  }
}

TEST_CASE("http request: no body, and it is complete with its head") {
  HttpRequestReader reader;
  reader.feed("GET /status HTTP/1.1\r\n");
  CHECK(reader.state() == State::head);
  reader.feed("\r\n");
  CHECK(reader.state() == State::complete);
  CHECK(reader.request().path == "/status");
  CHECK(reader.request().query.empty());
  CHECK(reader.request().upgrade.empty());
  CHECK(reader.request().body.empty());
}

TEST_CASE("http request: what is refused, and how") {
  const struct {
    const char* text;
    int status;
  } table[] = {
      {"\r\n\r\n", 400},
      {"GET /status\r\n\r\n", 400},
      {"GET /status HTTP/2\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\n\r\n", 400},
      {"GET status HTTP/1.1\r\n\r\n", 400},
      {"GET http://x/status HTTP/1.1\r\n\r\n", 400},
      {"GET /a HTTP/1.1\r\nno colon\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: \r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: 1 2\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /a HTTP/1.1\r\nContent-Length: 8388609\r\n\r\n", 413},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    HttpRequestReader reader;
    reader.feed(row.text);
    CHECK(reader.state() == State::broken);
    CHECK(reader.refusal() == row.status);
    reader.feed("GET / HTTP/1.1\r\n\r\n");  // Nothing makes it well again.
    CHECK(reader.state() == State::broken);
  }
}

TEST_CASE("http request: the largest body that is taken") {
  HttpRequestReader reader;
  reader.feed("POST /a HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n");
  CHECK(reader.state() == State::body);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 7; ++i) reader.feed(piece);
  CHECK(reader.state() == State::body);
  reader.feed(piece);
  CHECK(reader.state() == State::complete);
  CHECK(reader.request().body.size() == HttpRequestReader::body_max);
}

TEST_CASE("http request: a head without an end is refused") {
  HttpRequestReader reader;
  reader.feed("GET / HTTP/1.1\r\nX: " + std::string(HttpRequestReader::head_max - 100, 'x'));
  CHECK(reader.state() == State::head);
  reader.feed(std::string(100, 'x'));
  CHECK(reader.state() == State::broken);
  CHECK(reader.refusal() == 431);
}

TEST_CASE("http request: the largest head that is taken, and the next, whole in one chunk") {
  for (const std::size_t excess : {std::size_t{0}, std::size_t{1}}) {
    std::string head = "GET / HTTP/1.1\r\nX: ";
    head += std::string(HttpRequestReader::head_max - head.size() + excess, 'x');
    HttpRequestReader reader;
    reader.feed(head + "\r\n\r\n");
    CHECK(reader.state() == (excess == 0 ? State::complete : State::broken));
    if (excess != 0) CHECK(reader.refusal() == 431);
  }
}

TEST_CASE("http request: values of a query") {
  const struct {
    const char* query;
    std::optional<std::string> name;
  } table[] = {
      {"", std::nullopt},
      {"name", ""},
      {"name=", ""},
      {"name=a", "a"},
      {"x=1&name=b&name=c", "b"},
      {"names=a&nam=b", std::nullopt},
      {"name=a%20b+c%2Fd%2fe", "a b c/d/e"},
      {"name=%", "%"},
      {"name=%4", "%4"},
      {"name=%zz%41", "%zzA"},
      {"name=a=b", "a=b"},
      {"&&name=a&", "a"},
  };
  for (const auto& row : table) {
    CAPTURE(row.query);
    CHECK(app::query_value(row.query, "name") == row.name);
  }
}

TEST_CASE("http request: answers") {
  CHECK(app::http_answer(200, "application/json", "{}") ==
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: "
        "close\r\n\r\n{}");
  const std::string problem = app::http_problem(404, "no \"x\"");
  CHECK(problem.starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(problem.find("application/problem+json") != std::string::npos);
  CHECK(problem.ends_with(R"({"title":"Not Found","status":404,"detail":"no \"x\""})"));
}

}  // namespace
