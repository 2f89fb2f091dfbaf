// What is kept because of a client is counted and bounded (core/account.h): here with limits that a test
// reaches quickly. Floods to the real ones are in broker_floods_test.cpp.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "modern_stage.h"

namespace {

using core::Kept;
using test::Lines;
using test::ModernStage;
using test::Page;

broker::Options limited() {
  broker::Options options;
  options.allowances.fill({.session = {3, 400}, .principal = {4, 600}});
  // A call in the table counts with all of it, a listen with its whole request.
  for (const Kept kind : {Kept::cancelled, Kept::listen})
    options.allowances[static_cast<std::size_t>(kind)] = {{3, 1 << 20}, {4, 1 << 20}};
  return options;
}

struct Limited : ModernStage {
  Limited() : ModernStage(limited()) {}

  core::SessionId by_token(const std::string& token) {
    const core::SessionId id = broker.admit();
    happens(broker::SessionOpened{id, spec(), {}, 0, false, token});
    greet(id, "{}", "2025-11-25");
    return id;
  }
  Lines subscribes(core::SessionId session, const std::string& uri) {
    says(session,
         R"({"jsonrpc":"2.0","id":"s","method":"resources/subscribe","params":{"uri":")" + uri + R"("}})");
    const Lines asked = hears(server());
    if (!asked.empty())
      serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(asked.back()) + R"(,"result":{}})");
    return hears(session);
  }
  core::Amount kept(core::SessionId session, Kept kind) {
    for (const broker::SessionReport& report : broker.sessions()) {
      if (report.session != session) continue;
      for (const auto& [of, amount] : report.kept) {
        if (of == kind) return amount;
      }
    }
    return {};
  }
};

TEST_CASE_FIXTURE(Limited, "subscriptions count with their names, and what is ended counts no more") {
  const auto one = ready();
  subscribes(one, "file:///a");
  CHECK(kept(one, Kept::subscription) == core::Amount{1, 9});
  const Lines refused = subscribes(one, "file:///" + std::string(400, 'x'));
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].contains("too many bytes of subscriptions in this session (limit 400)"));
  CHECK(kept(one, Kept::subscription) == core::Amount{1, 9});
  subscribes(one, "file:///b");
  CHECK_FALSE(subscribes(one, "file:///c").at(0).contains("error"));
  CHECK(subscribes(one, "file:///d").at(0).contains("too many subscriptions in this session (limit 3)"));
  says(one, R"({"jsonrpc":"2.0","id":1,"method":"resources/unsubscribe","params":{"uri":"file:///b"}})");
  CHECK(kept(one, Kept::subscription) == core::Amount{2, 18});
  hears(one);
  hears(server());
  CHECK_FALSE(subscribes(one, "file:///d").at(0).contains("error"));
}

TEST_CASE_FIXTURE(Limited, "sessions with one token share what is allowed to it, others do not notice") {
  const auto one = by_token("t");
  const auto two = by_token("t");
  const auto other = by_token("u");
  for (const char* uri : {"file:///a", "file:///b", "file:///c"}) subscribes(one, uri);
  CHECK_FALSE(subscribes(two, "file:///a").at(0).contains("error"));
  CHECK(subscribes(two, "file:///b")
            .at(0)
            .contains("too many subscriptions of this token's sessions (limit 4)"));
  CHECK_FALSE(subscribes(other, "file:///b").at(0).contains("error"));
  happens(broker::SessionClosed{one, "left"});
  CHECK_FALSE(subscribes(two, "file:///b").at(0).contains("error"));
}

TEST_CASE_FIXTURE(Limited, "a subscription that its server refuses is not kept") {
  const auto one = ready();
  says(one, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///a"}})");
  CHECK(kept(one, Kept::subscription).objects == 1);
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).back()) +
                       R"(,"error":{"code":-32602,"message":"no"}})");
  CHECK(kept(one, Kept::subscription) == core::Amount{});
}

