#include "core/environment.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>

using core::Environment;

TEST_CASE("an environment gives the variables that it was made of, in order of their names") {
  const Environment::Map variables = {
      {"PATH", "/bin"}, {"EMPTY", ""}, {"A", std::string(70000, 'a')}, {"", "odd"}, {"NUL", {"\0=\n", 3}}};
  const Environment environment(variables);
  CHECK(environment.map() == variables);
  CHECK(environment.size() == 5);
  std::string names;
  for (const auto& [name, value] : environment) names.append(name).append(" ");
  CHECK(names == " A EMPTY NUL PATH ");
  CHECK(environment.find("PATH") == "/bin");
  CHECK(environment.find("EMPTY") == "");
  CHECK_FALSE(environment.find("PAT"));
  CHECK_FALSE(environment.find("PATHS"));
  CHECK(environment.contains("NUL"));

  const Environment none;
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none.map().empty());
  CHECK(none == Environment(Environment::Map()));
}

TEST_CASE("a changed variable of an environment changes no copy of it") {
  Environment one = {{"A", "1"}, {"B", "2"}};
  const Environment copy = one;
  CHECK(copy.shares_with(one));
  one.set("C", "3");
  one.set("A", "4");
  one.erase("B");
  CHECK(one == Environment{{"A", "4"}, {"C", "3"}});
  CHECK(copy == Environment{{"A", "1"}, {"B", "2"}});
  CHECK_FALSE(copy == one);
}

TEST_CASE("equal environments are kept once when they are told to share") {
  const Environment one = {{"A", "1"}};
  Environment equal = {{"A", "1"}};
  Environment other = {{"A", "2"}};
  CHECK(equal == one);
  CHECK_FALSE(equal.shares_with(one));
  equal.share(one);
  other.share(one);
  CHECK(equal.shares_with(one));
  CHECK_FALSE(other.shares_with(one));
  CHECK(other.find("A") == "2");
}
