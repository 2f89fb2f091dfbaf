#include "proto/envelope.h"

#include <doctest/doctest.h>

using proto::Kind;
using proto::scan;

TEST_CASE("a request shows its id, method and token") {
  const std::string_view text =
      R"({"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":7},"name":"x"}})";
  const auto envelope = scan(text);
  REQUIRE(envelope);
  CHECK(envelope->kind == Kind::request);
  CHECK(envelope->id.in(text) == "\"a\"");
  CHECK(envelope->method.in(text) == "tools/call");
  CHECK(envelope->progress_token.in(text) == "7");
  CHECK(envelope->meta.in(text) == R"({"progressToken":7})");
}
