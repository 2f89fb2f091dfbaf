// What the answer to server/discover over HTTP says of the server, and how initialize goes on from there.

#include <doctest/doctest.h>

#include "modern_http_fixture.h"

using namespace http_server;

namespace {

const Fields html = {{"content-type", "text/html"}};

Lines probed(int status, const Fields& fields = {}, std::string_view body = {}) {
  Client client;
  client.send(discover());
  return client.answered(1, status, fields, body);
}

Lines legacy(const std::string& sentence) {
  return {"receive 1 " + error_of(1, -32601, sentence)};
}

Lines outage(const std::string& sentence) {
  return {"receive 1 " + error(1, sentence, true)};
}

std::string refused_with(const std::string& status) {
  return "the server refused the request (HTTP " + status + ")";
}

}  // namespace

TEST_CASE("a refused discover is answered with the server's own error") {
  for (const int code : {-32000, -32600, -32601, -32602, -32020, -32021, -32022}) {
    CHECK(probed(400, json, refused("null", code)) ==
          Lines{R"(receive 1 {"jsonrpc":"2.0","id":1,"error":{"code":)" + std::to_string(code) +
                R"(,"message":"no"}})"});
  }
  CHECK(probed(200, json, refused("1", -32601)) == Lines{"receive 1 " + refused("1", -32601)});
}

TEST_CASE("a discover that is refused without an error object is answered with one that says older") {
  CHECK(probed(400) == legacy(refused_with("400 Bad Request")));
  CHECK(probed(404, html, "<p>") == legacy(refused_with("404 Not Found")));
  CHECK(probed(405) == legacy(refused_with("405 Method Not Allowed")));
  CHECK(probed(406, json, R"({"detail":"no"})") == legacy(refused_with("406 Not Acceptable")));
  CHECK(probed(501) == legacy(refused_with("501 Not Implemented")));
  CHECK(probed(202) == legacy("the server accepted the request and never answered"));
  CHECK(probed(200, events) == legacy("its event stream ended without an answer"));
  CHECK(probed(200, json) == legacy("the server answered HTTP 200 with an empty body (application/json)"));
  CHECK(probed(200, html, "<p>").front().find(R"("code":-32601,)") != std::string::npos);
}

TEST_CASE("a server that wants a login, or is not there, says nothing of its revisions") {
  CHECK(probed(401, json, refused("1", -32601)) ==
        Lines{"receive 1 " + error(1, "the server wants a login (HTTP 401)")});
  CHECK(probed(403) == Lines{"receive 1 " + error(1, "the server wants a login (HTTP 403)")});
  CHECK(probed(500, json, refused("1", -32603)) == outage(refused_with("500 Internal Server Error")));
  CHECK(probed(503) == outage(refused_with("503 Service Unavailable")));
  CHECK(probed(429) == outage(refused_with("429 Too Many Requests")));
  CHECK(probed(408).front().find("-32603") != std::string::npos);
  CHECK(probed(302).front().find("-32603") != std::string::npos);
  Client client;
  client.send(discover());
  CHECK(client.broke(1) == outage("the request got no answer (connection reset)"));
  client.send(discover(2));
  client.head(2, 200, events);
  CHECK(client.broke(2).front().find("-32603") != std::string::npos);
  client.send(discover(3));
  CHECK(client.unreachable(3) == Lines{"down connection refused"});
}

TEST_CASE("after a refused discover initialize goes on as ever") {
  Client client;
  client.send(discover(5));
  client.answered(1, 400, json, refused("null", -32000));
  CHECK(client.send(initialize()) == Lines{"2: POST initialize 1"});
  CHECK_FALSE(client.requests[2].fields.has("mcp-method"));
  Fields head = json;
  head.emplace_back("Mcp-Session-Id", "S");
  CHECK(client.answered(2, 200, head, greeting()) == Lines{"receive 1 " + greeting()});
  CHECK(client.send(initialized()) == Lines{"3: POST notifications/initialized" + as_s});
  CHECK(client.answered(3, 202) == Lines{"4: GET" + as_s});
  client.answered(4, 405);
  CHECK(client.send(call(7)) == Lines{"5: POST tools/call 7" + as_s});
  CHECK(client.send(cancelled(7)) == Lines{"6: POST notifications/cancelled" + as_s});
  CHECK(client.send(cancelled(99)) == Lines{"7: POST notifications/cancelled" + as_s});
}

TEST_CASE("after a refused discover and a refused initialize an endpoint is looked for") {
  Client client;
  client.send(discover(5));
  CHECK(client.answered(1, 404).size() == 1);
  client.send(initialize());
  CHECK(client.answered(2, 405).back() == "3: GET");
  client.head(3, 200, events);
  CHECK(client.body(3, "event: endpoint\ndata: /m\n\n") == Lines{"4: POST initialize 1"});
  CHECK(client.requests[4].url == "http://h:8/m");
  CHECK(client.send(discover(6)) ==
        Lines{"receive 6 " + error_of(6, -32601, "it speaks HTTP+SSE, which is older than 2026-07-28")});
}

TEST_CASE("a server of HTTP+SSE is not asked what it cannot know") {
  Client client(options(transport::Kind::sse));
  CHECK(client.send(discover()) ==
        Lines{"1: GET",
              "receive 1 " + error_of(1, -32601, "it speaks HTTP+SSE, which is older than 2026-07-28")});
  client.send(initialize());
  client.head(1, 200, events);
  CHECK(client.body(1, "event: endpoint\ndata: /m\n\n") == Lines{"2: POST initialize 1"});
}

TEST_CASE("a server that says yes only to older revisions can be greeted, and be an even older one") {
  Client client;
  client.send(discover());
  client.answered(1, 200, json, R"({"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-06-18"]}})");
  client.send(initialize());
  CHECK(client.answered(2, 400).back() == "3: GET");
}

TEST_CASE("a server that is too new for initialize is not looked for an endpoint of") {
  Client client;
  client.send(initialize());
  CHECK(client.answered(1, 400, json, refused("1", -32022)) ==
        Lines{R"(receive 1 {"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no"}})"});
  CHECK(client.send(discover(2)) == Lines{"2: POST server/discover 2" + modern});
}

TEST_CASE("modern and legacy messages go side by side, each under its own rules") {
  Begun client;
  CHECK(client.send(ask(8, "prompts/list")) == Lines{"4: POST prompts/list 8" + modern});
  CHECK(client.answered(4, 404) ==
        Lines{"receive 8 " + error(8, "the server refused the request (HTTP 404 Not Found)")});
  CHECK(client.send(call(9)) == Lines{"5: POST tools/call 9" + as_s});
  CHECK(client.close() == Lines{"abandon 3", "abandon 5", "6: DELETE" + as_s});
}
