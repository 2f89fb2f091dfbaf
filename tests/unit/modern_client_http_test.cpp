// 2026-07-28 towards a server over Streamable HTTP.

#include <doctest/doctest.h>

#include "modern_http_fixture.h"

using namespace http_server;

namespace {

const std::string unknown = "; whether the request had an effect is unknown";
const std::string ended_before = "the connection to the server ended before its answer";

// That speaks 2026-07-28, and has no tools that want anything.
struct Found : Client {
  Found() {
    send(discover());
    answered(1, 200, json, discovered());
    send(ask(2, "tools/list"));
    answered(2, 200, json, tools("2", ""));
  }
};

std::string bare(int id, std::string_view method) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":{}})";
}

}  // namespace

TEST_CASE("a modern request says in its fields what it is, and belongs to no session") {
  auto with = options();
  with.headers.add("Mcp-Name", "other");
  with.headers.add("Mcp-Param-X", "1");
  with.headers.add("MCP-Protocol-Version", "2024-11-05");
  Client client(with);
  CHECK(client.send(discover()) == Lines{"1: POST server/discover 1" + modern});
  const transport::Request& first = client.requests[1];
  CHECK(first.url == "http://h:8/a/mcp?k=1");
  CHECK(first.body.text() == discover());
  CHECK_FALSE(first.stream);
  CHECK(first.fields.get("authorization") == "Bearer t");
  CHECK(first.fields.get("accept") == "application/json, text/event-stream");
  CHECK(first.fields.get("content-type") == "application/json");
  CHECK(first.fields.count("mcp-protocol-version") == 1);
  CHECK(modern_fields(client, 1) == "mcp-method=server/discover;");
  Fields head = json;
  head.emplace_back("Mcp-Session-Id", "S");
  CHECK(client.answered(1, 200, head, discovered()) == Lines{"receive 1 " + discovered()});
  CHECK(client.send(ask(2, "prompts/list")) == Lines{"2: POST prompts/list 2" + modern});
  CHECK(client.wait() < milliseconds(0));
  CHECK(client.close() == Lines{"abandon 2"});
}

