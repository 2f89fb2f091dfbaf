#include "record/mask.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "proto/envelope.h"
#include "record/names.h"
#include "record/words.h"

using record::Contents;
using record::Mask;

namespace {

constexpr base::SipKey key{1, 2};

std::string text_of(const std::string& json) {
  const auto document = proto::json::parse(json);
  REQUIRE(document.root.has_value());
  const auto text = record::read_text(*document.root);
  REQUIRE(text.has_value());
  return *text;
}

std::string masked(std::string_view message) {
  Mask mask(Contents::left_out, key);
  return text_of(mask.message(message));
}

}  // namespace

TEST_CASE("a masked message keeps the words of the protocol, its structure and its numbers") {
  const std::string message = R"({"jsonrpc":"2.0", "id":17,"method":"tools\/call",)"
                              R"("params":{"_meta":{"progressToken":"12"},"uri":true}})";
  CHECK(masked(message) == message);
  const std::string level = R"({"method":"notifications/message","params":{"level":"error","data":null}})";
  CHECK(masked(level) == level);
}

TEST_CASE("a masked message keeps its length, and equal strings stay equal") {
  const std::string message =
      R"({"id":"an id of a client","result":{"content":[{"text":"a hush\nhush\u0041"},)"
      R"({"text":"a hush\nhushA"}]}})";
  const std::string text = masked(message);
  CHECK(!text.contains("hush"));
  const auto document = proto::json::parse(text);
  REQUIRE(document.root.has_value());
  const auto& blocks = document.root->find("result")->find("content")->items;
  CHECK(blocks[0].find("text")->text == blocks[1].find("text")->text);
  CHECK(blocks[0].find("text")->text != document.root->find("id")->text);
  CHECK(masked(R"({"text":"0123456789ab\n"})").size() ==
        std::string_view(R"({"text":"0123456789ab\n"})").size());
}

TEST_CASE("names and numbers of somebody's own are masked like their values") {
  const std::string text = masked(R"({"id":5,"method":"vendor/hush","params":{"hush":1234,)"
                                  R"("arguments":{"id":4711,"code":[4712,"4713"]}}})");
  CHECK(!text.contains("hush"));
  for (const char* number : {"1234", "4711", "4712", "4713"}) CHECK_MESSAGE(!text.contains(number), number);
  CHECK(text.contains(R"("id":5)"));
  CHECK(masked("[1234,1234,5]").substr(1, 4) == masked("[1234,1234,5]").substr(6, 4));
}

TEST_CASE("every value and every name is as long as before") {
  for (const std::string_view message : {
           R"({"id":"a","method":"x","params":{"k":"","arguments":{"":"b","ab":["hush","\u0001\n"]}}})",
           R"({"params":{"name":"\ud83d\ude00","_meta":{"n":[0,5,-1,1.5,123456789012,1e-400]}}})",
           R"({"params":{"_meta":{"n":12345678901234567890},"name":"elevenbytes"}})",
           R"({"params":{"uri":"a:/b?c#d"}})",
           R"({"params":{"notifications":{"resourceSubscriptions":["file:///w/a","a","b","c","acme:x"]}}})",
           R"({"result":{"task":{"taskId":"7"}}})",
           R"({"id":1,"method":"\q"})",
           "{\"id\":1,\"method\":\"\xff\"}",
           R"({"id":1,"method":"hu)",
       }) {
    CAPTURE(message);
    CAPTURE(masked(message));
    CHECK(masked(message).size() == message.size());
  }
  Mask mask(Contents::left_out, key);
  for (const std::string_view text : {"/b", "a b", "x", "C:\\"})
    CHECK_MESSAGE(text_of(mask.text(text)).size() == text.size(), text);
}

TEST_CASE("short strings and numbers get different placeholders, which no word of the protocol is") {
  Mask mask(Contents::left_out, key);
  std::vector<std::string> texts;
  for (char c = ' '; c < '\x7f'; ++c) {
    if (std::string_view("\"\\/?#").contains(c)) continue;
    texts.push_back(std::string(1, c));
    for (char d = 'a'; d <= 'z'; ++d) texts.push_back(std::string(1, c) + d);
  }
  for (int i = 0; i < 1000; ++i) texts.push_back("x" + std::to_string(i));
  std::set<std::string> placeholders;
  std::size_t longer = 0;
  for (const std::string& text : texts) {
    const std::string placeholder = text_of(mask.text(text));
    CHECK(placeholder == text_of(mask.text(text)));
    CHECK(placeholders.insert(placeholder).second);
    const bool is_digits = placeholder.find_first_not_of("0123456789") == std::string::npos;
    CHECK((placeholder == text || (!record::is_word(placeholder) && !is_digits)));
    if (placeholder.size() > text.size()) ++longer;
  }
  CHECK(longer < 100);  // There are more characters than letters.

  std::set<std::string> numbers;
  for (int i = 0; i < 2000; ++i) {
    const std::string number = text_of(mask.message(std::to_string(i)));
    CHECK(numbers.insert(number).second);
    CHECK(number.size() == std::to_string(i).size());
    CHECK(proto::json::parse(number).root.has_value());
  }
}

TEST_CASE("what takes all short names costs no equality") {
  Mask mask(Contents::left_out, key);
  std::set<std::string> placeholders;
  const std::size_t count = record::ShortNames::names_max + 100;
  for (std::size_t i = 0; i < count; ++i) placeholders.insert(text_of(mask.text("x" + std::to_string(i))));
  CHECK(placeholders.size() == count);
}

