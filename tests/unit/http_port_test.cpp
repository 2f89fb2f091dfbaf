#include <doctest/doctest.h>

#include <initializer_list>

#include "app/http/port.h"
#include "io/tcp_socket.h"

using app::HttpSettings;

namespace {

constexpr const char* token = "a-token-that-is-long-enough";
constexpr const char* nowhere = "/nonexistent/token";

HttpSettings settings(std::string address) {
  HttpSettings made;
  made.port = 0;
  made.address = std::move(address);
  made.token = token;
  return made;
}

std::string refusal(const HttpSettings& wanted) {
  const auto port = app::open_http_port(wanted, nowhere);
  return port ? "" : port.error().what;
}

}  // namespace

TEST_CASE("http port: what is missing for an address that others can reach is said") {
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1", "2001:db8::1"}) {
    CAPTURE(address);
    HttpSettings wanted = settings(address);
    CHECK(refusal(wanted).contains("is not opened on " + std::string(address)));
    CHECK(refusal(wanted).contains("TLS (add \"certificate\" and \"key\""));
    CHECK_FALSE(refusal(wanted).contains("a token"));
    wanted.open = true;
    CHECK(refusal(wanted).contains("a token (remove \"token\": null"));
    CHECK(refusal(wanted).contains("and TLS (add"));
    wanted.certificate = wanted.key = "/nonexistent/x.pem";
    CHECK(refusal(wanted).contains("a token (remove"));
    CHECK_FALSE(refusal(wanted).contains("TLS (add"));
    wanted.open = false;
    CHECK(refusal(wanted).contains("/nonexistent/x.pem"));
    CHECK_FALSE(refusal(wanted).contains(token));
  }
}

TEST_CASE("http port: a certificate without a key is a mistake on every address, and so is the reverse") {
  for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
    HttpSettings wanted = settings(address);
    wanted.key = "/etc/key.pem";
    CHECK(refusal(wanted).contains(R"(a "key" of "http" without a "certificate")"));
    wanted = settings(address);
    wanted.certificate = "/etc/cert.pem";
    CHECK(refusal(wanted).contains(R"(a "certificate" of "http" without a "key")"));
  }
}

TEST_CASE("http port: on loopback it needs nothing, and is known by the names of loopback") {
  HttpSettings wanted = settings("127.0.0.5");
  wanted.open = true;
  wanted.hosts = {"Proxy.Example", "other.example:443", "[fe80::1]"};
  const auto port = app::open_http_port(wanted, nowhere);
  REQUIRE(port);
  const std::string number = ':' + std::to_string(io::port_of(port->socket));
  CHECK(port->url == "http://127.0.0.5" + number);
  CHECK(port->tls == nullptr);
  CHECK_FALSE(port->access.token.has_value());
  CHECK_FALSE(port->access.any_address_at.has_value());
  CHECK(port->access.scheme == "http");
  CHECK(port->access.hosts == std::vector<std::string>{"127.0.0.5" + number, "127.0.0.1" + number,
                                                       "localhost" + number, "[::1]" + number,
                                                       "proxy.example" + number, "other.example:443",
                                                       "[fe80::1]" + number});
}
