#include <doctest/doctest.h>

#include "http_server_fixture.h"
#include "transport/outbound/endpoint_url.h"
#include "transport/outbound/streamable_client.h"

using namespace http_server;
using transport::endpoint_url;

namespace {

const std::string endpoint_event = "event: endpoint\ndata: /messages?s=1\n\n";

// One whose stream (request 1) is open, with its endpoint known.
struct Open : Client {
  Open() : Client(options(transport::Kind::sse)) {
    out();
    head(1, 200, events);
    body(1, endpoint_event);
  }
};

}  // namespace

TEST_CASE("a server that refuses initialize is tried the older way at the same URL") {
  for (const int status : {400, 404, 405, 406, 422}) {
    Client client;
    client.send(initialize());
    CHECK(client.answered(1, status, json, R"({"error":{"code":-1,"message":"x"}})").back() == "2: GET");
    CHECK(client.requests[2].url == "http://h:8/a/mcp?k=1");
    CHECK(client.requests[2].stream);
    CHECK(client.requests[2].fields.get("accept") == "text/event-stream");
    client.head(2, 200, events);
    CHECK(client.body(2, endpoint_event) == Lines{"3: POST initialize 1"});
    CHECK(client.requests[3].url == "http://h:8/messages?s=1");
    CHECK(client.answered(3, 202, {}, "Accepted").empty());
    CHECK(client.body(2, event(greeting())) == Lines{"receive " + greeting()});
    CHECK(client.send(initialized()) == Lines{"4: POST notifications/initialized"});
    CHECK(client.answered(4, 202).empty());
    CHECK(client.wait() < milliseconds(0));
  }
}

TEST_CASE("other refusals of initialize, and a kind that is given, are not tried the older way") {
  for (const int status : {401, 403, 408, 429, 500, 503}) {
    Client client;
    client.send(initialize());
    const Lines lines = client.answered(1, status);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("receive 1 "));
  }
  Client client(options(transport::Kind::streamable));
  client.send(initialize());
  CHECK(client.answered(1, 405) ==
        Lines{"receive 1 " + error(1, "the server refused the request (HTTP 405 Method Not Allowed)")});
}

TEST_CASE("later refusals are not tried the older way") {
  Client client;
  client.send(initialize());
  client.answered(1, 200, json, greeting());
  client.send(initialize());
  CHECK(client.answered(2, 400).back().starts_with("receive 1 "));
}

TEST_CASE("where the older way fails too, the error names both") {
  const std::string first =
      "the server refused the request (HTTP 400 Bad Request); and it offers no HTTP+SSE at the same URL "
      "either: ";
  const auto fails = [&](auto&& how, const std::string& why) {
    Client client;
    client.send(initialize());
    client.answered(1, 400);
    const Lines lines = how(client);
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.back() == "receive 1 " + error(1, first + why, false, 400));
    CHECK(client.wait() < milliseconds(0));
    // It may be asked again from the beginning.
    CHECK(client.send(initialize()) == Lines{"3: POST initialize 1"});
  };
  fails([](Client& client) { return client.answered(2, 405); },
        "the server refused the request (HTTP 405 Method Not Allowed)");
  fails([](Client& client) { return client.answered(2, 200, json, "{}"); },
        "the server answered HTTP 200 without an event stream");
  fails([](Client& client) { return client.answered(2, 200, events, ": x\n\n"); },
        "the server's event stream ended before its endpoint");
  fails([](Client& client) { return client.unreachable(2); }, "connection refused");
  fails(
      [](Client& client) {
        client.head(2, 200, events);
        const Lines lines = client.body(2, event(progress(1)) + endpoint_event);
        CHECK(lines.front() == "abandon 2");
        return lines;
      },
      "its event stream there begins with no endpoint");
  fails(
      [](Client& client) {
        client.head(2, 200, events);
        return client.after(client.wait());
      },
      "the server opened no event stream, or named no endpoint on it, in time");
}

TEST_CASE("where the older way fails too, the error that the server gave is told as it is") {
  Client client;
  client.send(initialize());
  const std::string said = R"({"code":-32000,"message":"Bad Request: no API key"})";
  client.answered(1, 400, json, R"({"jsonrpc":"2.0","error":)" + said + R"(,"id":null})");
  const std::string answer = R"({"jsonrpc":"2.0","id":1,"error":)" + said + "}";
  CHECK(client.answered(2, 405) == Lines{"receive 1 " + answer});
}

TEST_CASE("messages wait for the endpoint, in their order") {
  Client client(options(transport::Kind::sse));
  CHECK(client.out() == Lines{"1: GET"});
  CHECK(client.send(initialize()).empty());
  CHECK(client.send(call(7)).empty());
  client.head(1, 200, events);
  CHECK(client.body(1, "event: endpoint\ndata: /mess").empty());
  CHECK(client.body(1, "ages\n\n") == Lines{"2: POST initialize 1", "3: POST tools/call 7"});
  CHECK(client.requests[2].fields.get("content-type") == "application/json");
  CHECK(client.requests[2].fields.get("authorization") == "Bearer t");
}

