#include "proto/top_level.h"

#include <doctest/doctest.h>

#include <string>

using proto::TopLevel;

namespace {

struct Seen {
  std::string id;
  bool has_method = false;
  bool operator==(const Seen&) const = default;
};

Seen seen_in(std::string_view text, std::size_t piece_size) {
  TopLevel top;
  for (std::size_t at = 0; at < text.size(); at += piece_size) top.feed(text.substr(at, piece_size));
  return {top.id(), top.has_method()};
}

}  // namespace

TEST_CASE("a message that goes by in pieces is recognised") {
  struct Case {
    std::string text;
    Seen seen;
  };
  const std::string long_id = '"' + std::string(254, 'x') + '"';
  const Case cases[] = {
      {R"({"id":1,"method":"m"})", {"1", true}},
      {R"({ "method" : "m" , "id" : -1.5e3 })", {"-1.5e3", true}},
      {R"({"id":"a\"b\\","result":{}})", {R"("a\"b\\")", false}},
      {R"({"id":"a, b]:{","result":{}})", {R"("a, b]:{")", false}},
      {R"({"result":{"id":5,"method":"m"},"id":6})", {"6", false}},
      {R"({"result":[{"id":5},"}",{"method":"]"}],"id":6})", {"6", false}},
      {R"({"result":"\\\"id\":5","id":6})", {"6", false}},
      {R"({"params":"id","m\u0065thod":"m"})", {"", true}},
      {R"({"id":1,"id":2})", {"", false}},
      {R"({"\u0069d":1,"method":""})", {"", true}},
      {R"({"id":null,"error":{}})", {"", false}},
      {R"({"id":{"id":1},"error":{}})", {"", false}},
      {R"({"id":)" + long_id + "}", {long_id, false}},
      {R"({"id":"x)" + long_id.substr(1) + "}", {"", false}},
      {R"([{"id":1,"method":"m"}])", {"", false}},
      {R"(["id","method"])", {"", false}},
      {R"("id":1,"method":"m")", {"", false}},
      {R"({"id":12)", {"", false}},
      {"}}]]", {"", false}},
      {"", {"", false}},
  };
  for (const Case& c : cases) {
    for (std::size_t size = 1; size <= c.text.size() + 1; ++size) {
      CHECK_MESSAGE(seen_in(c.text, size) == c.seen, c.text << " in pieces of " << size);
    }
  }
}
