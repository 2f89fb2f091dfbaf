// Parked calls: what is looked for beside them agrees with what they are.
#include "core/parks.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "numbers.h"

namespace {

using core::InstanceId;
using core::Kept;
using core::Park;
using core::ParkedAsk;
using core::ParkId;
using core::Parks;
using core::SessionId;

const InstanceId server{1, 1};
const SessionId one{1, 1};
const SessionId other{2, 1};
const base::Instant start{std::chrono::hours(1)};

Park of(SessionId session) {
  Park park;
  park.instance = server;
  park.session = session;
  park.call = 7_call;
  return park;
}

ParkedAsk question(const std::string& server_id) {
  ParkedAsk ask;
  ask.server_id = server_id;
  return ask;
}

TEST_CASE("parked calls are found by session and server, in order, until they end") {
  Parks parks;
  const ParkId first = parks.insert(of(one));
  const ParkId second = parks.insert(of(other));
  const ParkId third = parks.insert(of(one));
  CHECK(parks.of_instance(server) == std::vector{first, second, third});
  CHECK(parks.of_session(one) == std::vector{first, third});
  parks.hand_over(first, other, {});
  CHECK(parks.of_session(one) == std::vector{third});
  CHECK(parks.of_session(other) == std::vector{first, second});
  parks.take(second);
  CHECK(parks.of_instance(server) == std::vector{first, third});
  CHECK(parks.find(second) == nullptr);
}

Park of(core::Account account) {
  Park park = of(one);
  park.account = account;
  return park;
}

TEST_CASE("what is kept of a parked call is charged to its session, and goes with it to another") {
  core::Accounts accounts(core::Allowances{});
  Parks parks;
  const core::Account account = accounts.open("");
  const core::Account next = accounts.open("");
  const ParkId park = parks.insert(of(account));
  CHECK(account.kept(Kept::parked).objects == 1);
  const std::size_t bare = account.kept(Kept::parked).bytes;
  ParkedAsk ask = question("1");
  ask.request = std::string(100, 'x');
  parks.ask(park, ask);
  CHECK(account.kept(Kept::parked).bytes > bare + 100);
  parks.hand_over(park, other, next);
  CHECK(account.kept(Kept::parked) == core::Amount{});
  CHECK(next.kept(Kept::parked).bytes > bare + 100);
  REQUIRE(parks.answered(park, parks.at(park).asks[0].key));
  CHECK(next.kept(Kept::parked) == core::Amount{1, bare});
  parks.add_ticket(park, "a");
  const std::size_t with_ticket = next.kept(Kept::parked).bytes;
  CHECK(with_ticket > bare);
  parks.replay("a", core::Outcome::result(std::string(50, ' ')));
  CHECK(next.kept(Kept::parked).bytes == with_ticket + 50);
  parks.finish(park, core::Outcome::result("{}"), start);
  CHECK(next.kept(Kept::parked) == core::Amount{});
  CHECK(next.kept(Kept::outcome) == core::Amount{1, with_ticket + 52});
  parks.take(park);
  CHECK(next.kept(Kept::outcome) == core::Amount{});
}

TEST_CASE("a parked call whose session has ended keeps its account") {
  core::Accounts accounts(core::Allowances{});
  Parks parks;
  const core::Account account = accounts.open("token");
  const ParkId park = parks.insert(of(account));
  accounts.close(account.id());
  parks.send_away(park, start);
  parks.finish(park, core::Outcome::result("{}"), start);
  CHECK(parks.oldest_finished(account) == park);
  parks.take(park);
  CHECK(accounts.size() == 0);
}

TEST_CASE("the oldest outcome that was seen goes before the oldest that was not") {
  core::Accounts accounts(core::Allowances{});
  Parks parks;
  const core::Account session = accounts.open("token");
  const core::Account sibling = accounts.open("token");
  const core::Account stranger = accounts.open("");
  const ParkId away = parks.insert(of(session));
  const ParkId there = parks.insert(of(sibling));
  parks.send_away(away, start);
  parks.finish(away, core::Outcome::result("{}"), start);
  CHECK(parks.oldest_finished(session) == away);
  parks.finish(there, core::Outcome::result("{}"), start);
  CHECK(parks.oldest_finished(session) == there);
  CHECK_FALSE(parks.oldest_finished(stranger));
  parks.take(there);
  CHECK(parks.oldest_finished(sibling) == away);
}

TEST_CASE("a question is found by its server's id until it is answered, withdrawn or dropped") {
  Parks parks;
  const ParkId park = parks.insert(of(one));
  for (const char* id : {"1", "2", "3", "4"}) parks.ask(park, question(id));
  CHECK(parks.has_question(server, "1"));
  CHECK_FALSE(parks.has_question(InstanceId{2, 1}, "1"));
  const auto answered = parks.answered(park, parks.at(park).asks[0].key);
  REQUIRE(answered);
  CHECK(answered->server_id == "1");
  CHECK_FALSE(parks.has_question(server, "1"));
  CHECK(parks.withdraw(server, "2"));
  CHECK_FALSE(parks.withdraw(server, "2"));
  CHECK(parks.at(park).asks.size() == 2);
  parks.drop_questions(park);
  CHECK_FALSE(parks.has_question(server, "3"));
  parks.ask(park, question("4"));
  parks.take(park);
  CHECK_FALSE(parks.has_question(server, "4"));
}

TEST_CASE("tickets end with their call") {
  Parks parks;
  const ParkId park = parks.insert(of(one));
  parks.add_ticket(park, "a");
  parks.add_ticket(park, "b");
  REQUIRE(parks.ticket("a") != nullptr);
  CHECK(parks.ticket("a")->park == park);
  parks.take(park);
  CHECK(parks.ticket("a") == nullptr);
  CHECK(parks.ticket("b") == nullptr);
}

TEST_CASE("the next time is the earliest of all, and what is due comes in order of making") {
  Parks parks;
  using std::chrono::seconds;
  const ParkId first = parks.insert(of(one));
  const ParkId second = parks.insert(of(one));
  CHECK_FALSE(parks.deadline());
  parks.send_away(second, start + seconds(5));
  parks.set_round_due(first, start + seconds(9));
  CHECK(parks.deadline() == start + seconds(5));
  CHECK(parks.due(start + seconds(4)).empty());
  CHECK(parks.due(start + seconds(9)) == std::vector{first, second});
  parks.hand_over(second, one, {});
  CHECK(parks.deadline() == start + seconds(9));
  parks.set_round_due(first, {});
  CHECK_FALSE(parks.deadline());
}

}  // namespace
