// Redirects of servers that speak HTTP: followed within the origin, and never to a stranger.
#include <doctest/doctest.h>

#include "http_server_fixture.h"
#include "modern_http_fixture.h"
#include "transport/outbound/endpoint_url.h"

using namespace http_server;
using transport::redirect_url;

namespace {

Fields to(const std::string& location) {
  return {{"location", location}};
}

const std::string not_followed = ", which is not followed: the entry's url must be the final one";

}  // namespace

TEST_CASE("a redirect within the origin is followed with method, body and fields") {
  for (const int status : {307, 308}) {
    Begun client;
    CHECK(client.send(call(7)) == Lines{"4: POST tools/call 7" + as_s});
    CHECK(client.head(4, status, to("/a/mcp/")) == Lines{"5: POST tools/call 7" + as_s});
    CHECK(client.requests[5].url == "http://h:8/a/mcp/");
    CHECK(client.requests[5].body.text() == call(7));
    CHECK(client.requests[5].fields.all == client.requests[4].fields.all);
    CHECK(client.body(4, "moved").empty());
    CHECK(client.ended(4).empty());
    CHECK(client.answered(5, 200, json, result(7)) == Lines{"receive 7 " + result(7)});
    // Nothing is remembered.
    client.send(call(8));
    CHECK(client.requests[6].url == "http://h:8/a/mcp?k=1");
  }
}

TEST_CASE("initialize and the streams follow redirects, too") {
  Client client;
  client.send(initialize());
  CHECK(client.head(1, 307, to("http://H:8/b")) == Lines{"2: POST initialize 1"});
  client.ended(1);
  Fields head = json;
  head.emplace_back("Mcp-Session-Id", "S");
  CHECK(client.answered(2, 200, head, greeting()) == Lines{"receive 1 " + greeting()});
  client.send(initialized());
  client.answered(3, 202);
  CHECK(client.head(4, 308, to("/b")) == Lines{"5: GET" + as_s});
  CHECK(client.head(5, 200, events).empty());
  CHECK(client.body(5, event(progress(1))) == Lines{"receive " + progress(1)});
  CHECK(client.close() == Lines{"abandon 4", "abandon 5", "6: DELETE" + as_s});
  CHECK(client.head(6, 307, to("/b")) == Lines{"7: DELETE" + as_s});
}

TEST_CASE("messages of 2026-07-28 follow redirects") {
  Client client;
  client.send(ask(8, "prompts/list"));
  CHECK(client.head(1, 307, to("/a/mcp/")) == Lines{"2: POST prompts/list 8" + modern});
  CHECK(client.requests[2].fields.get("mcp-method") == "prompts/list");
  CHECK(client.answered(2, 200, json, result(8)) == Lines{"receive 8 " + result(8)});
}

TEST_CASE("the stream of HTTP+SSE follows redirects, and its endpoint is within what it led to") {
  Client client(options(transport::Kind::sse));
  client.send(initialize());
  CHECK(client.head(1, 307, to("https://h/sse")) == Lines{"2: GET"});
  client.head(2, 200, events);
  CHECK(client.body(2, "event: endpoint\ndata: messages?s=1\n\n") == Lines{"3: POST initialize 1"});
  CHECK(client.requests[3].url == "https://h/messages?s=1");
  CHECK(client.head(3, 307, to("/messages/?s=1")) == Lines{"4: POST initialize 1"});
  CHECK(client.answered(4, 202).empty());
}

TEST_CASE("a redirect to another origin, or without a target, is not followed") {
  for (const char* location :
       {"http://evil/mcp", "//evil/mcp", "http://h:9/mcp", "https://evil/", "https://h.evil/",
        "http://u@h:8/", "https://u@h/", "ftp://h:8/", "javascript:x", "http:/evil", "/a b", ""}) {
    CAPTURE(location);
    Begun client;
    client.send(call(7));
    CHECK(client.answered(4, 307, to(location)) ==
          Lines{"receive 7 " + error(7, "the server redirects (HTTP 307)" + not_followed)});
  }
}

TEST_CASE("redirects that change the method are not followed, nor a circle of them") {
  for (const int status : {300, 301, 302, 303, 304, 305}) {
    Begun client;
    client.send(call(7));
    CHECK(client.answered(4, status, to("/a/mcp/")).back().starts_with("receive 7 "));
  }
  Begun client;
  client.send(call(7));
  RequestId id = 4;
  for (int i = 0; i < 5; ++i, ++id) REQUIRE(client.head(id, 307, to("/a/mcp")).size() == 1);
  CHECK(client.answered(id, 307, to("/a/mcp")) ==
        Lines{"receive 7 " + error(7, "the server redirects (HTTP 307)" + not_followed)});
}

TEST_CASE("what a redirect leaves open is let go of after a while") {
  Begun client;
  client.send(call(7));
  client.head(4, 307, to("/b"));
  client.answered(5, 200, json, result(7));
  CHECK(client.after(client.wait()) == Lines{"abandon 4"});
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a call that was redirected can be cancelled") {
  Client client;
  client.send(ask(8, "prompts/list"));
  client.head(1, 307, to("/b"));
  CHECK(client.send(cancelled(8)).front() == "abandon 2");
}

TEST_CASE("redirect url: what is followed") {
  CHECK(redirect_url("http://h/mcp", "/mcp/") == "http://h/mcp/");
  CHECK(redirect_url("http://u:p@h/mcp?k=1", "http://h:80/x?y=2#z") == "http://u:p@h/x?y=2");
  CHECK(redirect_url("http://h:8/mcp", "https://H:9/mcp") == "https://H:9/mcp");
  CHECK(redirect_url("http://u:p@[::1]:8/mcp", "HTTPS://[::1]/mcp") == "https://u:p@[::1]/mcp");
  CHECK_FALSE(redirect_url("https://h/mcp", "http://h/mcp"));
  CHECK_FALSE(redirect_url("http://[::1]/", "https://[::2]/"));
  CHECK_FALSE(redirect_url("http://h/", "https:///x"));
  CHECK_FALSE(redirect_url("http://h/", "https://h\\@evil/"));
}
