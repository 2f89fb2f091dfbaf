#include "core/subscriptions.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "numbers.h"

namespace {

using core::SessionId;
using core::Subscriptions;
using Step = Subscriptions::Step;
using Waiters = std::vector<Subscriptions::Waiter>;
using Names = std::vector<std::string>;

const SessionId ann{0, 1};
const SessionId ben{1, 1};
const SessionId cat{2, 1};

// `who` ends up subscribed, and the server has agreed.
void subscribe(Subscriptions& subscriptions, const std::string& uri, SessionId who) {
  if (subscriptions.want(uri, {who, 1_call}).granted) return;
  REQUIRE(subscriptions.step(uri) == Step::subscribe);
  subscriptions.outcome(uri, true);
}

TEST_CASE("subscriptions: the first asks the server, the second does not") {
  Subscriptions all;
  CHECK_FALSE(all.want("r", {ann, 1_call}).granted);
  CHECK(all.step("r") == Step::subscribe);
  CHECK(all.concerned("r").empty());  // Not before the server has agreed.
  CHECK(all.outcome("r", true) == Waiters{{ann, 1_call}});
  CHECK(all.step("r") == Step::none);
  CHECK(all.want("r", {ben, 2_call}).granted);
  CHECK(all.step("r") == Step::none);
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ann, ben});
}

TEST_CASE("subscriptions: one request at a time; who comes meanwhile waits for its outcome") {
  Subscriptions all;
  all.want("r", {ann, 1_call});
  CHECK(all.step("r") == Step::subscribe);
  CHECK(all.step("r") == Step::none);
  CHECK_FALSE(all.want("r", {ben, 2_call}).granted);
  CHECK(all.step("r") == Step::none);
  CHECK(all.outcome("r", true) == Waiters{{ann, 1_call}, {ben, 2_call}});
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ann, ben});
}

TEST_CASE("subscriptions: the last one to go ends it") {
  Subscriptions all;
  subscribe(all, "r", ann);
  subscribe(all, "r", ben);
  CHECK(all.unwant("r", ann).held);
  CHECK(all.step("r") == Step::none);
  CHECK_FALSE(all.unwant("r", ann).held);
  CHECK_FALSE(all.unwant("unheard of", ann).held);
  CHECK(all.unwant("r", ben).held);
  CHECK(all.step("r") == Step::unsubscribe);
  CHECK(all.outcome("r", true).empty());
  CHECK(all.step("r") == Step::none);
  CHECK(all.uris().empty());
}

TEST_CASE("subscriptions: wanted again while the end is under way") {
  for (const bool ended_well : {true, false}) {
    Subscriptions all;
    subscribe(all, "r", ann);
    all.unwant("r", ann);
    CHECK(all.step("r") == Step::unsubscribe);
    CHECK_FALSE(all.want("r", {ben, 2_call}).granted);  // The server may have forgotten us already.
    CHECK(all.outcome("r", ended_well).empty());
    CHECK(all.step("r") == Step::subscribe);
    CHECK(all.outcome("r", true) == Waiters{{ben, 2_call}});
    CHECK(all.concerned("r") == std::set<core::Subscriber>{ben});
  }
}

TEST_CASE("subscriptions: a refusal concerns all who waited, and is not remembered") {
  Subscriptions all;
  all.want("r", {ann, 1_call});
  all.want("r", {ben, 2_call});
  all.step("r");
  CHECK(all.outcome("r", false) == Waiters{{ann, 1_call}, {ben, 2_call}});
  CHECK(all.concerned("r").empty());
  CHECK(all.step("r") == Step::none);
  CHECK(all.uris().empty());
  CHECK_FALSE(all.want("r", {cat, 3_call}).granted);
  CHECK(all.step("r") == Step::subscribe);
}

TEST_CASE("subscriptions: a withdrawn wish is neither answered nor granted") {
  Subscriptions all;
  all.want("r", {ann, 1_call});
  all.step("r");
  all.want("r", {ben, 2_call});
  all.withdraw(1_call);
  CHECK(all.outcome("r", true) == Waiters{{ben, 2_call}});
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ben});

  all.want("s", {ann, 3_call});
  all.step("s");
  all.withdraw(3_call);
  CHECK(all.outcome("s", true).empty());
  CHECK(all.step("s") == Step::unsubscribe);  // No session is left that wants it.
}

TEST_CASE("subscriptions: a session that unsubscribes before the grant does not get the grant") {
  Subscriptions all;
  all.want("r", {ann, 1_call});
  CHECK(all.step("r") == Step::subscribe);
  all.want("r", {ben, 2_call});
  all.want("r", {ann, 3_call});
  const Subscriptions::Unwanted unwanted = all.unwant("r", ann);
  CHECK(unwanted.held);
  CHECK(unwanted.calls == std::vector<core::CallId>{1_call, 3_call});
  CHECK(all.outcome("r", true) == Waiters{{ben, 2_call}});
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ben});
}

