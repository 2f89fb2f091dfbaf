// The members of an object without a tree.
#include "proto/members.h"

#include <doctest/doctest.h>

TEST_CASE("members: each in order, keys as spelt") {
  std::string seen;
  proto::each_member(R"( {"a":1, "b\/c" : {"a":2} ,"d":[ ]} )",
                     [&](std::string_view key, std::string_view value) {
                       seen.append(key).append("=").append(value).append(";");
                     });
  CHECK(seen == R"(a=1;b\/c={"a":2};d=[ ];)");
}

TEST_CASE("members: one is found by its name, however it is spelt") {
  CHECK(proto::member(R"({"x":{"b/c":0},"b\/c":"v"})", "b/c") == R"("v")");
  CHECK(proto::member(R"({"x":1})", "b").empty());
  CHECK(proto::member("[1]", "b").empty());
}

TEST_CASE("members: some are added in front, others left out") {
  CHECK(proto::with_members("{}", R"("n":1)") == R"({"n":1})");
  CHECK(proto::with_members(R"({"a":1})", R"("n":1)") == R"({"n":1,"a":1})");
  CHECK(proto::with_members(R"({ "a" : 1 , "b":{"a":3} , "c":"}"})", "", {"a"}) ==
        R"({"b":{"a":3},"c":"}"})");
  CHECK(proto::with_members(R"({"a":1})", "", {"a"}) == "{}");
  CHECK(proto::with_members("", R"("n":1)") == R"({"n":1})");
  CHECK(proto::with_members("null", R"("n":1)") == R"({"n":1})");
}
