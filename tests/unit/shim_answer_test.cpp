#include <doctest/doctest.h>

#include "shim/answer.h"

namespace {

using shim::AnswerReader;
using State = AnswerReader::State;

constexpr std::string_view refusal =
    "HTTP/1.1 404 Not Found\r\ncontent-length:  5 \r\nContent-Type: application/problem+json\r\n\r\nhello";

TEST_CASE("an answer is the same in any chunks") {
  for (std::size_t cut = 0; cut <= refusal.size(); ++cut) {
    CAPTURE(cut);
    AnswerReader answer;
    answer.feed(refusal.substr(0, cut));
    CHECK((answer.state() == State::complete) == (cut == refusal.size()));
    answer.feed(refusal.substr(cut));
    CHECK(answer.state() == State::complete);
    CHECK(answer.status() == 404);
    CHECK(answer.body() == "hello");
  }
}

TEST_CASE("behind 101 comes another protocol") {
  AnswerReader answer;
  answer.feed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: hearth-session/1\r\n\r\n{\"say\"");
  CHECK(answer.state() == State::complete);
  CHECK(answer.status() == 101);
  answer.feed(":1}");
  CHECK(answer.rest() == "{\"say\":1}");
  CHECK(answer.body().empty());
}

TEST_CASE("a body without a length lasts to the end") {
  AnswerReader answer;
  answer.feed("HTTP/1.1 200 OK\r\n\r\nabc");
  CHECK(answer.state() == State::body);
  answer.end();
  CHECK(answer.state() == State::complete);
  CHECK(answer.body() == "abc");
}

TEST_CASE("an end in the middle breaks the answer") {
  for (const std::string_view text :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"}) {
    CAPTURE(text);
    AnswerReader answer;
    answer.feed(text);
    answer.end();
    CHECK(answer.state() == State::broken);
  }
}

TEST_CASE("what is not ours is refused, not guessed at") {
  const std::string endless(20'000, 'x');
  for (const std::string& text :
       {std::string("SSH-2.0-x\r\n\r\n"), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), endless}) {
    CAPTURE(text.substr(0, 60));
    AnswerReader answer;
    answer.feed(text);
    CHECK(answer.state() == State::broken);
  }
}

TEST_CASE("the sentence of a problem") {
  CHECK(shim::problem_in(R"({"title":"t","detail":"no such server","status":404})", 404) == "no such server");
  CHECK(shim::problem_in(R"({"title":"Not Found"})", 404) == "Not Found");
  CHECK(shim::problem_in("<html>", 500) == "the daemon answered with status 500 and no explanation");
}

}  // namespace
