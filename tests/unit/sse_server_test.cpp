#include "transport/inbound/sse_server.h"

#include <doctest/doctest.h>

#include <string>

#include "replaced.h"
#include "transport/inbound/saving.h"
#include "transport_fixture.h"

using namespace transcript;
using std::chrono::seconds;

namespace {

const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
const std::string pong = R"({"jsonrpc":"2.0","id":1,"result":{}})";

struct Session {
  Lines out() {
    Lines lines = reader.read(server.outbox());
    if (test::replaced) server = test::read_again(server);
    return lines;
  }
  Lines post(transport::ExchangeId exchange, std::string body,
             const Fields& fields = {{"content-type", "application/json"}}) {
    server.request(exchange, request("POST", std::move(body), fields), now);
    return out();
  }

  base::Instant now{seconds(100)};
  transport::SseServer server{7, "/sse/x?session=S", now};
  Reader reader;
};

}  // namespace

TEST_CASE("HTTP+SSE begins with the endpoint, and carries everything on one stream") {
  Session session;
  CHECK(session.out() == Lines{"7: stream", "7: endpoint /sse/x?session=S"});
  CHECK(session.post(8, ping) == Lines{"deliver " + ping, "8: 202 Accepted"});
  session.server.send(proto::Message(pong), session.now);
  CHECK(session.out() == Lines{"7: " + pong});
}

TEST_CASE("HTTP+SSE: the endpoint is written as the data of its event") {
  Session session;
  REQUIRE(session.server.outbox().size() == 2);
  const auto& text = std::get<transport::StreamText>(session.server.outbox()[1]).text;
  CHECK(text.text() == "event: endpoint\ndata: /sse/x?session=S\n\n");
}

TEST_CASE("HTTP+SSE: a body on several lines is one message, and what is none is refused") {
  Session session;
  session.out();
  CHECK(session.post(8, "{\"jsonrpc\":\"2.0\",\r\n\"method\":\"x\"}") ==
        Lines{R"(deliver {"jsonrpc":"2.0",  "method":"x"})", "8: 202 Accepted"});
  const auto refused = [&](const std::string& body, const Fields& fields, const std::string& status) {
    const Lines lines = session.post(9, body, fields);
    return lines.size() == 1 && lines[0].starts_with("9: " + status);
  };
  const Fields json{{"content-type", "application/json"}};
  CHECK(refused("{", json, "400"));
  CHECK(refused("{}", json, "400"));
  CHECK(refused('[' + ping + ']', json, "400"));
  CHECK(refused(ping, {{"content-type", "text/plain"}}, "415"));
  session.server.request(9, request("GET", "", {}), session.now);
  CHECK(session.out().front().starts_with("9: 405"));
}

TEST_CASE("HTTP+SSE: a client that looks for 2026-07-28 is told that there is no such method") {
  Session session;
  session.out();
  const std::string meta = R"("params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
  CHECK(session.post(8, R"({"jsonrpc":"2.0","id":"d","method":"server/discover",)" + meta) ==
        Lines{R"(7: {"jsonrpc":"2.0","id":"d","error":{"code":-32601,"message":"Method not found"}})",
              "8: 202 Accepted"});
  CHECK(session.post(9, R"({"jsonrpc":"2.0","method":"notifications/cancelled",)" + meta) ==
        Lines{"9: 202 Accepted"});
}

TEST_CASE("HTTP+SSE: a silent stream is kept alive") {
  Session session;
  session.out();
  CHECK(session.server.deadline() == session.now + seconds(15));
  session.server.tick(session.now + seconds(14));
  CHECK(session.out().empty());
  session.server.tick(session.now + seconds(15));
  CHECK(session.out() == Lines{"7: : keep-alive"});
  CHECK(session.server.deadline() == session.now + seconds(30));
  session.server.send(proto::Message(pong), session.now + seconds(20));
  session.out();
  CHECK(session.server.deadline() == session.now + seconds(35));
}

TEST_CASE("HTTP+SSE: the session ends with its stream") {
  Session session;
  session.out();
  session.server.hold();
  session.post(8, ping);
  session.server.gone(99, session.now);
  CHECK(session.out().empty());
  session.server.gone(7, session.now);
  const Lines lines = session.out();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("8: 404"));
  CHECK(lines[1] == "over");
  CHECK_FALSE(session.server.deadline());
  session.server.send(proto::Message(pong), session.now);
  CHECK(session.out().empty());
  CHECK(session.post(9, ping).front().starts_with("9: 404"));
}