TEST_CASE("the fields repeat the name, the uri or the task that a request is about") {
  Found client;
  const auto fields_of = [&](const std::string& method, const std::string& params) {
    client.send(ask(7, method, params));
    return modern_fields(client, client.requests.rbegin()->first);
  };
  CHECK(fields_of("prompts/get", R"("name":"re\u0076iew")") == "mcp-method=prompts/get;mcp-name=review;");
  CHECK(fields_of("resources/read", R"("uri":"file:///stra\u00dfe")") ==
        "mcp-method=resources/read;mcp-name==?base64?ZmlsZTovLy9zdHJhw59l?=;");
  for (const std::string method : {"tasks/get", "tasks/update", "tasks/cancel"}) {
    CHECK(fields_of(method, R"("taskId":"t 1")") == "mcp-method=" + method + ";mcp-name=t 1;");
  }
  CHECK(fields_of("tools/call", R"("name":"echo")") == "mcp-method=tools/call;mcp-name=echo;");
  CHECK(fields_of("tools/call", R"("name":1)") == "mcp-method=tools/call;");
  CHECK(fields_of("tools\\/list", R"("name":"x")") == "mcp-method=tools/list;");
  CHECK(fields_of("completion/complete", R"("name":"x","uri":"y")") == "mcp-method=completion/complete;");
}

TEST_CASE("a modern answer may come as JSON or on a stream, with notices of its own before it") {
  Found client;
  client.send(call_of(7, "echo"));
  CHECK(client.answered(3, 200, json, " \r\n" + done(7) + "\n") == Lines{"receive 7 " + done(7)});
  client.send(call_of(8, "echo"));
  CHECK(client.head(4, 200, events).empty());
  CHECK(client.body(4, ": ka\n\n" + event(progress(1), "x") + "retry: 5\n\n") ==
        Lines{"receive 8 " + progress(1)});
  CHECK(client.body(4, event(done(8))) == Lines{"receive 8 " + done(8)});
  CHECK(client.wait() == seconds(5));
  CHECK(client.ended(4).empty());
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a modern stream that has brought its answer and does not end is let go of") {
  Found client;
  client.send(call_of(8, "echo"));
  client.head(3, 200, events);
  client.body(3, event(done(8)));
  CHECK(client.after(seconds(5)) == Lines{"abandon 3"});
}

TEST_CASE("what a modern stream must not bring is dropped with a note") {
  Found client;
  client.send(call_of(7, "echo"));
  client.send(call_of(8, "echo"));
  client.head(3, 200, events);
  const std::string dropped =
      "note a request or a batch of the server's, which 2026-07-28 has no more, was dropped";
  CHECK(client.body(3, event(bare(1, "roots/list"))) == Lines{dropped});
  CHECK(client.body(3, event("[" + done(7) + "]")) == Lines{dropped});
  CHECK(client.body(3, event(done(8))) == Lines{"note an answer that nobody waits for: id 8"});
  CHECK(client.body(3, "event: other\n" + event(done(7))).empty());
  CHECK(client.body(3, event(done(7))) == Lines{"receive 7 " + done(7)});
  CHECK(client.body(3, event(done(7))) == Lines{"note an answer that nobody waits for: id 7"});
}

TEST_CASE("a stream that ends without the answer is not resumed, and its request is answered by us") {
  Found client;
  client.send(call_of(7, "echo"));
  client.head(3, 200, events);
  client.body(3, event(progress(1), "a"));
  CHECK(client.broke(3) == Lines{"receive 7 " + error(7, ended_before + " (connection reset)" + unknown)});
  client.send(ask(8, "resources/read", R"("uri":"a")"));
  client.head(4, 200, events);
  CHECK(client.ended(4) == Lines{"receive 8 " + error(8, ended_before, true)});
  client.send(call_of(9, "echo"));
  CHECK(client.broke(5) ==
        Lines{"receive 9 " + error(9, "the request got no answer (connection reset)" + unknown)});
  client.send(call_of(10, "echo"));
  client.head(6, 200, json);
  client.body(6, done(10));
  CHECK(client.broke(6) == Lines{"receive 10 " + error(10, ended_before + " (connection reset)" + unknown)});
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a modern server's own error is the answer, whatever its status and its id") {
  Found client;
  RequestId request = 2;
  for (const int status : {400, 404, 500, 429}) {
    client.send(call_of(7, "echo"));
    CHECK(client.answered(++request, status, json, refused("null", -32021)) ==
          Lines{R"(receive 7 {"jsonrpc":"2.0","id":7,"error":{"code":-32021,"message":"no"}})"});
  }
  client.send(call_of(7, "echo"));
  CHECK(client.answered(++request, 200, json, refused("7", -32602)) ==
        Lines{"receive 7 " + refused("7", -32602)});
  client.send(call_of(7, "echo"));
  CHECK(client.answered(++request, 200, json, refused("null", -32602)) ==
        Lines{R"(receive 7 {"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}})"});
}

TEST_CASE("a refusal without an error of the server's own, and an answer that is none, are put into words") {
  Found client;
  client.send(call_of(7, "echo"));
  CHECK(client.answered(3, 404) ==
        Lines{"receive 7 " + error(7, "the server refused the request (HTTP 404 Not Found)")});
  client.send(call_of(7, "echo"));
  CHECK(client.answered(4, 401, json, refused("7", -32001)) ==
        Lines{"receive 7 " + error(7, "the server wants a login (HTTP 401)")});
  client.send(call_of(7, "echo"));
  CHECK(client.answered(5, 429).front() ==
        "receive 7 " + error(7, "the server refused the request (HTTP 429 Too Many Requests)", true));
  client.send(call_of(7, "echo"));
  CHECK(client.answered(6, 202) ==
        Lines{"receive 7 " + error(7, "the server accepted the request and never answered")});
  client.send(call_of(7, "echo"));
  CHECK(client.answered(7, 200, json, " \n") ==
        Lines{"receive 7 " + error(7, "the server answered HTTP 200 with an empty body (application/json)")});
  client.send(call_of(7, "echo"));
  CHECK(client.answered(8, 200, {{"content-type", "text/html"}}, "<p>").front().find("text/html") !=
        std::string::npos);
}

