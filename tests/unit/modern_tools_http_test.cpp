// Calls of tools of 2026-07-28 over HTTP, and the list that says what they want as fields.

#include <doctest/doctest.h>

#include "modern_http_fixture.h"

using namespace http_server;

namespace {

const std::string eu = R"({"region":"eu"})";
const std::string with_eu = "mcp-method=tools/call;mcp-name=far;mcp-param-region=eu;";
const std::string with_zone = "mcp-method=tools/call;mcp-name=far;mcp-param-zone=eu;";
const std::string without = "mcp-method=tools/call;mcp-name=far;";
const std::string invalid =
    R"({"name":"bad","inputSchema":{"properties":{"o":{"type":"object","x-mcp-header":"O"}}}})";
const std::string why =
    "x-mcp-header at \\\"o\\\" of its inputSchema is on something other than a string, an integer or a "
    "boolean";
const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
const std::string own_1 = "1: POST tools/list " + own(1) + modern;

// That knows a tool "far" with an argument to repeat in Mcp-Param-Region.
struct Known : Client {
  Known() {
    send(ask(1, "tools/list"));
    answered(1, 200, json, tools("1", tool("far", "Region")));
  }
};

}  // namespace

TEST_CASE("the first call of a tool waits for the list, and carries what the tool wants") {
  Client client;
  const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"far",)"
                           R"("arguments":{"region":"eu"},)" +
                           claim(R"("progressToken":3,)") + "}}";
  CHECK(client.send(call) == Lines{own_1});
  CHECK(client.requests[1].body.text() ==
        R"({"jsonrpc":"2.0","id":"hearth-tools-1","method":"tools/list","params":{)" + claim() + "}}");
  CHECK(modern_fields(client, 1) == "mcp-method=tools/list;");
  CHECK(client.send(call_of(8, "plain")).empty());
  CHECK(client.answered(1, 200, json, tools(own(1), tool("far", "Region") + ',' + tool("plain"))) ==
        Lines{"2: POST tools/call 7" + modern, "3: POST tools/call 8" + modern});
  CHECK(client.requests[2].body.text() == call);
  CHECK(modern_fields(client, 2) == with_eu);
  CHECK(modern_fields(client, 3) == "mcp-method=tools/call;mcp-name=plain;");
  CHECK(client.send(call_of(9, "unknown")) == Lines{"4: POST tools/call 9" + modern});
}

TEST_CASE("all pages are asked for, and may come on streams that go on for a moment") {
  Client client;
  client.send(call_of(7, "far", eu));
  client.head(1, 200, events);
  CHECK(client.body(1, event(progress(1))).empty());
  CHECK(client.body(1, event(tools(own(1), tool("plain"), R"(,"nextCursor":"a\"b")"))) ==
        Lines{"2: POST tools/list " + own(2) + modern});
  CHECK(client.requests[2].body.text() ==
        R"({"jsonrpc":"2.0","id":"hearth-tools-2","method":"tools/list","params":{)" + claim() +
            R"(,"cursor":"a\"b"}})");
  client.head(2, 200, events);
  CHECK(client.body(2, event(tools(own(2), tool("far", "Region")))) ==
        Lines{"3: POST tools/call 7" + modern});
  CHECK(modern_fields(client, 3) == with_eu);
  CHECK(client.ended(1).empty());
  CHECK(client.after(seconds(5)) == Lines{"abandon 2"});
}

TEST_CASE("a page that names itself as the next is the last") {
  Client client;
  client.send(call_of(7, "far"));
  client.answered(1, 200, json, tools(own(1), "", R"(,"nextCursor":"a")"));
  CHECK(client.answered(2, 200, json, tools(own(2), "", R"(,"nextCursor":"a")")) ==
        Lines{"3: POST tools/call 7" + modern});
}

TEST_CASE("a list without an end does not hold a call for ever") {
  Client client;
  client.send(call_of(7, "far"));
  for (int page = 1; page < 200; ++page) {
    const std::string next = R"(,"nextCursor":")" + std::to_string(page) + '"';
    CHECK(client.answered(static_cast<RequestId>(page), 200, json, tools(own(page), "", next)) ==
          Lines{std::to_string(page + 1) + ": POST tools/list " + own(page + 1) + modern});
  }
  CHECK(client.answered(200, 200, json, tools(own(200), "", R"(,"nextCursor":"x")")) ==
        Lines{"201: POST tools/call 7" + modern});
}

