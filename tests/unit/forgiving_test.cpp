#include "transport/inbound/forgiving.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

namespace {

using Field = std::pair<std::string_view, std::string_view>;

// "name: value" of each field that is left.
std::string left_of(std::initializer_list<Field> fields) {
  proto::HttpRequest request{.method = "POST", .path = "/mcp/x", .query = {}, .fields = {}, .body = {}};
  for (const auto& [name, value] : fields) request.fields.add(name, value);
  transport::forgive(request);
  std::string all;
  for (const auto& [name, value] : request.fields.all) all += name + ": " + value + '\n';
  return all;
}

}  // namespace

TEST_CASE("a slash too many in a URL does no harm") {
  CHECK(transport::tidy_path("/mcp/files") == "/mcp/files");
  CHECK(transport::tidy_path("/mcp/files/") == "/mcp/files");
  CHECK(transport::tidy_path("/mcp/files//") == "/mcp/files");
  CHECK(transport::tidy_path("//mcp/files") == "/mcp/files");
  CHECK(transport::tidy_path("/mcp//files/more") == "/mcp/files/more");
  CHECK(transport::tidy_path("/") == "/");
  CHECK(transport::tidy_path("/mcp/a%2F") == "/mcp/a%2F");
}

TEST_CASE("a field that says the same twice counts once") {
  CHECK(left_of({{"content-type", "application/json, application/json"}}) ==
        "content-type: application/json\n");
  CHECK(left_of({{"mcp-session-id", "a"}, {"x", "1"}, {"mcp-session-id", "a"}}) ==
        "mcp-session-id: a\nx: 1\n");
  CHECK(left_of({{"mcp-protocol-version", "2025-06-18,2025-06-18 , 2025-06-18"}}) ==
        "mcp-protocol-version: 2025-06-18\n");
}

TEST_CASE("a field without a value says nothing, and different values stay") {
  CHECK(left_of({{"mcp-session-id", ""}, {"mcp-protocol-version", ""}}).empty());
  CHECK(left_of({{"mcp-session-id", ""}, {"mcp-session-id", "a"}}) == "mcp-session-id: a\n");
  CHECK(left_of({{"mcp-session-id", "a"}, {"mcp-session-id", "b"}}) ==
        "mcp-session-id: a\nmcp-session-id: b\n");
  CHECK(left_of({{"content-type", "application/json, text/plain"}}) ==
        "content-type: application/json, text/plain\n");
  CHECK(left_of({{"accept", "*/*"}, {"accept", "*/*"}}) == "accept: */*\naccept: */*\n");
}