TEST_CASE("subscriptions: wishes that wait count like those that were granted") {
  Subscriptions all;
  subscribe(all, "a", ann);
  all.want("b", {ann, 2_call});
  all.want("b", {ben, 3_call});
  CHECK(all.count_of(ann) == 2);
  CHECK(all.count_of(ben) == 1);
  CHECK(all.uris_of(ann) == Names{"a"});
}

TEST_CASE("subscriptions: after a crash everything is asked for again") {
  Subscriptions all;
  subscribe(all, "r", ann);
  all.want("s", {ben, 2_call});
  all.step("s");
  all.upstream_lost();
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ann});
  CHECK(all.step("r") == Step::subscribe);
  CHECK(all.step("s") == Step::subscribe);
  CHECK(all.outcome("r", true).empty());  // No call is answered twice.
  CHECK(all.outcome("s", true) == Waiters{{ben, 2_call}});
}

TEST_CASE("subscriptions: one from an earlier life counts at once, and the server is asked for it") {
  Subscriptions all;
  all.adopt("r", ann);
  CHECK(all.uris_of(ann) == Names{"r"});
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ann});
  CHECK(all.step("r") == Step::subscribe);
  CHECK(all.outcome("r", true).empty());
  all.adopt("r", ben);
  CHECK(all.step("r") == Step::none);  // The server has it already.
  CHECK(all.concerned("r") == std::set<core::Subscriber>{ann, ben});
}

TEST_CASE("subscriptions: a session that leaves is forgotten everywhere") {
  Subscriptions all;
  subscribe(all, "a", ann);
  subscribe(all, "b", ben);
  all.want("c", {ann, 3_call});
  all.step("c");
  CHECK(all.uris_of(ann) == Names{"a"});
  CHECK(all.count_of(ann) == 2);
  CHECK(all.leave(ann) == Names{"a", "c"});
  CHECK(all.uris_of(ann).empty());
  CHECK(all.step("a") == Step::unsubscribe);
  CHECK(all.outcome("c", true).empty());
  CHECK(all.step("c") == Step::unsubscribe);
  CHECK(all.concerned("b") == std::set<core::Subscriber>{ben});
}

TEST_CASE("subscriptions: the subscribers that an update concerns") {
  Subscriptions all;
  subscribe(all, "file:///a", ann);
  subscribe(all, "file:///b/", ben);
  const struct {
    const char* updated;
    std::set<core::Subscriber> concerned;
  } table[] = {
      {"file:///a", {ann}},   {"file:///a/x", {ann}},
      {"file:///a#x", {ann}}, {"file:///a?x", {ann}},
      {"file:///ab", {}},     {"file:///", {}},
      {"file:///b/", {ben}},  {"file:///b/x/y", {ben}},
      {"file:///b", {}},      {"", {}},
      {"file:///A", {}},      {"file:///a/", {ann}},
  };
  for (const auto& row : table) {
    CAPTURE(row.updated);
    CHECK(all.concerned(row.updated) == row.concerned);
  }
  subscribe(all, "file:///a/x", cat);
  CHECK(all.concerned("file:///a/x") ==
        std::set<core::Subscriber>{cat});  // The nearest subscription alone decides.
}

// A server that behaves: what it holds must be what sessions want, whenever nothing is under way.
struct World {
  Subscriptions subscriptions;
  std::map<std::string, Step> under_way;                         // At the server.
  std::map<std::string, bool> held;                              // By the server.
  std::map<std::string, std::set<core::Subscriber>> subscribed;  // What sessions were told.
  std::map<core::CallId, std::pair<std::string, SessionId>> calls;
  core::CallId next_call{1};