TEST_CASE_FIXTURE(Limited, "subscriptions of several listens of a client are counted together") {
  const auto one = modern();
  const auto listen = [&](const std::string& id, const std::string& uris) {
    says(one,
         request(id, "subscriptions/listen", R"("notifications":{"resourceSubscriptions":[)" + uris + "]},"));
    for (const std::string& asked : hears(server()))
      serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(asked) + R"(,"result":{}})");
    return hears(one);
  };
  listen("1", R"("file:///a","file:///b")");
  CHECK(kept(one, Kept::subscription) == core::Amount{2, 18});
  CHECK(kept(one, Kept::listen).objects == 1);
  const Lines refused = listen("2", R"("file:///c","file:///d")");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].contains("too many subscriptions in this session (limit 3)"));
  says(one, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK(kept(one, Kept::listen) == core::Amount{});
  CHECK(kept(one, Kept::subscription) == core::Amount{});
}

TEST_CASE_FIXTURE(Limited, "subscriptions of listens that wait for their server are counted, and once") {
  const auto one = open();
  const auto listen = [&](const std::string& id, const std::string& uris) {
    says(one,
         request(id, "subscriptions/listen", R"("notifications":{"resourceSubscriptions":[)" + uris + "]},"));
    return hears(one);
  };
  listen("1", R"("file:///a","file:///b")");
  CHECK(kept(one, Kept::subscription) == core::Amount{2, 18});
  const Lines refused = listen("2", R"("file:///c","file:///d")");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].contains("too many subscriptions in this session (limit 3)"));
  bring_up(R"({"resources":{"subscribe":true}})");
  CHECK(kept(one, Kept::subscription) == core::Amount{2, 18});
  says(one, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK(kept(one, Kept::subscription) == core::Amount{});
}

TEST_CASE_FIXTURE(Limited, "questions beyond the limit are declined, and those of another session are put") {
  core::ServerSpec asking = spec();
  asking.interactive = core::Interactive::serialise;
  const auto one = ready(asking, R"({"elicitation":{}})");
  says(one, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
  hears(server());
  for (const char* id : {"11", "12", "13", "14"}) asks(id, "elicitation/create", R"({"message":"?"})");
  CHECK(hears(one).size() == 3);
  const Lines declined = hears(server());
  REQUIRE(declined.size() == 1);
  CHECK(declined[0].contains(R"("id":14,"result":{"action":"cancel"})"));
  CHECK(kept(one, Kept::question).objects == 3);
}

TEST_CASE_FIXTURE(Limited,
                  "a client that is to come back with answers is read, however long its request was") {
  const auto one = modern();
  says(one, call("1", R"("more":")" + std::string(400, 'x') + R"(",)"));
  CHECK(count<broker::PauseSession>() == 1);
  asks("7", "elicitation/create", R"({"message":"?"})");
  CHECK(asked_in_a_round(one).contains("input_required"));
  CHECK(count<broker::ResumeSession>() == 1);
  CHECK(kept(one, Kept::parked).bytes > 400);
}

TEST_CASE_FIXTURE(Limited, "a name that is as long as a message is counted") {
  const auto one = ready();
  says(one, R"({"jsonrpc":"2.0","id":")" + std::string(2000, 'i') + R"(","method":"tools/list"})");
  CHECK(kept(one, Kept::request).bytes > 2000);
  CHECK(count<broker::PauseSession>() == 1);
}

TEST_CASE_FIXTURE(Limited,
                  "a client whose unanswered requests are too much to keep is not read until they are few") {
  const auto one = modern();
  const std::string long_argument = R"("more":")" + std::string(400, 'x') + R"(",)";
  says(one, call("1", long_argument));
  CHECK(count<broker::PauseSession>() == 1);
  const std::string wire = id_of(hears(server()).back());
  CHECK(kept(one, Kept::request).bytes > 400);
  serves(server(), R"({"jsonrpc":"2.0","id":)" + wire + R"(,"result":{"content":[]}})");
  CHECK(count<broker::ResumeSession>() == 1);
  CHECK(kept(one, Kept::request) == core::Amount{});
}

TEST_CASE_FIXTURE(
    Limited, "the calls that a token's sessions cancelled are bounded together, also of those that left") {
  const auto cancels = [&](core::SessionId session, int times) {
    for (int i = 0; i < times; ++i) {
      const std::string id = std::to_string(i);
      says(session, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t"}})");
      says(session,
           R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}");
    }
    hears(server());
  };
  const auto one = by_token("t");
  cancels(one, 3);
  happens(broker::SessionClosed{one, "left"});
  const auto two = by_token("t");
  cancels(two, 1);
  hears(two);
  says(two, R"({"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t"}})");
  CHECK(hears(two).at(0).contains("too many cancelled calls of this token's sessions (limit 4)"));
  const auto other = by_token("u");
  says(other, R"({"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t"}})");
  CHECK(hears(server()).size() == 1);
  passes(core::limits::ghost);
  says(two, R"({"jsonrpc":"2.0","id":10,"method":"tools/call","params":{"name":"t"}})");
  CHECK(hears(server()).size() == 1);
}

TEST_CASE_FIXTURE(Limited, "a long question of a parked call is declined, and the call goes on") {
  const auto one = modern();
  says(one, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("7", "elicitation/create", R"({"message":")" + std::string(500, 'x') + R"("})");
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":7,"result":{"action":"cancel"}})"});
  serves_result(wire, "{}");
  CHECK(hears(one).at(0).contains(R"("resultType":"complete")"));
  CHECK(kept(one, Kept::parked) == core::Amount{});
}

}  // namespace
