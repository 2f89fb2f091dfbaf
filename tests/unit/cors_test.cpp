// Pages of listed origins, and what their browsers are told.
#include "transport/inbound/cors.h"

#include <doctest/doctest.h>

namespace {

const transport::Access rules{.hosts = {"127.0.0.1:8080"},
                              .origins = {"https://inspector.example"},
                              .token = "secret",
                              .scheme = "http",
                              .any_address_at = {}};

proto::HttpRequest from(const std::string& origin, const std::string& method, bool asks = false) {
  proto::HttpRequest request{.method = method, .path = "/mcp/x", .query = {}, .fields = {}, .body = {}};
  request.fields.add("host", "127.0.0.1:8080");
  if (!origin.empty()) request.fields.add("origin", origin);
  if (asks) request.fields.add("access-control-request-method", "POST");
  if (asks) request.fields.add("access-control-request-headers", "authorization,mcp-param-x");
  return request;
}

}  // namespace

TEST_CASE("CORS: a browser that asks for a listed page is told what it may send") {
  const auto answer = transport::preflight(rules, from("https://Inspector.example", "OPTIONS", true));
  REQUIRE(answer);
  CHECK(answer->status == 204);
  CHECK(answer->fields.get("access-control-allow-methods") == "GET, POST, DELETE");
  CHECK(answer->fields.get("access-control-allow-headers") == "authorization,mcp-param-x");
}

TEST_CASE("CORS: other origins are told nothing") {
  CHECK(!transport::preflight(rules, from("https://evil.example", "OPTIONS", true)));
  CHECK(!transport::preflight(rules, from("http://127.0.0.1:8080", "OPTIONS", true)));
  CHECK(!transport::preflight(rules, from("https://inspector.example", "POST", true)));
  CHECK(!transport::preflight(rules, from("https://inspector.example", "OPTIONS")));
  CHECK(transport::shown_to_page(rules, from("", "POST")).all.empty());
  CHECK(transport::shown_to_page(rules, from("https://evil.example", "POST")).all.empty());
}

TEST_CASE("CORS: every answer to a listed page names its origin, and no other") {
  const proto::HttpFields fields = transport::shown_to_page(rules, from("https://inspector.example", "POST"));
  CHECK(fields.get("access-control-allow-origin") == "https://inspector.example");
  CHECK(fields.get("access-control-expose-headers").contains("Mcp-Session-Id"));
  CHECK(fields.get("vary") == "Origin");
}

TEST_CASE("CORS: the place is looked at before the token") {
  CHECK(!transport::refused_place(rules, from("https://inspector.example", "OPTIONS", true)));
  CHECK(transport::refused(rules, from("https://inspector.example", "POST"))->status == 401);
  CHECK(transport::refused_place(rules, from("https://evil.example", "OPTIONS", true))->status == 403);
}