  void look(const std::string& uri) {
    const Step step = subscriptions.step(uri);
    if (step == Step::none) return;
    REQUIRE(under_way[uri] == Step::none);
    REQUIRE((step == Step::subscribe) != held[uri]);
    under_way[uri] = step;
  }
  void want(const std::string& uri, SessionId who) {
    const core::CallId call = next_call++;
    if (subscriptions.want(uri, {who, call}).granted) {
      REQUIRE(held[uri]);
      subscribed[uri].insert(who);
    } else {
      calls[call] = {uri, who};
    }
    look(uri);
  }
  void unwant(const std::string& uri, SessionId who) {
    bool wanted = subscribed[uri].erase(who) == 1;
    std::vector<core::CallId> waited;
    std::erase_if(calls, [&](const auto& call) {
      if (call.second != std::pair{uri, who}) return false;
      waited.push_back(call.first);
      wanted = true;
      return true;
    });
    const Subscriptions::Unwanted unwanted = subscriptions.unwant(uri, who);
    REQUIRE(unwanted.held == wanted);
    REQUIRE(unwanted.calls == waited);
    look(uri);
  }
  void withdraw(core::CallId call) {
    subscriptions.withdraw(call);
    calls.erase(call);
  }
  void leave(SessionId who) {
    for (const std::string& uri : subscriptions.leave(who)) look(uri);
    for (auto& [uri, sessions] : subscribed) sessions.erase(who);
    std::erase_if(calls, [&](const auto& call) { return call.second.second == who; });
  }
  void answer(const std::string& uri, bool success) {
    const Step step = std::exchange(under_way[uri], Step::none);
    if (step == Step::none) return;
    if (step == Step::unsubscribe) success = true;
    held[uri] = step == Step::subscribe && success;
    for (const Subscriptions::Waiter& waiter : subscriptions.outcome(uri, success)) {
      REQUIRE(calls.contains(waiter.call));
      REQUIRE(calls.at(waiter.call) == std::pair{uri, waiter.session});
      calls.erase(waiter.call);
      if (success) subscribed[uri].insert(waiter.session);
    }
    if (step == Step::subscribe && !success) subscribed[uri].clear();
    look(uri);
  }
  void crash() {
    subscriptions.upstream_lost();
    under_way.clear();
    held.clear();
    for (const std::string& uri : subscriptions.uris()) look(uri);
  }
  void check_count(SessionId who, const Names& uris) {
    std::size_t count = 0;
    for (const std::string& uri : uris) {
      const bool waits =
          std::ranges::any_of(calls, [&](const auto& call) { return call.second == std::pair{uri, who}; });
      count += subscribed[uri].contains(who) || waits ? 1U : 0U;
    }
    REQUIRE(subscriptions.count_of(who) == count);
  }
  void check(const std::string& uri) {
    if (!subscribed[uri].empty()) REQUIRE(subscriptions.concerned(uri) == subscribed[uri]);
    std::set<core::Subscriber> waiting;
    for (const auto& [call, wish] : calls) {
      if (wish.first == uri) waiting.insert(wish.second);
    }
    if (under_way[uri] == Step::none) {
      REQUIRE(waiting.empty());
      REQUIRE(held[uri] == !subscribed[uri].empty());
    }
  }
};

TEST_CASE("subscriptions: a long history with an honest server") {
  const Names uris{"x", "y", "z"};
  const std::vector<SessionId> people{ann, ben, cat};
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    std::uint64_t state = seed * 0x9E3779B97F4A7C15;
    const auto below = [&](std::size_t bound) {
      state ^= state >> 12;
      state ^= state << 25;
      state ^= state >> 27;
      return static_cast<std::size_t>((state * 0x2545F4914F6CDD1D) >> 33) % bound;
    };
    World world;
    for (int step = 0; step < 2000; ++step) {
      const std::string& uri = uris[below(uris.size())];
      const SessionId who = people[below(people.size())];
      switch (below(10)) {
        case 0:
        case 1:
        case 2:
          world.want(uri, who);
          break;
        case 3:
          world.unwant(uri, who);
          break;
        case 4:
          if (!world.calls.empty()) {
            auto call = world.calls.begin();
            std::advance(call, static_cast<std::ptrdiff_t>(below(world.calls.size())));
            world.withdraw(call->first);
          }
          break;
        case 5:
          if (below(4) == 0) world.leave(who);
          break;
        case 6:
          if (below(20) == 0) world.crash();
          break;
        default:
          world.answer(uri, below(5) != 0);
      }
      for (const std::string& each : uris) world.check(each);
      for (const SessionId one : people) world.check_count(one, uris);
    }
    for (const SessionId who : people) world.leave(who);
    for (int round = 0; round < 4; ++round) {
      for (const std::string& uri : uris) world.answer(uri, true);
    }
    CHECK(world.subscriptions.uris().empty());
    for (const std::string& uri : uris) CHECK_FALSE(world.held[uri]);
  }
}

}  // namespace

TEST_CASE("subscriptions: each listen of a session holds its own") {
  Subscriptions all;
  all.want("r", {.session = ann, .call = 7_call, .listen = 7_call});
  all.want("r", {.session = ann, .call = 8_call, .listen = 8_call});
  CHECK(all.step("r") == Step::subscribe);
  CHECK(all.outcome("r", true).size() == 2);
  CHECK(all.concerned("r") == std::set<core::Subscriber>{{ann, 7_call}, {ann, 8_call}});
  CHECK(all.uris_of(ann).empty());  // The session itself has not subscribed.
  CHECK(all.leave_listen(ann, 7_call) == Names{"r"});
  CHECK(all.step("r") == Step::none);
  CHECK(all.leave(ann) == Names{"r"});
  CHECK(all.step("r") == Step::unsubscribe);
}