TEST_CASE("answers come on the stream, and posts only fail") {
  Open client;
  client.send(call(7));
  client.send(call(8));
  CHECK(client.answered(2, 200, json, result(7)).empty());
  CHECK(client.body(1, event(result(7))) == Lines{"receive " + result(7)});
  CHECK(client.answered(3, 404) ==
        Lines{"receive 8 " + error(8, "the server refused the request (HTTP 404 Not Found)")});
  client.send(call(9));
  CHECK(client.broke(4) ==
        Lines{"receive 9 " + error(9,
                                   "the request was not acknowledged (connection reset); whether it had an "
                                   "effect is unknown")});
  client.send(call(10));
  client.body(1, event(result(10)));
  CHECK(client.broke(5).empty());
  client.send(initialized());
  CHECK(client.answered(6, 202).empty());
}

TEST_CASE("the conversation ends with its stream") {
  Open client;
  client.send(call(7));
  CHECK(client.ended(1) == Lines{"abandon 2", "down the server's event stream ended"});
  CHECK(client.send(call(8)).empty());

  Open broken;
  CHECK(broken.broke(1) == Lines{"down the server's event stream ended (connection reset)"});

  Open unreachable;
  unreachable.send(call(7));
  CHECK(unreachable.unreachable(2) == Lines{"abandon 1", "down connection refused"});
}

TEST_CASE("no stream, no conversation") {
  const auto began = [] {
    Client client(options(transport::Kind::sse));
    client.out();
    return client;
  };
  CHECK(began().answered(1, 401) == Lines{"down the server wants a login (HTTP 401)"});
  CHECK(began().unreachable(1) == Lines{"down connection refused"});
  CHECK(began().answered(1, 200, json) == Lines{"down the server answered HTTP 200 without an event stream"});
  Client silent = began();
  silent.head(1, 200, events);
  CHECK(silent.after(silent.wait()) ==
        Lines{"abandon 1", "down the server opened no event stream, or named no endpoint on it, in time"});
}

TEST_CASE("an endpoint of another origin ends the conversation") {
  Client client(options(transport::Kind::sse));
  client.out();
  client.send(initialize());
  client.head(1, 200, events);
  const Lines lines = client.body(1, "event: endpoint\ndata: http://evil/m\n\n" + event(progress(1)));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "abandon 1");
  CHECK(lines[1].starts_with("down the endpoint"));
  CHECK(lines[1].find("names another origin") != std::string::npos);
}

TEST_CASE("closing abandons the stream, which is the session") {
  Open client;
  client.send(call(7));
  CHECK(client.close() == Lines{"abandon 1", "abandon 2"});
}

TEST_CASE("endpoints are resolved against the stream's URL") {
  const std::string_view base = "https://u@H:8/a/b/sse?x=1";
  CHECK(endpoint_url(base, "/m?s=1") == "https://u@H:8/m?s=1");
  CHECK(endpoint_url(base, "m") == "https://u@H:8/a/b/m");
  CHECK(endpoint_url(base, "./m/../n?q=/../#f") == "https://u@H:8/a/b/n?q=/../");
  CHECK(endpoint_url(base, "../../../m") == "https://u@H:8/m");
  CHECK(endpoint_url(base, "..") == "https://u@H:8/a/");
  CHECK(endpoint_url(base, "?s=2") == "https://u@H:8/a/b/sse?s=2");
  CHECK(endpoint_url(base, "m?u=http://other") == "https://u@H:8/a/b/m?u=http://other");
  CHECK(endpoint_url(base, "HTTPS://h:8/m") == "https://u@H:8/m");
  CHECK(endpoint_url(base, "//h:8/m") == "https://u@H:8/m");
  CHECK(endpoint_url("https://h/sse", "https://h:443") == "https://h/");
  CHECK(endpoint_url("http://h:80", "m") == "http://h:80/m");
  CHECK(endpoint_url("http://h:80", "http://h/m") == "http://h:80/m");
}

TEST_CASE("endpoints of another origin are refused") {
  const std::string_view base = "http://h:8/sse";
  for (const std::string_view other :
       {"http://h/m", "https://h:8/m", "http://h:80/m", "//i:8/m", "http://h:8@evil/m", "http://x@h:8/m",
        "http://h:8.evil/m", "file:///etc/passwd", "javascript:x", "http:/m", "/a b", "/a\tb", "", "#f",
        "http://h:8\\@evil/m"}) {
    CAPTURE(other);
    CHECK_FALSE(endpoint_url(base, other));
  }
}