TEST_CASE("HTTP+SSE: what is posted waits while the broker takes nothing") {
  Session session;
  session.out();
  session.server.hold();
  CHECK(session.post(8, ping).empty());
  session.server.release(session.now);
  CHECK(session.out() == Lines{"deliver " + ping, "8: 202 Accepted"});
  CHECK(session.post(9, ping).size() == 2);
  session.server.hold();
  for (transport::ExchangeId i = 0; i < 64; ++i) CHECK(session.post(100 + i, ping).empty());
  CHECK(session.post(200, ping).front().starts_with("200: 503"));
}

namespace {

const std::string hello =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}})";
const std::string ready = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
const std::string list = R"({"jsonrpc":"2.0","id":5,"method":"tools/list"})";

// As the broker hears it when it is said in the client's name.
const std::string said_again = R"(deliver {"jsonrpc":"2.0","id":"hearth-again-0","method":"initialize",)"
                               R"("params":{"protocolVersion":"2025-06-18"}})";

std::string answered(const std::string& raw_id) {
  return R"({"jsonrpc":"2.0","id":)" + raw_id + R"(,"result":{}})";
}

}  // namespace

TEST_CASE("HTTP+SSE: a client that goes on without initialize is taken for what it was") {
  Session session;
  session.server = transport::SseServer(7, "/e", session.now, {.lines = {hello, ready}, .lost = {"3", "5"}});
  CHECK(session.out() == Lines{"7: stream", "7: endpoint /e"});
  CHECK(session.post(8, ping) == Lines{"deliver " + ping, "8: 202 Accepted"});
  const Lines lines = session.post(9, list);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].starts_with(R"(7: {"jsonrpc":"2.0","id":3,"error":{"code":-32603)"));
  CHECK(lines[1] == said_again);
  CHECK(lines[2] == "deliver " + ready);
  CHECK(lines[3] == "deliver " + list);
  CHECK(lines[4] == "9: 202 Accepted");
  session.server.send(proto::Message(answered(R"("hearth-again-0")")), session.now);
  session.server.send(proto::Message(answered("5")), session.now);
  CHECK(session.out() == Lines{"7: " + answered("5")});
  CHECK(session.post(10, list) == Lines{"deliver " + list, "10: 202 Accepted"});
}

TEST_CASE("HTTP+SSE: a client that has shown that it was initialized is taken up at once") {
  Session session;
  session.server =
      transport::SseServer(7, "/e", session.now, {.lines = {hello, ready}, .lost = {"3"}, .certain = true});
  const Lines lines = session.out();
  REQUIRE(lines.size() == 5);
  CHECK(lines[1] == "7: endpoint /e");
  CHECK(lines[2].starts_with(R"(7: {"jsonrpc":"2.0","id":3,"error")"));
  CHECK(lines[3] == said_again);
  CHECK(lines[4] == "deliver " + ready);
}

TEST_CASE("HTTP+SSE: of a client that nothing is known of only the least is said") {
  Session session;
  session.out();
  const Lines lines = session.post(8, list);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find(
            R"("id":"hearth-again-0","method":"initialize","params":{"protocolVersion":"2024-11-05")") !=
        std::string::npos);
  CHECK(lines[2] == "deliver " + list);
  // The server could not be had; the next call tries again.
  session.server.send(
      proto::Message(R"({"jsonrpc":"2.0","id":"hearth-again-0","error":{"code":-32603,"message":"no"}})"),
      session.now);
  CHECK(session.out().empty());
  CHECK(session.post(9, list).size() == 4);
}

TEST_CASE("HTTP+SSE: a client that sends initialize is a new one, whatever was before") {
  Session session;
  session.server = transport::SseServer(7, "/e", session.now, {.lines = {hello, ready}, .lost = {"3"}});
  session.out();
  CHECK(session.post(8, hello) == Lines{"deliver " + hello, "8: 202 Accepted"});
  session.server.send(proto::Message(answered("0")), session.now);
  CHECK(session.out() == Lines{"7: " + answered("0")});
  CHECK(session.post(9, list) == Lines{"deliver " + list, "9: 202 Accepted"});
}
