#include "core/given_roots.h"

#include <doctest/doctest.h>

namespace {

using core::given_roots;
using core::SessionId;

const SessionId ann{0, 1};
const SessionId ben{1, 1};

TEST_CASE("given roots: the same places are the same, however they are told") {
  const auto one = given_roots(R"({"roots":[{"uri":"file:///a","name":"A"},{"uri":"file:///b"}]})", ann);
  CHECK(one.same_as(
      given_roots(R"({"roots":[{"uri":"file:\/\/\/b\/"},{"name":"x","uri":"file:///a"}]})", ben)));
  CHECK_FALSE(one.same_as(given_roots(R"({"roots":[{"uri":"file:///a"}]})", ben)));
  CHECK(core::shown(one) == "file:///a, file:///b");
}

TEST_CASE("given roots: none, an empty list and no answer are three things") {
  const auto none = core::no_roots();
  const auto empty = given_roots(R"({"roots":[]})", ann);
  const auto silent = given_roots("", ann);
  CHECK_FALSE(none.same_as(empty));
  CHECK_FALSE(none.same_as(silent));
  CHECK_FALSE(empty.same_as(silent));
  CHECK(none.same_as(core::no_roots()));
  CHECK(empty.same_as(given_roots(R"({"roots":[]})", ben)));
  CHECK_FALSE(none.declared());
  CHECK(empty.declared());
  CHECK(none.raw_error.find("-32601") != std::string::npos);
}

TEST_CASE("given roots: two sessions without an answer have not given the same") {
  CHECK(given_roots("", ann).same_as(given_roots("17", ann)));
  CHECK_FALSE(given_roots("", ann).same_as(given_roots("", ben)));
}

}  // namespace
