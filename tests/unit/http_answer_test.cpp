#include "proto/http_answer.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using proto::HttpAnswerReader;
using Came = HttpAnswerReader::Came;
using Fault = HttpAnswerReader::Fault;

namespace {

// What a reader made of a stream: "200 a=b, c=d [body]", and "+n" for n bytes that are none of the answer; or
// the fault.
struct Read {
  std::string text;
  bool keeps = false;
  int pieces = 0;
};

std::string name_of(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::no_http:
      return "no http";
    case Fault::head_too_long:
      return "head too long";
    case Fault::no_clear_end:
      return "no clear end";
    case Fault::cut_off:
      return "cut off";
  }
  return "?";
}

Read read(std::string_view stream, std::size_t chunk, bool to_head = false) {
  HttpAnswerReader reader(to_head);
  Read read;
  std::string body;
  const auto take = [&](Came came, std::size_t left) {
    if (came == Came::head) {
      read.text = std::to_string(reader.status());
      for (const auto& [name, value] : reader.fields().all) read.text += ' ' + name + '=' + value;
    } else if (came == Came::body) {
      body += reader.body();
      ++read.pieces;
    } else if (came == Came::end) {
      read.text += " [" + body + ']' + (left > 0 ? '+' + std::to_string(left) : "");
      read.keeps = reader.keeps_connection();
    } else if (came == Came::broken) {
      read.text = name_of(reader.fault());
    }
    return came == Came::end || came == Came::broken;
  };
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    std::string_view bytes = stream.substr(at, chunk);
    const std::size_t behind = stream.size() - at - bytes.size();
    for (Came came = Came::head; came != Came::nothing;) {
      came = reader.next(bytes);
      if (take(came, bytes.size() + behind)) return read;
    }
    CHECK(bytes.empty());
  }
  take(reader.ended(), 0);
  return read;
}

// The same in one piece as byte by byte.
Read both(std::string_view stream, bool to_head = false) {
  const Read whole = read(stream, stream.size(), to_head);
  const Read bytes = read(stream, 1, to_head);
  CHECK(bytes.text == whole.text);
  CHECK(bytes.keeps == whole.keeps);
  return whole;
}

std::string text_of(std::string_view stream) {
  return both(stream).text;
}

bool keeps(std::string_view fields) {
  return both("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n").keeps;
}

}  // namespace

TEST_CASE("http answer: a head and a body of a given length") {
  const Read one = both("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello");
  CHECK(one.text == "404 content-length=5 x-a=b [hello]");
  CHECK(one.keeps);
  CHECK(one.pieces == 1);
  CHECK(text_of("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n") == "200 content-length=0 []");
  CHECK(text_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc") ==
        "200 content-length=3 content-length=3 [abc]");
  CHECK(text_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc") == "200 content-length=1 [a]+2");
}

TEST_CASE("http answer: chunks, their extensions and trailers") {
  const Read one = both(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n0A;x=\"y\" \r\n0123456789\r\n0\r\nX-Late: 1\r\n\r\n");
  CHECK(one.text == "200 transfer-encoding=Chunked [abc0123456789]");
  CHECK(one.keeps);
  CHECK(text_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP") ==
        "200 transfer-encoding=chunked []+4");
  for (const char* chunks :
       {"x\r\n", "-1\r\n", "\r\n", "3\r\nabcd\r\n", "11112222333344445\r\n", "0x3\r\nabc"}) {
    CAPTURE(chunks);
    CHECK(text_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks)) ==
          "no clear end");
  }
  CHECK(text_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'x')) ==
        "no clear end");
}

TEST_CASE("http answer: a body that ends with the connection") {
  const Read one = both("HTTP/1.1 200 OK\r\n\r\nall of it");
  CHECK(one.text == "200 [all of it]");
  CHECK_FALSE(one.keeps);
}