TEST_CASE("a call goes without fields of its own where the list cannot be had") {
  const auto goes = [](const Lines& lines) { CHECK(lines == Lines{"2: POST tools/call 7" + modern}); };
  const std::string too_large =
      "note the server sent a message of more than 4096 bytes, which was dropped; "
      "the request may have had its effect";
  Client refused_by_status;
  refused_by_status.send(call_of(7, "far", eu));
  goes(refused_by_status.answered(1, 503));
  CHECK(modern_fields(refused_by_status, 2) == without);
  Client wants_login;
  wants_login.send(call_of(7, "far", eu));
  goes(wants_login.answered(1, 401));
  Client broken;
  broken.send(call_of(7, "far", eu));
  goes(broken.broke(1));
  Client unanswered;
  unanswered.send(call_of(7, "far", eu));
  unanswered.head(1, 200, events);
  goes(unanswered.ended(1));
  Client large;
  large.send(call_of(7, "far", eu));
  large.head(1, 200, json);
  CHECK(large.body(1, std::string(5000, ' ')) ==
        Lines{"abandon 1", "2: POST tools/call 7" + modern, too_large});
  Client slow;
  slow.send(call_of(7, "far", eu));
  CHECK(slow.wait() == seconds(20));
  CHECK(slow.after(seconds(20)) == Lines{"abandon 1", "2: POST tools/call 7" + modern});
  // Next time it may be there.
  CHECK(slow.send(call_of(8, "far", eu)) == Lines{"3: POST tools/list " + own(2) + modern});
}

TEST_CASE("a server that has no list is not asked for it again") {
  for (const int status : {200, 404}) {
    Client client;
    client.send(call_of(7, "far", eu));
    CHECK(client.answered(1, status, json, refused(own(1), -32601)) ==
          Lines{"2: POST tools/call 7" + modern});
    CHECK(client.send(call_of(8, "far", eu)) == Lines{"3: POST tools/call 8" + modern});
  }
  Client client;
  client.send(call_of(7, "far", eu));
  CHECK(client.answered(1, 200, json, refused("null", -32601)) == Lines{"2: POST tools/call 7" + modern});
  CHECK(client.send(call_of(8, "far", eu)) == Lines{"3: POST tools/call 8" + modern});
}

TEST_CASE("no connection for the list is none for the call") {
  Client client;
  client.send(call_of(7, "far"));
  CHECK(client.unreachable(1) == Lines{"down connection refused"});
}

TEST_CASE("a call that is cancelled while it waits is not made") {
  Client client;
  client.send(call_of(7, "far"));
  client.send(call_of(8, "far"));
  CHECK(client.send(cancelled(7)) == Lines{"receive 7 " + error(7, "the request was cancelled")});
  CHECK(client.answered(1, 200, json, tools(own(1), "")) == Lines{"2: POST tools/call 8" + modern});
}

TEST_CASE("closing while calls wait leaves nothing behind") {
  Client client;
  client.send(call_of(7, "far"));
  CHECK(client.close() == Lines{"abandon 1"});
  CHECK(client.answered(1, 200, json, tools(own(1), "")).empty());
  CHECK(client.wait() < milliseconds(0));
}

TEST_CASE("a list that the broker asks for teaches what tools want") {
  Known client;
  CHECK(client.send(call_of(7, "far", eu)) == Lines{"2: POST tools/call 7" + modern});
  CHECK(modern_fields(client, 2) == with_eu);
}

TEST_CASE("pages that the broker asks for teach too") {
  Client client;
  client.send(ask(1, "tools/list"));
  const std::string first = tools("1", tool("plain"), R"(,"nextCursor":"2")");
  CHECK(client.answered(1, 200, json, first) == Lines{"receive 1 " + first});
  client.send(ask(2, "tools/list", R"("cursor":"2")"));
  client.head(2, 200, events);
  const std::string second = tools("2", tool("far", "Region"));
  CHECK(client.body(2, event(second)) == Lines{"receive 2 " + second});
  client.send(call_of(7, "plain"));
  client.send(call_of(8, "far", eu));
  CHECK(modern_fields(client, 3) == "mcp-method=tools/call;mcp-name=plain;");
  CHECK(modern_fields(client, 4) == with_eu);
}

