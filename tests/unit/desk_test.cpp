#include "transport/inbound/desk.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>

#include "modern_fixture.h"
#include "replaced.h"
#include "transport/inbound/held_posts.h"
#include "transport/inbound/saving.h"

using namespace transcript;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Stage {
  explicit Stage(transport::DeskOptions given = {}) : options(given), desk(options, params) {}

  Lines out() {
    Lines lines = reader.read(desk.outbox());
    if (test::replaced) desk = test::read_again(desk);
    if (test::replaced) desk.follow(options, params);
    return lines;
  }
  Lines post(transport::ExchangeId exchange, const std::string& body, std::string_view method = "tools/call",
             Fields instead = {}) {
    instead.emplace_back("mcp-name", "x");
    auto made = request("POST", body, modern_fields(method, instead));
    auto judgement = transport::judge(made);
    REQUIRE(std::holds_alternative<transport::ModernCall>(judgement));
    desk.request(exchange, std::get<transport::ModernCall>(std::move(judgement)), now);
    return out();
  }
  Lines say(const std::string& text, std::string_view concerns = {}) {
    desk.send(proto::Message(text), concerns, now);
    return out();
  }
  Lines gone(transport::ExchangeId exchange) {
    desk.gone(exchange, now);
    return out();
  }
  Lines after(base::Duration time) {
    now += time;
    desk.tick(now);
    return out();
  }

  transport::DeskOptions options;
  transport::ParamHeaders params;
  transport::Desk desk;
  Reader reader;
  base::Instant now{seconds(100)};
};

std::string result(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{"resultType":"complete"}})";
}
std::string error(std::string_view id, int code) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"error":{"code":)" + std::to_string(code) +
         R"(,"message":"no"}})";
}
std::string cancelled(std::string_view id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + std::string(id) +
         "}}";
}
std::string tagged(std::string_view method, std::string_view id) {
  return R"({"jsonrpc":"2.0","method":"notifications/)" + std::string(method) +
         R"(","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" + std::string(id) + "}}}";
}

const std::string progress =
    R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})";

}  // namespace

TEST_CASE("requests of many clients get ids of the desk's own, and their answers the clients'") {
  Stage stage;
  CHECK_FALSE(stage.desk.connected());
  CHECK(stage.post(1, modern_call("7")) == Lines{"deliver " + modern_call("1")});
  CHECK(stage.post(2, modern_call("7")) == Lines{"deliver " + modern_call("2")});
  CHECK(stage.post(3, modern_call("\"a\\u0062\"")) == Lines{"deliver " + modern_call("3")});
  CHECK(stage.desk.connected());
  CHECK(stage.say(result("2")) == Lines{"2: 200 " + result("7")});
  CHECK(stage.say(result("3")) == Lines{"3: 200 " + result("\"a\\u0062\"")});
  CHECK(stage.say(result("1")) == Lines{"1: 200 " + result("7")});
  CHECK_FALSE(stage.desk.connected());
  CHECK(stage.say(result("1")).empty());
  CHECK(stage.post(4, modern_call("7")) == Lines{"deliver " + modern_call("4")});
}

TEST_CASE("the id is found where the broker has put it") {
  Stage stage;
  stage.post(1, modern_call("\"mine\""));
  proto::Message answer(R"({"jsonrpc":"2.0","id":4711,"result":{}})");
  answer.splice({22, 4}, "1");
  answer.splice({37, 0}, R"("resultType":"complete")");
  stage.desk.send(answer, {}, stage.now);
  CHECK(stage.out() == Lines{R"(1: 200 {"jsonrpc":"2.0","id":"mine","result":{"resultType":"complete"}})"});
}

TEST_CASE("an answer that comes first has the status that its error calls for") {
  const std::pair<int, int> cases[] = {{-32601, 404}, {-32700, 400}, {-32600, 400}, {-32020, 400},
                                       {-32021, 400}, {-32022, 400}, {-32602, 200}, {-32603, 200},
                                       {-32000, 200}, {1, 200}};
  for (const auto& [code, status] : cases) {
    Stage stage;
    stage.post(1, modern_call("7"));
    CAPTURE(code);
    CHECK(stage.say(error("1", code)) == Lines{"1: " + std::to_string(status) + ' ' + error("7", code)});
  }
}

TEST_CASE("a notice makes a stream of it, which ends with the answer") {
  Stage stage;
  stage.post(1, modern_call("7"));
  stage.post(2, modern_call("7"));
  CHECK(stage.say(progress, "1") == Lines{"1: stream", "1: " + progress});
  CHECK(stage.say(progress, "1") == Lines{"1: " + progress});
  CHECK(stage.say(error("1", -32601)) == Lines{"1: " + error("7", -32601), "1: end"});
  CHECK(stage.say(result("2")) == Lines{"2: 200 " + result("7")});
}

TEST_CASE("what concerns no request, and what asks, is dropped") {
  Stage stage;
  stage.post(1, modern_call("7"));
  CHECK(stage.say(progress).empty());
  CHECK(stage.say(progress, "2").empty());
  CHECK(stage.say(R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})", "1").empty());
  CHECK(stage.say("{").empty());
  CHECK(stage.say(result("1")).size() == 1);
}

