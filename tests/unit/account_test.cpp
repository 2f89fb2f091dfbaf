#include "core/account.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace {

using core::Account;
using core::Accounts;
using core::Allowances;
using core::Amount;
using core::Charge;
using core::Kept;

// The same for every kind: of a session two, and 100 bytes; of a principal three, and 120 bytes.
Allowances small() {
  Allowances all{};
  all.fill({.session = {2, 100}, .principal = {3, 120}});
  return all;
}

TEST_CASE("account: what is kept is counted until it is destroyed") {
  Accounts accounts(small());
  const Account account = accounts.open("");
  {
    Charge one = account.charge(Kept::subscription, 40);
    CHECK(account.kept(Kept::subscription) == Amount{1, 40});
    Charge moved = std::move(one);
    CHECK(account.kept(Kept::subscription) == Amount{1, 40});
    moved.resize(10);
    CHECK(account.kept(Kept::subscription) == Amount{1, 10});
    moved = account.charge(Kept::listen, 7);
    CHECK(account.kept(Kept::subscription) == Amount{});
    CHECK(account.kept(Kept::listen) == Amount{1, 7});
  }
  CHECK(account.kept(Kept::listen) == Amount{});
}

TEST_CASE("account: what is charged to none is counted nowhere") {
  const Account none;
  Charge charge = none.charge(Kept::listen, 5);
  charge.resize(7);
  CHECK(charge.bytes() == 0);
  CHECK_FALSE(none.full(Kept::listen, {1000, 1000}));
  CHECK(none.kept(Kept::listen) == Amount{});
}

TEST_CASE("account: a session is full by number or by bytes, each kind by itself") {
  Accounts accounts(small());
  const Account account = accounts.open("");
  const Charge first = account.charge(Kept::subscription, 90);
  CHECK_FALSE(account.full(Kept::subscription, {1, 10}));
  const auto bytes = account.full(Kept::subscription, {1, 11});
  REQUIRE(bytes);
  CHECK(bytes->text() == "too many bytes of subscriptions in this session (limit 100)");
  const Charge second = account.charge(Kept::subscription, 0);
  const auto objects = account.full(Kept::subscription, {1, 0});
  REQUIRE(objects);
  CHECK(objects->text() == "too many subscriptions in this session (limit 2)");
  CHECK_FALSE(account.over(Kept::subscription));
  CHECK_FALSE(account.full(Kept::listen, {2, 100}));
}

TEST_CASE("account: sessions of a principal are counted together, those without one by themselves") {
  Accounts accounts(small());
  const Account one = accounts.open("token");
  const Account two = accounts.open("token");
  const Account other = accounts.open("another token");
  const Account stdio = accounts.open("");
  std::vector<Charge> charges;
  charges.push_back(one.charge(Kept::listen, 1));
  charges.push_back(one.charge(Kept::listen, 1));
  charges.push_back(two.charge(Kept::listen, 1));
  const auto full = two.full(Kept::listen, {1, 0});
  REQUIRE(full);
  CHECK(full->text() == "too many open listens of this token's sessions (limit 3)");
  CHECK_FALSE(other.full(Kept::listen, {1, 0}));
  CHECK_FALSE(stdio.full(Kept::listen, {1, 0}));
  CHECK(one.widest().id() == two.widest().id());
  CHECK(stdio.widest().id() == stdio.id());
  charges.clear();
  CHECK_FALSE(two.full(Kept::listen, {1, 0}));
}

TEST_CASE("account: what outlives its session still counts for the principal, and nothing is left behind") {
  Accounts accounts(small());
  std::vector<Charge> charges;
  for (int i = 0; i < 3; ++i) {
    const Account account = accounts.open("token");
    charges.push_back(account.charge(Kept::cancelled, 1));
    accounts.close(account.id());
  }
  const Account last = accounts.open("token");
  CHECK(last.full(Kept::cancelled, {1, 0}));
  charges.pop_back();
  CHECK_FALSE(last.full(Kept::cancelled, {1, 0}));
  accounts.close(last.id());
  CHECK(accounts.size() == 3);  // Of two sessions, and of their principal.
  charges.clear();
  CHECK(accounts.size() == 0);
}

}  // namespace
