// When two texts are the same JSON value.
#include "proto/value_digest.h"

#include <doctest/doctest.h>

#include "proto/envelope.h"

namespace {

bool same(std::string_view one, std::string_view other) {
  const bool digest = proto::value_digest({7, 9}, one) == proto::value_digest({7, 9}, other);
  CHECK((proto::value_name(3, one) == proto::value_name(3, other)) == digest);
  return digest;
}

TEST_CASE("value digest: one value in other words") {
  const struct {
    std::string_view one, other;
  } table[] = {
      {R"({"a":1,"b":{"c":[1,2],"d":null}})", R"({"b":{"d":null,"c":[1,2]},"a":1})"},
      {R"({"a":[{"x":1,"y":2}]})", "{ \"a\" :\t[ {\"y\":2 ,\r\n\"x\":1 } ] }"},
      {R"(["é","/","a"])", R"(["\u00e9","\/","\u0061"])"},
      {R"({"\u0061":true})", R"({"a":true})"},
      {"1", "1.0"},
      {"1", "10e-1"},
      {"1200", "1.2E+3"},
      {"0", "-0.0e5"},
      {"[]", " [ ] "},
      {"{}", "{ }"},
      {"", ""},
  };
  for (const auto& row : table) {
    CAPTURE(row.one);
    CHECK(same(row.one, row.other));
  }
}

TEST_CASE("value digest: other values") {
  const struct {
    std::string_view one, other;
  } table[] = {
      {R"({"a":1})", R"({"a":2})"},
      {R"({"a":1,"b":2})", R"({"a":2,"b":1})"},
      {R"({"a":{"b":1}})", R"({"b":{"a":1}})"},
      {R"({"a":1})", R"({"a":1,"a":1})"},
      {"[1,2]", "[2,1]"},
      {"[[1],2]", "[1,[2]]"},
      {"[]", "{}"},
      {"[[]]", "[]"},
      {R"("1")", "1"},
      {R"("true")", "true"},
      {"null", "false"},
      {"9007199254740993", "9007199254740992"},
      {"1", "-1"},
      {"1e2", "1e3"},
      {R"("a")", R"("a ")"},
      {R"({"a":"b"})", R"({"b":"a"})"},
      {"{}", ""},
  };
  for (const auto& row : table) {
    CAPTURE(row.one);
    CHECK_FALSE(same(row.one, row.other));
  }
}

TEST_CASE("value digest: without members of some names, however these are written") {
  const auto without = [](std::string_view json) {
    return proto::value_digest({7, 9}, json, {"_meta", "state"});
  };
  const std::uint64_t plain = proto::value_digest({7, 9}, R"({"a":1,"b":[2]})");
  CHECK(without(R"({"a":1,"b":[2]})") == plain);
  CHECK(without(R"({"_meta":{"x":[{}]},"a":1,"state":"s" , "b":[2]})") == plain);
  CHECK(without("  {\"b\" : [2],\"st\\u0061te\":1,\"a\":1.0}") == plain);
  CHECK(without(R"({"a":1,"b":[2],"meta":1})") != plain);
  CHECK(without(R"({"a":{"_meta":1}})") != without(R"({"a":{}})"));
  CHECK(without(R"({"state":1})") == proto::value_digest({7, 9}, "{}"));
  CHECK(without("") == proto::value_digest({7, 9}, "{}"));
}

TEST_CASE("value digest: of a long text every byte counts, and not how it is written") {
  std::string text(5000, 'x');
  const auto quoted = [&] { return '"' + text + '"'; };
  const std::string one = quoted();
  CHECK(same(one, R"("\u0078)" + std::string(4999, 'x') + '"'));
  for (const std::size_t at : {0UZ, 1UZ, 1249UZ, 1250UZ, 2500UZ, 3749UZ, 3750UZ, 4999UZ}) {
    CAPTURE(at);
    text[at] = 'y';
    CHECK_FALSE(same(one, quoted()));
    text[at] = 'x';
  }
}

TEST_CASE("value digest: the key decides, and depth and size do not") {
  CHECK(proto::value_digest({1, 1}, "{}") != proto::value_digest({1, 2}, "{}"));
  std::string deep, deeper;
  for (int i = 0; i < proto::depth_max; ++i) deep += R"({"b":1,"a":)";
  for (int i = 0; i < proto::depth_max; ++i) deeper += R"({"a":)";
  deep += "0";
  deeper += "0";
  for (int i = 0; i < proto::depth_max; ++i) deep += '}', deeper += R"(,"b":1})";
  CHECK(same(deep, deeper));
}

}  // namespace