TEST_CASE("a slow answer comes on a stream that says something now and then") {
  Stage stage;
  stage.post(1, modern_call("7"));
  CHECK(stage.desk.deadline() == stage.now + seconds(1));
  CHECK(stage.after(milliseconds(999)).empty());
  CHECK(stage.after(milliseconds(1)) == Lines{"1: stream"});
  CHECK(stage.after(milliseconds(14'999)).empty());
  CHECK(stage.after(milliseconds(1)) == Lines{"1: : keep-alive"});
  CHECK(stage.after(seconds(10)).empty());
  CHECK(stage.say(progress, "1") == Lines{"1: " + progress});
  CHECK(stage.after(seconds(10)).empty());
  CHECK(stage.after(seconds(5)) == Lines{"1: : keep-alive"});
  CHECK(stage.say(result("1")) == Lines{"1: " + result("7"), "1: end"});
  CHECK_FALSE(stage.desk.deadline());
}

TEST_CASE("the notices of a listen, and its end, carry the client's own id") {
  Stage stage;
  stage.post(1, modern("\"l\"", "subscriptions/listen"), "subscriptions/listen");
  stage.post(2, modern("5", "subscriptions/listen"), "subscriptions/listen");
  CHECK(stage.say(tagged("subscriptions/acknowledged", "1"), "1") ==
        Lines{"1: stream", "1: " + tagged("subscriptions/acknowledged", "\"l\"")});
  CHECK(stage.say(tagged("tools/list_changed", "2"), "2") ==
        Lines{"2: stream", "2: " + tagged("tools/list_changed", "5")});
  // The tag may have been spliced in by the broker.
  proto::Message notice(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  notice.splice({notice.size() - 1, 0},
                R"(,"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}})");
  stage.desk.send(notice, "1", stage.now);
  CHECK(stage.out() == Lines{"1: " + tagged("tools/list_changed", "\"l\"")});
  const auto end = [](const std::string& id) {
    return R"({"jsonrpc":"2.0","id":)" + id +
           R"(,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" + id + "}}}";
  };
  CHECK(stage.say(end("1")) == Lines{"1: " + end("\"l\""), "1: end"});
  CHECK(stage.say(end("2")) == Lines{"2: " + end("5"), "2: end"});
}

TEST_CASE("closing the exchange cancels the request, and nothing more is said") {
  Stage stage;
  stage.post(1, modern_call("7"));
  stage.post(2, modern_call("8"));
  stage.say(progress, "2");
  CHECK(stage.gone(1) == Lines{"deliver " + cancelled("1")});
  CHECK(stage.gone(2) == Lines{"deliver " + cancelled("2")});
  CHECK(stage.say(result("1")).empty());
  CHECK(stage.say(progress, "2").empty());
  CHECK_FALSE(stage.desk.connected());
  CHECK(stage.gone(1).empty());
}

TEST_CASE("what is answered is not cancelled") {
  Stage stage;
  stage.post(1, modern_call("7"));
  stage.say(result("1"));
  CHECK(stage.gone(1).empty());
}

TEST_CASE("held requests wait in order, and one whose client has left is forgotten") {
  Stage stage;
  stage.post(1, modern_call("7"));
  stage.desk.hold();
  CHECK(stage.post(2, modern_call("8")).empty());
  CHECK(stage.post(3, modern_call("9")).empty());
  CHECK(stage.gone(2).empty());
  CHECK(stage.gone(1) == Lines{"deliver " + cancelled("1")});
  stage.desk.release(stage.now);
  CHECK(stage.out() == Lines{"deliver " + modern_call("3")});
  CHECK(stage.say(result("3")) == Lines{"3: 200 " + result("9")});
}

TEST_CASE("a desk is bounded") {
  Stage stage({.in_flight_max = 2});
  stage.post(1, modern_call("1"));
  stage.post(2, modern_call("2"));
  CHECK(stage.post(3, modern_call("3")).front().starts_with("3: 503"));
  stage.say(result("1"));
  CHECK(stage.post(4, modern_call("4")) == Lines{"deliver " + modern_call("3")});

  Stage held;
  held.desk.hold();
  for (std::size_t i = 1; i <= transport::HeldPosts::count_max; ++i)
    CHECK(held.post(i, modern_call("1")).empty());
  CHECK(held.post(1000, modern_call("1")).front().starts_with("1000: 503"));
}

TEST_CASE("what a tool wants in fields is learnt from the list, and checked from then on") {
  Stage stage;
  const std::string call = modern("7", "tools/call", R"("name":"x","arguments":{"region":"eu"},)");
  CHECK(stage.post(1, call).size() == 1);
  CHECK(stage.desk.connected());
  stage.post(2, modern("8", "tools/list"), "tools/list");
  const std::string list = R"("result":{"tools":[{"name":"x","inputSchema":{"type":"object",)"
                           R"("properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}})";
  CHECK(stage.say(R"({"jsonrpc":"2.0","id":2,)" + list) ==
        Lines{R"(2: 200 {"jsonrpc":"2.0","id":8,)" + list});
  const Lines refused = stage.post(3, call);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().starts_with(R"(3: 400 {"jsonrpc":"2.0","id":7,"error":{"code":-32020,)"));
  CHECK(stage.post(4, call, "tools/call", Fields{{"mcp-param-region", "us"}}).front().starts_with("4: 400"));
  CHECK(stage.post(5, call, "tools/call", Fields{{"mcp-param-region", "eu"}}).front().starts_with("deliver"));
}