TEST_CASE("http answer: answers without a body") {
  CHECK(text_of("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n") == "204 content-length=5 []");
  CHECK(text_of("HTTP/1.1 304 Not Modified\r\n\r\n") == "304 []");
  CHECK(both("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).text == "200 content-length=5 []");
}

TEST_CASE("http answer: what is said on the way is passed over") {
  CHECK(text_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "200 content-length=2 [hi]");
}

TEST_CASE("http answer: careless writers are understood") {
  CHECK(text_of("HTTP/1.0 200 OK\nContent-Length: 2\n\nhi") == "200 content-length=2 [hi]");
  CHECK(text_of("HTTP/1.1 200 OK\r\nno field\r\nContent-Length : 2\r\n\r\nhi") ==
        "200 content-length=2 [hi]");
  CHECK(text_of("HTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\n\tc\r\nContent-Length: 0\r\n\r\n") ==
        "200 x-long=a b c content-length=0 []");
  CHECK(text_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na") ==
        "200 transfer-encoding=identity content-length=1 [a]");
}

TEST_CASE("http answer: when a connection may carry another request") {
  CHECK(keeps("Content-Length: 0\r\n"));
  CHECK(keeps("Content-Length: 0\r\nConnection: keep-alive\r\n"));
  CHECK_FALSE(keeps("Content-Length: 0\r\nConnection: Close\r\n"));
  CHECK_FALSE(keeps("Content-Length: 0\r\nConnection: foo, close\r\n"));
  CHECK_FALSE(keeps("Content-Length: 0\r\nConnection: foo\r\nConnection: close\r\n"));
  CHECK_FALSE(both("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps);
  CHECK(both("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n").keeps);
  // Two readers could differ about where it ends.
  CHECK_FALSE(
      both("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").keeps);
}

TEST_CASE("http answer: a body whose end is not clear is damaged") {
  for (const char* field : {"Content-Length: x", "Content-Length: -1", "Content-Length: 1, 1",
                            "Content-Length: ", "Content-Length: 1\r\nContent-Length: 2",
                            "Content-Length: 99999999999999999999", "Transfer-Encoding: gzip",
                            "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked"}) {
    CAPTURE(field);
    CHECK(text_of("HTTP/1.1 200 OK\r\n" + std::string(field) + "\r\n\r\n1") == "no clear end");
  }
}

TEST_CASE("http answer: what is no HTTP is seen by its first words") {
  for (const char* first : {"SSH-2.0", "<html>", "\x01", "HTTP/2 200\r\n", "HTTP/1.2 200 OK\r\n", "HTTPS",
                            "\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 OK\r\n",
                            "HTTP/1.1200 OK\r\n", "HTTP/1.1\r\n"}) {
    CAPTURE(first);
    HttpAnswerReader reader(false);
    std::string_view bytes = first;
    CHECK(reader.next(bytes) == Came::broken);
    CHECK(reader.fault() == Fault::no_http);
  }
}

TEST_CASE("http answer: an answer that is cut off is not complete") {
  for (const char* cut : {"", "HTTP", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
                          "HTTP/1.1 100 Continue\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"}) {
    CAPTURE(cut);
    CHECK(read(cut, 7).text == "cut off");
  }
}

TEST_CASE("http answer: heads are bounded, with what is said on the way and with trailers") {
  const std::string field = "x: " + std::string(1000, 'x') + "\r\n";
  std::string much;
  while (much.size() <= HttpAnswerReader::head_max) much += field;
  CHECK(read("HTTP/1.1 200 OK\r\n" + much, 1000).text == "head too long");
  CHECK(read("HTTP/1.1 200 " + std::string(HttpAnswerReader::head_max, 'x'), 1000).text == "head too long");
  CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + much, 1000).text ==
        "head too long");
  std::string hints;
  while (hints.size() <= HttpAnswerReader::head_max) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  CHECK(read(hints, 1000).text == "head too long");
  // Chunks are no part of it, however many come.
  std::string chunks;
  while (chunks.size() <= 2 * HttpAnswerReader::head_max) chunks += "1\r\na\r\n";
  const Read one = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n", 1000);
  CHECK(one.text.ends_with("aa]"));
}