TEST_CASE("no connection ends a modern conversation") {
  Found client;
  client.send(call_of(7, "echo"));
  CHECK(client.unreachable(3) == Lines{"down connection refused"});
  CHECK(client.send(call_of(8, "echo")).empty());
}

TEST_CASE("cancelling a modern request closes its stream, and nothing is posted") {
  Found client;
  client.send(call_of(7, "echo"));
  client.head(3, 200, events);
  CHECK(client.send(cancelled(7)) ==
        Lines{"abandon 3", "receive 7 " + error(7, "the request was cancelled")});
  CHECK(client.send(cancelled(7)).empty());
  CHECK(client.send(cancelled(99)).empty());
  CHECK(client.body(3, event(done(7))).empty());
}

TEST_CASE("a listen stays open until it is cancelled, answered or lost") {
  Found client;
  const std::string listen = ask(7, "subscriptions/listen", R"("notifications":{"toolsListChanged":true})");
  const std::string acknowledged =
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},)"
      R"("_meta":{"io.modelcontextprotocol/subscriptionId":7}}})";
  CHECK(client.send(listen) == Lines{"3: POST subscriptions/listen 7" + modern});
  CHECK(client.requests[3].stream);
  CHECK(modern_fields(client, 3) == "mcp-method=subscriptions/listen;");
  client.head(3, 200, events);
  CHECK(client.body(3, event(acknowledged)) == Lines{"receive 7 " + acknowledged});
  CHECK(client.wait() < milliseconds(0));
  const std::string lost = "the stream on which it tells of changes ended";
  CHECK(client.ended(3) == Lines{"receive 7 " + error(7, lost, true)});
  client.send(listen);
  client.head(4, 200, events);
  CHECK(client.broke(4) == Lines{"receive 7 " + error(7, lost + " (connection reset)", true)});
  client.send(listen);
  client.head(5, 200, events);
  CHECK(client.body(5, event(done(7))) == Lines{"receive 7 " + done(7)});
  CHECK(client.ended(5).empty());
  client.send(listen);
  client.head(6, 200, events);
  CHECK(client.send(cancelled(7)).front() == "abandon 6");
}

TEST_CASE("a modern notice is posted, and its answer is nobody's") {
  Found client;
  const std::string notice = R"({"jsonrpc":"2.0","method":"notifications/x","params":{)" + claim() + "}}";
  CHECK(client.send(notice) == Lines{"3: POST notifications/x" + modern});
  CHECK(modern_fields(client, 3) == "mcp-method=notifications/x;");
  CHECK(client.answered(3, 202).empty());
  client.send(notice);
  CHECK(client.answered(4, 400, json, refused("null", -32600)).size() == 1);
  client.send(notice);
  CHECK(client.after(seconds(30)) ==
        Lines{"abandon 5", "note the server did not acknowledge a notification or an answer"});
}

TEST_CASE("an id that is no number is refused") {
  Client client;
  const std::string text = R"({"jsonrpc":"2.0","id":"a","method":"tools/list","params":{)" + claim() + "}}";
  CHECK(client.send(text) == Lines{R"(receive {"jsonrpc":"2.0","id":"a","error":{"code":-32600,"message":)"
                                   R"("hearth: an id that is no number"}})"});
}

TEST_CASE("an answer that is too large is dropped and the request answered by us") {
  Found client;
  const std::string sentence =
      "the server sent a message of more than 4096 bytes, which was dropped; the request may have had its "
      "effect";
  client.send(call_of(7, "echo"));
  client.head(3, 200, json);
  CHECK(client.body(3, std::string(5000, ' ')) == Lines{"abandon 3", "receive 7 " + error(7, sentence)});
  client.send(call_of(8, "echo"));
  client.head(4, 200, events);
  CHECK(client.body(4, event(std::string(5000, 'x'))).size() == 1);
  CHECK(client.ended(4) == Lines{"receive 8 " + error(8, sentence)});
}