TEST_CASE("values of variables and headers do not show that they are short") {
  Mask mask(Contents::left_out, key);
  for (const std::string_view value : {"1", "hush", "hush-hush", "hush-hush-hu"}) {
    CHECK(text_of(mask.variable("TOKEN", value)).size() == 12);
    CHECK(text_of(mask.secret(value)).size() == 12);
  }
}

TEST_CASE("two recordings have nothing in common") {
  Mask one(Contents::left_out, {1, 2});
  Mask other(Contents::left_out, {1, 3});
  CHECK(one.message(R"({"x":"hush"})") != other.message(R"({"x":"hush"})"));
}

TEST_CASE("an address below another is still below it, and resources and tasks keep their order") {
  Mask mask(Contents::left_out, key);
  std::vector<std::string> uris = {"file:///b/c", "acme:x",   "file:///a/b", "file:///a",
                                   "file:///a/c", "zz:x/sub", "file:///b"};
  std::vector<std::pair<std::string, std::string>> both;
  for (const std::string& uri : uris) both.emplace_back(uri, text_of(mask.resource(uri)));
  std::ranges::sort(both);
  CHECK(std::ranges::is_sorted(both, {}, &std::pair<std::string, std::string>::second));
  CHECK(both[2].second.starts_with(both[1].second + '/'));
  // In whatever message one stands.
  CHECK(text_of(mask.message(R"({"params":{"uri":"file:///a"}})")).contains('"' + both[1].second + '"'));
  CHECK(text_of(mask.message(R"({"notifications":{"resourceSubscriptions":["acme:x","file:///a"]}})"))
            .contains(",\"" + both[1].second + '"'));
}

TEST_CASE("names compare as the texts do that they stand for") {
  record::Names names;
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back("T0-" + std::to_string(i * 7919 % 1000));
  for (int i = 0; i < 300; ++i) texts.push_back("a" + std::string(static_cast<std::size_t>(i % 40), 'a'));
  for (const std::string& text : texts) (void)names.of(text);
  for (const std::string& one : texts) {
    for (const std::string& other : texts) {
      const bool same = (one < other) == (names.of(one) < names.of(other));
      if (!same || names.of(one).empty()) FAIL_CHECK(one << " and " << other);
    }
  }
}

TEST_CASE("a name is only equality where there is no room for order") {
  record::Names names;
  std::string text = "a";
  while (!names.of(text).empty() && text.size() < 4000) text = 'a' + text + 'b';
  CHECK(text.size() < 4000);
  Mask mask(Contents::left_out, key);
  CHECK(mask.variable("A", "x") == mask.variable("A", "x"));
}

TEST_CASE("what Hearth made up is left alone, as a peer gives it back") {
  const std::string message = R"({"requestState":"hearth-0123456789abcdef","taskId":"hearth-task-7",)"
                              R"("inputResponses":{"q1":{"action":"accept"}}})";
  CHECK(masked(message) == message);
  CHECK(!masked(R"({"x":"hearth-hush"})").contains("hush"));
}

TEST_CASE("what is broken stays broken in the same way, and says nothing") {
  struct Case {
    std::string text;
    proto::ScanError error;
  };
  for (const auto& [text, error] : {
           Case{"Server hush listens on port 3000", proto::ScanError::not_json},
           Case{R"({"jsonrpc":"2.0","id":1,"method":"hush)", proto::ScanError::not_json},
           Case{R"({"jsonrpc":"2.0","id":1,"method":"hush\q"})", proto::ScanError::not_json},
           Case{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hush\xff\"}", proto::ScanError::not_utf8},
           Case{std::string(600, '[') + std::string(600, ']'), proto::ScanError::too_deep},
           Case{R"({"jsonrpc":"2.0","id":1,"id":2,"method":"hush"})", proto::ScanError::ambiguous},
           Case{R"({"jsonrpc":"2.0","\u0069d":1,"method":"hush"})", proto::ScanError::ambiguous},
           Case{R"({"jsonrpc":"2.0","id":null,"method":"hush"})", proto::ScanError::bad_id},
       }) {
    const std::string again = masked(text);
    CAPTURE(text);
    CHECK(!again.contains("hush"));
    REQUIRE(!proto::scan(text).has_value());
    CHECK(proto::scan(text).error() == error);
    REQUIRE(!proto::scan(again).has_value());
    CHECK(proto::scan(again).error() == error);
  }
  // Half a message, as it is left in a pipe: what was inside of strings seems to be outside of them.
  CHECK(!masked(R"(hush 123456","hush":"hush"})").contains("hush"));
  CHECK(!masked(R"(hush 123456","hush":"hush"})").contains("123456"));
}

TEST_CASE("a long text takes little room") {
  Mask mask(Contents::left_out, key);
  const std::string message =
      R"({"result":{"content":[{"type":"text","text":")" + std::string(1 << 20, 'x') + "\"}]}}";
  const std::string json = mask.message(message);
  CHECK(json.size() < 200);
  CHECK(text_of(json).size() == message.size());
}

TEST_CASE("with contents any bytes come back as they were") {
  Mask mask(Contents::whole, key);
  for (const std::string& text : {std::string(), std::string("\0\xff\x80 \xe2\x82", 6), std::string(100, '.'),
                                  std::string("\xf0\x9f\x98\x80 \\ \" \n")}) {
    CHECK(text_of(mask.message(text)) == text);
  }
}
