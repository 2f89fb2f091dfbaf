#include "proto/rpc.h"

#include <doctest/doctest.h>

#include "proto/envelope.h"

namespace {

using proto::Code;

TEST_CASE("rpc: answers carry the id as it came") {
  for (const char* id : {"1", "\"1\"", "1.0", R"("\u00e9")", "-9007199254740993"}) {
    CHECK(proto::result_text(id, "{}") == R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})");
    CHECK(proto::error_text(id, R"({"code":1})") ==
          R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"error":{"code":1}})");
  }
}

TEST_CASE("rpc: without an id it is null") {
  CHECK(proto::error_text("", Code::parse_error, "no") ==
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}})");
}

TEST_CASE("rpc: an error tells the server and whether to try again, if there is a server") {
  CHECK(proto::error_text("7", Code::internal_error, "it \"fell\"\n", {"files", true}) ==
        R"({"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"it \"fell\"\n",)"
        R"("data":{"server":"files","retryable":true}}})");
  CHECK(proto::error_text("7", Code::invalid_params, "x", {"files", false}).find("\"retryable\":false") !=
        std::string::npos);
  CHECK(proto::error_text("7", Code::invalid_params, "x", {"", true}).find("data") == std::string::npos);
}

TEST_CASE("rpc: requests and notifications, with params and without") {
  CHECK(proto::request_text("1", "ping") == R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  CHECK(proto::request_text("\"a\"", "x/y", "[1]") ==
        R"({"jsonrpc":"2.0","id":"a","method":"x/y","params":[1]})");
  CHECK(proto::notification_text("n") == R"({"jsonrpc":"2.0","method":"n"})");
  CHECK(proto::notification_text("n", "{}") == R"({"jsonrpc":"2.0","method":"n","params":{}})");
}

TEST_CASE("rpc: the codes are those of the protocol") {
  const struct {
    Code code;
    int number;
  } table[] = {{Code::parse_error, -32700},
               {Code::invalid_request, -32600},
               {Code::method_not_found, -32601},
               {Code::invalid_params, -32602},
               {Code::internal_error, -32603},
               {Code::url_elicitation_required, -32042},
               {Code::rejected, -1}};
  for (const auto& row : table) CHECK(static_cast<int>(row.code) == row.number);
}

TEST_CASE("rpc: all of it is read again as what it is meant to be") {
  const auto kind = [](const std::string& text) {
    const auto envelope = proto::scan(text);
    REQUIRE(envelope);
    return envelope->kind;
  };
  CHECK(kind(proto::result_text("1", "{}")) == proto::Kind::response);
  CHECK(kind(proto::error_text("1", Code::internal_error, "\x01 \xff", {"\"", false})) ==
        proto::Kind::response);
  CHECK(kind(proto::request_text("1", "ping")) == proto::Kind::request);
  CHECK(kind(proto::notification_text("n")) == proto::Kind::notification);
}

}  // namespace
