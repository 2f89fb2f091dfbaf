#include "transport/inbound/access.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using transport::Access;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

proto::HttpRequest with(const Fields& fields) {
  proto::HttpRequest request{.method = "GET", .path = "/", .query = {}, .fields = {}, .body = {}};
  for (const auto& [name, value] : fields) request.fields.add(name, value);
  return request;
}

// 0 if it is let in.
int status(const Access& access, const Fields& fields) {
  const auto no = transport::refused(access, with(fields));
  return no ? no->status : 0;
}

const Access port{.hosts = {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"},
                  .origins = {"https://inspector.example"},
                  .token = std::nullopt};
const Access local{.hosts = {}, .origins = {"https://inspector.example"}, .token = std::nullopt};

}  // namespace

TEST_CASE("the host must be one that we listen as") {
  for (const char* good : {"127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080"}) {
    CAPTURE(good);
    CHECK(status(port, {{"host", good}}) == 0);
  }
  for (const char* bad : {"evil.example", "evil.example:8080", "localhost", "localhost:8081", "[::1]", "",
                          "localhost:8080.evil.example", "xlocalhost:8080", "127.0.0.1:80800"}) {
    CAPTURE(bad);
    CHECK(status(port, {{"host", bad}}) == 403);
  }
  CHECK(status(port, {}) == 403);
  CHECK(status(port, {{"host", "localhost:8080"}, {"host", "localhost:8080"}}) == 403);
}

TEST_CASE("at port 80 the port may be left out") {
  const Access usual{.hosts = {"localhost:80", "[::1]:80"}, .origins = {}, .token = std::nullopt};
  CHECK(status(usual, {{"host", "localhost"}, {"origin", "http://localhost"}}) == 0);
  CHECK(status(usual, {{"host", "[::1]"}}) == 0);
  CHECK(status(usual, {{"host", "[::1]:80"}}) == 0);
}

TEST_CASE("an origin must be ours or a listed one") {
  const auto from = [](const Access& access, const std::string& origin) {
    return status(access, {{"host", "localhost:8080"}, {"origin", origin}});
  };
  for (const char* good : {"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080",
                           "HTTP://LOCALHOST:8080", "https://inspector.example"}) {
    CAPTURE(good);
    CHECK(from(port, good) == 0);
  }
  for (const char* bad :
       {"http://evil.example", "null", "", "https://localhost:8080", "http://localhost:8081",
        "https://inspector.example.evil", "http://inspector.example", "http://localhost:8080/",
        "http://evil@localhost:8080"}) {
    CAPTURE(bad);
    CHECK(from(port, bad) == 403);
  }
  CHECK(status(port, {{"host", "localhost:8080"},
                      {"origin", "http://localhost:8080"},
                      {"origin", "http://evil.example"}}) == 403);
}

TEST_CASE("with TLS the scheme of our own origins is https, and its port may be left out") {
  const Access tls{.hosts = {"build.example:443", "localhost:443"},
                   .origins = {"http://inspector.example"},
                   .token = std::nullopt,
                   .scheme = "https"};
  CHECK(status(tls, {{"host", "build.example"}}) == 0);
  CHECK(status(tls, {{"host", "Build.Example:443"}, {"origin", "https://build.example"}}) == 0);
  CHECK(status(tls, {{"host", "localhost"}, {"origin", "https://build.example:443"}}) == 0);
  CHECK(status(tls, {{"host", "localhost"}, {"origin", "http://inspector.example"}}) == 0);
  CHECK(status(tls, {{"host", "localhost"}, {"origin", "http://localhost"}}) == 403);
  CHECK(status(tls, {{"host", "localhost"}, {"origin", "http://localhost:443"}}) == 403);
  CHECK(status(tls, {{"host", "build.example:80"}}) == 403);
}

TEST_CASE("a port on every address accepts every address as its host, but no other name") {
  const Access any{.hosts = {"build.example:8080", "localhost:8080"},
                   .origins = {},
                   .token = std::nullopt,
                   .scheme = "https",
                   .any_address_at = 8080};
  for (const char* good :
       {"192.168.1.5:8080", "[fe80::1]:8080", "[::FFFF:10.0.0.1]:8080", "localhost:8080"}) {
    CAPTURE(good);
    CHECK(status(any, {{"host", good}}) == 0);
  }
  for (const char* bad : {"192.168.1.5", "192.168.1.5:8081", "[fe80::1]", "[fe80::1%eth0]:8080",
                          "evil.example:8080", "1.2.3.4.evil.example:8080", "[evil.example]:8080", ":8080",
                          "8080", "x8080", "192.168.1.5:8080.evil.example"}) {
    CAPTURE(bad);
    CHECK(status(any, {{"host", bad}}) == 403);
  }
  // A page of another machine, whose address is as good as ours.
  CHECK(status(any, {{"host", "192.168.1.5:8080"}, {"origin", "https://192.168.1.5:8080"}}) == 0);
  CHECK(status(any, {{"host", "192.168.1.5:8080"}, {"origin", "https://build.example:8080"}}) == 0);
  CHECK(status(any, {{"host", "192.168.1.5:8080"}, {"origin", "https://192.168.1.6:8080"}}) == 403);
  CHECK(status(any, {{"host", "192.168.1.5:8080"}, {"origin", "http://192.168.1.5:8080"}}) == 403);
  CHECK(status(port, {{"host", "192.168.1.5:8080"}}) == 403);
}

