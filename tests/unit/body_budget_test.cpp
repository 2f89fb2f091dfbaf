#include "app/http/body_budget.h"

#include <doctest/doctest.h>

namespace {

constexpr app::BodyLimits limits{.all = 1000, .each_principal = 600, .small = 100};

}  // namespace

TEST_CASE("body budget: bodies wait at the limit of their principal, and others do not") {
  app::BodyBudget budget(limits);
  budget.note(1, "a", 300);
  budget.note(2, "a", 299);
  CHECK(budget.may_go_on(2));
  budget.note(2, "a", 300);
  CHECK_FALSE(budget.may_go_on(2));
  budget.note(3, "b", 200);
  CHECK(budget.may_go_on(3));
  budget.forget(1);
  CHECK(budget.may_go_on(2));
  CHECK(budget.held() == 500);
}

TEST_CASE("body budget: bodies wait at the limit of all together") {
  app::BodyBudget budget(limits);
  budget.note(1, "a", 500);
  budget.note(2, "b", 300);
  budget.note(3, "b", 200);
  CHECK(budget.held() == 1000);
  CHECK_FALSE(budget.may_go_on(3));
  budget.note(4, "c", 100);
  CHECK(budget.may_go_on(4));  // The oldest of its principal.
  budget.forget(1);
  CHECK(budget.may_go_on(3));
}

TEST_CASE("body budget: the oldest body and small ones never wait") {
  app::BodyBudget budget(limits);
  budget.note(1, "a", 99);
  budget.note(2, "a", 800);
  budget.note(3, "a", 800);
  CHECK(budget.may_go_on(1));
  CHECK(budget.may_go_on(2));
  CHECK_FALSE(budget.may_go_on(3));
  budget.forget(2);
  CHECK(budget.may_go_on(3));
}

TEST_CASE("body budget: nothing is left of what is complete") {
  app::BodyBudget budget(limits);
  budget.note(1, "a", 300);
  budget.note(1, "a", 700);
  budget.forget(1);
  budget.forget(1);
  CHECK(budget.held() == 0);
  CHECK(budget.may_go_on(1));
  // Of two heads nothing has come behind yet.
  budget.note(2, "a", 0);
  budget.note(3, "a", 0);
  budget.forget(2);
  budget.note(3, "a", 700);
  CHECK(budget.may_go_on(3));
  budget.forget(3);
  CHECK(budget.held() == 0);
}
