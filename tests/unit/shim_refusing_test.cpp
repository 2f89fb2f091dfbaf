#include <doctest/doctest.h>

#include "shim/refusing.h"

namespace {

const shim::Apology apology = {.server = "files", .sentence = "there is no daemon", .retryable = true};

proto::Line line_of(std::string text) {
  proto::Line line;
  line.length = text.size();
  line.bytes = base::Bytes::copy(std::move(text));
  return line;
}

std::string answered(std::string text) {
  return shim::apology_for(line_of(std::move(text)), apology);
}

TEST_CASE("every request gets the reason") {
  CHECK(answered(R"({"jsonrpc":"2.0","id":"1","method":"initialize","params":{}})") ==
        R"({"jsonrpc":"2.0","id":"1","error":{"code":-32603,"message":"there is no daemon",)"
        R"("data":{"server":"files","retryable":true}}})"
        "\n");
}

TEST_CASE("a probe for the modern revision gets the answer that lets the client go on") {
  const std::string answer = answered(R"({"jsonrpc":"2.0","id":0,"method":"server/discover"})");
  CHECK(answer.find(R"("id":0,"error":{"code":-32601)") != std::string::npos);
}

TEST_CASE("a message that needs no answer gets none") {
  CHECK(answered(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").empty());
  CHECK(answered(R"({"jsonrpc":"2.0","id":1,"result":{}})").empty());
  CHECK(answered(R"([{"jsonrpc":"2.0","method":"x"}])").empty());
}

TEST_CASE("a batch is answered with a batch") {
  const std::string answer =
      answered(R"([{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},)"
               R"({"jsonrpc":"2.0","id":2,"method":"c"}])");
  CHECK(answer.starts_with(R"([{"jsonrpc":"2.0","id":1,"error")"));
  CHECK(answer.find(R"(},{"jsonrpc":"2.0","id":2,"error")") != std::string::npos);
  CHECK(answer.ends_with("}]\n"));
}

TEST_CASE("what cannot be read is said to be so") {
  CHECK(answered("{nonsense").find(R"("id":null,"error":{"code":-32700)") != std::string::npos);
}

TEST_CASE("an overlong request is answered by its id") {
  proto::Line line;
  line.overlong = true;
  line.id = "7";
  CHECK(shim::apology_for(line, apology).empty());
  CHECK_FALSE(shim::is_request(line));
  line.has_method = true;
  CHECK(shim::apology_for(line, apology).find(R"("id":7,"error":{"code":-32603)") != std::string::npos);
  CHECK(shim::is_request(line));
}

TEST_CASE("lost calls are answered one by one, and never to be retried blindly") {
  const std::string answers = shim::apology_for_lost({"1", "\"a\""}, "files");
  const std::size_t newline = answers.find('\n');
  CHECK(answers.substr(0, newline).starts_with(R"({"jsonrpc":"2.0","id":1,"error")"));
  CHECK(answers.substr(newline + 1).starts_with(R"({"jsonrpc":"2.0","id":"a","error")"));
  CHECK(answers.find(R"("retryable":true)") == std::string::npos);
  CHECK(answers.ends_with("\n"));
}

}  // namespace