TEST_CASE("a wrong host is told what to use, and how to be let in") {
  const auto no = transport::refused(
      {.hosts = {"build.example:1"}, .origins = {}, .token = {}, .scheme = "https"}, with({{"host", "x"}}));
  REQUIRE(no);
  CHECK(no->body.contains("https://build.example:1"));
  CHECK(no->body.contains(R"(\"hosts\" of \"http\")"));
}

TEST_CASE("on the local socket any host is right, but no unknown origin") {
  CHECK(status(local, {}) == 0);
  CHECK(status(local, {{"host", "whatever"}}) == 0);
  CHECK(status(local, {{"host", "localhost"}, {"origin", "http://localhost"}}) == 403);
  CHECK(status(local, {{"origin", "null"}}) == 403);
  CHECK(status(local, {{"origin", "https://inspector.example"}}) == 0);
}

TEST_CASE("a token, where one is set, must come") {
  Access access = port;
  access.token = "secret-1";
  const auto given = [&](const std::string& field) {
    return status(access, {{"host", "localhost:8080"}, {"authorization", field}});
  };
  CHECK(given("Bearer secret-1") == 0);
  CHECK(given("bearer secret-1") == 0);
  CHECK(given("BEARER  secret-1") == 0);
  for (const char* bad :
       {"Bearer secret-2", "Bearer secret-", "Bearer secret-11", "Bearer SECRET-1", "Bearer ", "Bearer",
        "secret-1", "Basic secret-1", "Bearersecret-1", "", "Bearer secret-1secret-1"}) {
    CAPTURE(bad);
    CHECK(given(bad) == 401);
  }
  CHECK(status(access, {{"host", "localhost:8080"}}) == 401);
  CHECK(status(access, {{"host", "localhost:8080"},
                        {"authorization", "Bearer secret-1"},
                        {"authorization", "Bearer secret-1"}}) == 401);
  // A client from the wrong place learns nothing about the token.
  CHECK(status(access, {{"host", "evil.example"}}) == 403);
  CHECK(status(access, {{"host", "localhost:8080"}, {"origin", "null"}}) == 403);
}

TEST_CASE("a refusal says why") {
  Access access = port;
  access.token = "secret-1";
  access.token_is = "the token is in /x/http-token";
  const auto wrong_token =
      transport::refused(access, with({{"host", "localhost:8080"}, {"authorization", "Bearer x"}}));
  REQUIRE(wrong_token);
  CHECK(wrong_token->fields.get("www-authenticate") == "Bearer");
  CHECK(wrong_token->fields.get("content-type") == "application/problem+json");
  CHECK(wrong_token->body.find("secret-1") == std::string::npos);
  CHECK(wrong_token->body.contains("is not the one of this port; the token is in /x/http-token"));
  const auto said = [&](const Fields& fields) { return transport::refused(access, with(fields))->body; };
  CHECK(said({{"host", "localhost:8080"}}).contains("this port wants a token: send"));
  CHECK(said({{"host", "localhost:8080"}, {"authorization", "secret-1"}}).contains("has to say"));
  const auto wrong_host = transport::refused(access, with({{"host", "evil.example"}}));
  REQUIRE(wrong_host);
  CHECK(wrong_host->body.find("evil.example") != std::string::npos);
  const auto wrong_origin =
      transport::refused(access, with({{"host", "localhost:8080"}, {"origin", "http://evil.example"}}));
  REQUIRE(wrong_origin);
  CHECK(wrong_origin->body.find("http://evil.example") != std::string::npos);
}

TEST_CASE("a client that would register itself is told what the port wants instead") {
  Access access = port;
  access.token = "secret-1";
  access.token_is = "the token is in /x/http-token";
  for (const char* path : {"/register", "/authorize", "/token"}) {
    CAPTURE(path);
    proto::HttpRequest request = with({{"host", "localhost:8080"}});
    request.method = "POST";
    request.path = path;
    const auto answer = transport::refused(access, request);
    REQUIRE(answer);
    CHECK(answer->status == 404);
    CHECK(answer->body.starts_with(R"({"error":"access_denied","error_description":"hearth: )"));
    CHECK(answer->body.contains("there is nothing to log in to"));
    CHECK(answer->body.contains("the token is in /x/http-token"));
  }
}
