#include "proto/http.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("http fields: by name, the first of several") {
  proto::HttpFields fields;
  fields.add("Content-Type", " text/plain ");
  fields.add("x", "1");
  fields.add("X", "2");
  CHECK(fields.get("content-type") == "text/plain");
  CHECK(fields.get("x") == "1");
  CHECK(fields.count("x") == 2);
  CHECK(fields.has("x"));
  CHECK_FALSE(fields.has("y"));
  CHECK(fields.get("y").empty());
}

TEST_CASE("http fields: a value never turns into a second field") {
  proto::HttpFields fields;
  fields.add("x\r\ny", "a\r\nset-cookie: b\tc\x7F z");
  CHECK(fields.all.at(0).first == "x  y");
  CHECK(fields.all.at(0).second == "a  set-cookie: b\tc  z");
}

TEST_CASE("http: percent-encoding") {
  CHECK(proto::percent_encoded("a b/ä~-._9") == "a%20b%2F%C3%A4~-._9");
  CHECK(proto::percent_decoded("a%20b%2F%c3%A4") == "a b/ä");
  CHECK(proto::percent_decoded("100%") == "100%");
  CHECK(proto::percent_decoded("%2") == "%2");
  CHECK(proto::percent_decoded("%zz%4") == "%zz%4");
  CHECK(proto::percent_decoded("a+b") == "a+b");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(proto::percent_decoded(proto::percent_encoded(all)) == all);
}

TEST_CASE("http: values of a query") {
  const std::string_view query = "name=a%20b&empty=&flag&x=1&name=second&%6Bey=v&plus=a+b%2Bc&eq=a=b";
  std::string value = "untouched";
  CHECK_FALSE(proto::query_value(query, "nam", value));
  CHECK_FALSE(proto::query_value("", "name", value));
  CHECK(value == "untouched");
  CHECK(proto::query_value(query, "name", value));
  CHECK(value == "a b");
  CHECK(proto::query_value(query, "empty", value));
  CHECK(value.empty());
  value = "x";
  CHECK(proto::query_value(query, "flag", value));
  CHECK(value.empty());
  CHECK(proto::query_value(query, "key", value));
  CHECK(value == "v");
  CHECK(proto::query_value(query, "plus", value));
  CHECK(value == "a b+c");
  CHECK(proto::query_value(query, "eq", value));
  CHECK(value == "a=b");
}

TEST_CASE("http: what an Accept field admits") {
  const struct {
    const char* accept;
    bool json;
    bool events;
  } table[] = {
      {"", true, true},
      {"application/json, text/event-stream", true, true},
      {"application/json", true, false},
      {"TEXT/Event-Stream", false, true},
      {"*/*", true, true},
      {"text/*", false, true},
      {"text/html", false, false},
      {"application/json;q=0", false, false},
      {"application/json;q=0.000, */*", false, true},
      {"*/*, application/json;q=0", false, true},
      {"*/*;q=0, application/json;q=0.1", true, false},
      {"text/*;q=0, text/event-stream", false, true},
      {"application/json ; charset=\"a,b;q=0\" ; q=0.5", true, false},
      {"application/json;profile=x, text/event-stream ; q=1.0", true, true},
      {"application/jsonx, xtext/event-stream", false, false},
      {",,application/json,", true, false},
      {"\"", false, false},
      {"\"\\", false, false},
  };
  for (const auto& row : table) {
    CAPTURE(row.accept);
    CHECK(proto::accepts(row.accept, "application/json") == row.json);
    CHECK(proto::accepts(row.accept, "text/event-stream") == row.events);
  }
}

TEST_CASE("http: the media type of a content type") {
  CHECK(proto::media_type_of("application/json") == "application/json");
  CHECK(proto::media_type_of(" Application/JSON ; charset=utf-8") == "application/json");
  CHECK(proto::media_type_of("").empty());
}

TEST_CASE("http: answers") {
  const proto::HttpAnswer json = proto::json_answer(202, "{}");
  CHECK(json.status == 202);
  CHECK(json.fields.get("content-type") == "application/json");
  CHECK(json.body == "{}");

  const proto::HttpAnswer problem = proto::problem(404, "no \"x\"");
  CHECK(problem.status == 404);
  CHECK(problem.fields.get("content-type") == "application/problem+json");
  CHECK(problem.body == R"({"type":"about:blank","title":"Not Found","status":404,"detail":"no \"x\""})");

  CHECK(proto::reason_of(431) == "Request Header Fields Too Large");
  CHECK(proto::reason_of(299) == "Error");
}