TEST_CASE("a changed list is asked for before a call of a tool that is not known") {
  Known client;
  client.send(ask(2, "subscriptions/listen"));
  client.head(2, 200, events);
  CHECK(client.body(2, event(changed)) == Lines{"receive 2 " + changed});
  CHECK(client.send(call_of(7, "far", eu)) == Lines{"3: POST tools/call 7" + modern});
  CHECK(client.send(call_of(8, "new")) == Lines{"4: POST tools/list " + own(1) + modern});
}

TEST_CASE("a call that is refused for its fields is made once more with those of a new list") {
  Known client;
  client.send(call_of(7, "far", eu));
  CHECK(client.answered(2, 400, json, refused("7", -32020)) ==
        Lines{"3: POST tools/list " + own(1) + modern});
  CHECK(client.answered(3, 200, json, tools(own(1), tool("far", "Zone"))) ==
        Lines{"4: POST tools/call 7" + modern});
  CHECK(modern_fields(client, 4) == with_zone);
  CHECK(client.requests[4].body.text() == call_of(7, "far", eu));
  CHECK(client.answered(4, 400, json, refused("7", -32020)) ==
        Lines{R"(receive 7 {"jsonrpc":"2.0","id":7,"error":{"code":-32020,"message":"no"}})"});
}

TEST_CASE("the second time may succeed, and the refusal may come with any status or on a stream") {
  Known in_json;
  in_json.send(call_of(7, "far", eu));
  CHECK(in_json.answered(2, 200, json, refused("7", -32020)).size() == 1);
  in_json.answered(3, 200, json, tools(own(1), tool("far", "Zone")));
  CHECK(in_json.answered(4, 200, json, done(7)) == Lines{"receive 7 " + done(7)});
  Known on_stream;
  on_stream.send(call_of(7, "far", eu));
  on_stream.head(2, 200, events);
  CHECK(on_stream.body(2, event(refused("7", -32020)) + event(progress(1))) ==
        Lines{"abandon 2", "3: POST tools/list " + own(1) + modern});
  on_stream.answered(3, 200, json, tools(own(1), tool("far", "Zone")));
  CHECK(modern_fields(on_stream, 4) == with_zone);
  CHECK(on_stream.send(cancelled(7)).front() == "abandon 4");
}

TEST_CASE("a call is not repeated with the same fields") {
  Known client;
  client.send(call_of(7, "far", eu));
  client.answered(2, 400, json, refused("7", -32020));
  CHECK(client.answered(3, 200, json, tools(own(1), tool("far", "Region"))) ==
        Lines{R"(receive 7 {"jsonrpc":"2.0","id":7,"error":{"code":-32020,"message":"no"}})"});
}

TEST_CASE("other requests that are refused for their fields are not repeated") {
  Known client;
  client.send(ask(7, "prompts/get", R"("name":"a")"));
  CHECK(client.answered(2, 400, json, refused("7", -32020)) ==
        Lines{R"(receive 7 {"jsonrpc":"2.0","id":7,"error":{"code":-32020,"message":"no"}})"});
}

TEST_CASE("a tool that wants fields in a way that is not allowed is neither listed nor called") {
  Client client;
  client.send(ask(1, "tools/list"));
  const std::string note = "note the tool \"bad\" is left out of the server's list: ";
  const Lines lines = client.answered(1, 200, json, tools("1", tool("far") + ',' + invalid, R"(,"ttlMs":5)"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with(note));
  CHECK(lines[1] == "receive 1 " + tools("1", tool("far"), R"(,"ttlMs":5)"));
  client.send(ask(2, "tools/list"));
  CHECK(client.answered(2, 200, json, tools("2", invalid)) == Lines{"receive 2 " + tools("2", "")});
  CHECK(
      client.send(call_of(7, "bad")) ==
      Lines{"receive 7 " + error_of(7, -32602, R"(the tool \"bad\" must not be called over HTTP: )" + why)});
}

TEST_CASE("a legacy list is left as it is, and a legacy call gets no fields") {
  Begun client;
  client.send(R"({"jsonrpc":"2.0","id":8,"method":"tools/list","params":{}})");
  CHECK(client.answered(4, 200, json, tools("8", invalid)) == Lines{"receive 8 " + tools("8", invalid)});
  CHECK(client.send(call(9)) == Lines{"5: POST tools/call 9" + as_s});
  CHECK(modern_fields(client, 5) == "mcp-session-id=S;");
}
