#include "proto/json.h"

#include <doctest/doctest.h>

namespace {

using namespace proto::json;

// A tree as compact JSON again, so that a table can say what was read.
void write(Writer& to, const Value& value) {
  switch (value.type) {
    case Type::null:
      to.null();
      break;
    case Type::boolean:
      to.boolean(value.boolean);
      break;
    case Type::number:
      to.raw(value.text);
      break;
    case Type::string:
      to.string(value.text);
      break;
    case Type::array:
      to.array();
      for (const Value& item : value.items) write(to, item);
      to.end();
      break;
    case Type::object:
      to.object();
      for (const Member& member : value.members) write(to.key(member.key), member.value);
      to.end();
      break;
  }
}

std::string shown(const Document& document) {
  if (!document.root) return "nothing";
  Writer to;
  write(to, *document.root);
  return to.text();
}

std::string shown(std::string_view text, const std::vector<Mistake>& mistakes) {
  std::string all;
  for (const Mistake& mistake : mistakes) {
    const Position position = position_of(text, mistake.at);
    if (!all.empty()) all += "; ";
    all += std::to_string(position.line) + ":" + std::to_string(position.column) + " " + mistake.what;
  }
  return all;
}

TEST_CASE("json: strict reads what RFC 8259 allows") {
  const char* same[] = {
      "null",
      "true",
      "false",
      "0",
      "-0",
      "12.50e+3",
      R"("")",
      R"("x")",
      "[]",
      "{}",
      "[1,[2,{}],null]",
      R"({"a":1,"b":{"c":[true]},"a":2})",
      "123456789012345678901234567890",
  };
  for (const char* text : same) {
    CAPTURE(text);
    const Document document = parse(text);
    CHECK(document.mistakes.empty());
    CHECK(shown(document) == text);
  }
  CHECK(shown(parse(" \t\r\n[ 1 ,\n2 ]\n")) == "[1,2]");
}

TEST_CASE("json: strict refuses everything else, once, and gives no tree") {
  const struct {
    const char* text;
    const char* mistake;
  } table[] = {
      {"", "1:1 expected a value, but found the end of the text"},
      {"  ", "1:3 expected a value, but found the end of the text"},
      {"nul", "1:1 expected a value, but found 'nul'"},
      {"01", "1:1 expected a value, but found '01'"},
      {"1.", "1:1 expected a value, but found '1.'"},
      {".5", "1:1 expected a value, but found '.5'"},
      {"+1", "1:1 expected a value, but found '+1'"},
      {"1e", "1:1 expected a value, but found '1e'"},
      {"undefined", "1:1 expected a value, but found 'undefined'"},
      {"sk-Secret123", "1:1 expected a value, but found a word without quotes"},
      {"verylongsecret", "1:1 expected a value, but found a word without quotes"},
      {"NaN", "1:1 expected a value, but found 'NaN'"},
      {"'x'", "1:1 expected a value, but found a single quote; strings have double quotes"},
      {"1 2", "1:3 expected nothing more, but found '2'"},
      {"[1,]", "1:3 expected no ',' before ']'"},
      {"{\"a\":1,}", "1:7 expected no ',' before '}'"},
      {"[1 2]", "1:4 expected ',' or ']', but found '2'"},
      {"[1,,2]", "1:4 expected a value, but found ','"},
      {"[1", "1:3 expected ']', but the text ends here"},
      {"[", "1:2 expected ']', but the text ends here"},
      {"{", "1:2 expected '}', but the text ends here"},
      {"{\"a\"", "1:5 expected ':' after a, but found the end of the text"},
      {"{\"a\":", "1:6 expected a value, but found the end of the text"},
      {"{a:1}", "1:2 expected a name in double quotes, but found 'a'"},
      {"[1}", "1:3 expected ',' or ']', but found '}'"},
      {"]", "1:1 expected a value, but found ']'"},
      {"// x\n1", "1:1 expected a value, but found '/'"},
      {"[1 /* x */]", "1:4 expected ',' or ']', but found '/'"},
      {"\"x", "1:1 expected '\"' at the end of the string that begins here"},
      {"\"x\n\"", "1:1 expected '\"' at the end of the string that begins here"},
      {"\"\t\"", "1:2 expected \\t instead of a tab in a string"},
      {"\"\x01\"", "1:2 expected an escape instead of a control character in a string"},
      {"\"\xff\"", "1:2 expected UTF-8"},
      {"\"\xed\xa0\x80\"", "1:2 expected UTF-8"},
      {"\"\xc0\x80\"", "1:2 expected UTF-8"},
      {"\xef\xbb\xbf"
       "1",
       "1:1 expected a value, but found '\xef\xbb\xbf'"},
      {R"("a\q")",
       "1:3 expected an escape such as \\n or \\u00e9 after the backslash; a backslash itself is written "
       "\\\\"},
      {R"("\u12g4")",
       "1:2 expected an escape such as \\n or \\u00e9 after the backslash; a backslash itself is written "
       "\\\\"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    const Document document = parse(row.text);
    CHECK_FALSE(document.root);
    CHECK(shown(row.text, document.mistakes) == row.mistake);
  }
}

TEST_CASE("json: escapes become UTF-8") {
  const struct {
    const char* raw;
    std::string_view decoded;
  } table[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20AC")", "A\xc3\xa9\xe2\x82\xac"},
      {R"("\ud83d\ude00")", "\xf0\x9f\x98\x80"},
      {R"("\u0000")", std::string_view("\0", 1)},
      {R"("\ud83d")", "\xef\xbf\xbd"},
      {R"("\ud83dx")", "\xef\xbf\xbdx"},
      {R"("\ude00\ud83d")", "\xef\xbf\xbd\xef\xbf\xbd"},
      {R"("\ud83d\u0041")",
       "\xef\xbf\xbd"
       "A"},
      {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
  };
  for (const auto& row : table) {
    CAPTURE(row.raw);
    CHECK(unquoted(row.raw) == row.decoded);
  }
  CHECK(unquoted("12") == "12");
  CHECK(unquoted("\"broken") == "\"broken");
}

TEST_CASE("json: quoting survives a round trip, whatever the bytes") {
  CHECK(quoted("a\"b\\c\n\t\r\x01\x7f/") == "\"a\\\"b\\\\c\\n\\t\\r\\u0001\x7f/\"");
  CHECK(quoted("\xff"
               "a\xc3") ==
        "\"\xef\xbf\xbd"
        "a\xef\xbf\xbd\"");
  CHECK(quoted(std::string_view("\0", 1)) == "\"\\u0000\"");
  for (int byte = 0; byte < 128; ++byte) {
    const std::string text(3, static_cast<char>(byte));
    CHECK(unquoted(quoted(text)) == text);
  }
}

TEST_CASE("json: nesting is bounded") {
  const auto nest = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse(nest(512)).root);
  CHECK_FALSE(parse(nest(513)).root);
  CHECK_FALSE(parse(std::string(1 << 20, '[')).root);
  CHECK_FALSE(parse(std::string(1 << 20, '['), Dialect::relaxed).root);
  const std::string text = R"({"deep":)" + nest(600) + R"(,"next":1})";
  CHECK(shown(parse(text, Dialect::relaxed)) == R"({"next":1})");
}

TEST_CASE("json: relaxed allows comments, trailing commas and a byte order mark") {
  const std::string text =
      "\xef\xbb\xbf// head\n{ /* a */ \"a\" /* b */ : // c\n 1, \"b\": [1, /*,*/ 2, ], \"c\": \"// no /* "
      "comment\", }\n/* end */";
  const Document document = parse(text, Dialect::relaxed);
  CHECK(shown(text, document.mistakes) == "");
  CHECK(shown(document) == R"({"a":1,"b":[1,2],"c":"// no /* comment"})");
}

TEST_CASE("json: relaxed notes each mistake and keeps what stands beside it") {
  const struct {
    const char* text;
    const char* kept;
    const char* mistakes;
  } table[] = {
      {R"({"a":1 "b":2})", R"({"a":1,"b":2})", "1:8 expected ',' or '}', but found a string"},
      {R"({"a":,"b":2})", R"({"b":2})", "1:6 expected a value, but found ','"},
      {R"({"a" 1,"b":2})", R"({"b":2})", "1:6 expected ':' after a, but found '1'"},
      {R"({a:1,"b":2})", R"({"b":2})", "1:2 expected a name in double quotes, but found 'a'"},
      {R"({"a":True,"b":2})", R"({"b":2})", "1:6 expected a value, but found 'True'"},
      {R"({"a":'x, y',"b":2})", R"({"b":2})",
       "1:6 expected a value, but found a single quote; strings have double quotes; "
       "1:10 expected a name in double quotes, but found 'y'"},
      {R"({"a":1,,"b":2})", R"({"a":1,"b":2})", "1:8 expected a value between two commas"},
      {R"({"a":[1,x,3],"b":2})", R"({"b":2})", "1:9 expected a value, but found 'x'"},
      {R"({"a":[{"x":y}],"b":2})", R"({"b":2})", "1:12 expected a value, but found 'y'"},
      {R"({"a":{"x":y,"z":3},"b":2})", R"({"a":{"z":3},"b":2})", "1:11 expected a value, but found 'y'"},
      {R"({"a":{"x":["y"},"b":2})", R"({"a":{},"b":2})", "1:15 expected ',' or ']', but found '}'"},
      {R"({"a":[[[1},"b":2})", "{}",
       "1:10 expected ',' or ']', but found '}'; 1:11 expected nothing more, but found ','"},
      {R"({"a":1],"b":2})", R"({"a":1,"b":2})", "1:7 expected ',' or '}', but found ']'"},
      {R"({"a":1}})", R"({"a":1})", "1:8 expected nothing more, but found '}'"},
      {R"({"a":{"x":1},"b":{"y":2)", R"({"a":{"x":1},"b":{"y":2}})",
       "1:24 expected '}', but the text ends here"},
      {R"({"a":1,)", R"({"a":1})", "1:8 expected '}', but the text ends here"},
      {R"({"a":"x\q","b":2})", R"({"b":2})",
       "1:8 expected an escape such as \\n or \\u00e9 after the backslash; a backslash itself is written "
       "\\\\"},
      {R"({"a":1,/* "b":2})", R"({"a":1})", "1:8 expected '*/' at the end of the comment that begins here"},
      {"{\"a\":{\"x\":\"y},\n\"b\":2}", R"({"a":{},"b":2})",
       "1:11 expected '\"' at the end of the string that begins here"},
      {"{\"a\":[\"x\",\"y],\n\"b\":2}", R"({"b":2})",
       "1:11 expected '\"' at the end of the string that begins here"},
      {"{\"a: 1,\n\"b\":2}", R"({"b":2})", "1:2 expected '\"' at the end of the string that begins here"},
      {"{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\" x,\"b\":2}", "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\",\"b\":2}",
       "1:10 expected ',' or '}', but found 'x'"},
      {"", "nothing", "1:1 expected a value, but found the end of the text"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    const Document document = parse(row.text, Dialect::relaxed);
    CHECK(shown(document) == row.kept);
    CHECK(shown(row.text, document.mistakes) == row.mistakes);
  }
}

TEST_CASE("json: relaxed comes to an end on anything, with a bounded list of mistakes") {
  const std::string_view pieces = "{}[],:\"\\'/* \nax1\xff";
  std::uint32_t state = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) {
      state = state * 1664525 + 1013904223;
      text += pieces[(state >> 16) % pieces.size()];
    }
    const Document relaxed = parse(text, Dialect::relaxed);
    const Document strict = parse(text);
    REQUIRE(strict.mistakes.size() <= 1);
    REQUIRE(strict.root.has_value() == strict.mistakes.empty());
    if (strict.root) REQUIRE(shown(strict) == shown(relaxed));
    if (!relaxed.root) REQUIRE_FALSE(relaxed.mistakes.empty());
  }
  std::string rubbish;
  for (int i = 0; i < 10000; ++i) rubbish += "x,";
  CHECK(parse("[" + rubbish + "]", Dialect::relaxed).mistakes.size() == 50);
  CHECK_FALSE(parse("[" + rubbish + "]", Dialect::relaxed).root);
}

TEST_CASE("json: every value knows where it stood") {
  const std::string_view text = R"({ "a": [10, "\u0041b"], "c": {} })";
  const Document document = parse(text);
  REQUIRE(document.root);
  const auto raw = [&](const Value& value) { return text.substr(value.at, value.length); };
  CHECK(raw(*document.root) == text);
  const Value& list = *document.root->find("a");
  CHECK(raw(list) == R"([10, "\u0041b"])");
  CHECK(raw(list.items[0]) == "10");
  CHECK(raw(list.items[1]) == R"("\u0041b")");
  CHECK(raw(*document.root->find("c")) == "{}");
  CHECK(document.root->members[1].key_at == text.find("\"c\""));
}

TEST_CASE("json: look-ups") {
  const Document document =
      parse(R"({"a":1,"s":"x","a":2,"f":1.5,"e":1e3,"big":9223372036854775808,"neg":-7})");
  const Value& root = *document.root;
  CHECK(root.find("a")->text == "2");
  CHECK(root.find("b") == nullptr);
  CHECK(root.find("a")->find("x") == nullptr);
  CHECK(root.string_or("s", "y") == "x");
  CHECK(root.string_or("a", "y") == "y");
  CHECK(root.find("a")->integer() == 2);
  CHECK(root.find("neg")->integer() == -7);
  CHECK_FALSE(root.find("f")->integer());
  CHECK_FALSE(root.find("e")->integer());
  CHECK_FALSE(root.find("big")->integer());
  CHECK_FALSE(root.find("s")->integer());
}

TEST_CASE("json: positions count characters") {
  const std::string_view text = "a\n\xc3\xa9x\r\ny";
  const auto at = [&](std::size_t offset) {
    const Position position = position_of(text, offset);
    return std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  CHECK(at(0) == "1:1");
  CHECK(at(1) == "1:2");
  CHECK(at(2) == "2:1");
  CHECK(at(4) == "2:2");
  CHECK(at(7) == "3:1");
  CHECK(at(99) == "3:2");
}

TEST_CASE("json: the writer places commas") {
  Writer to;
  to.object();
  to.key("name").string("x\"");
  to.key("pids").array();
  to.number(1).number(-2);
  to.object().end();
  to.array().boolean(true).null().end();
  to.end();
  to.key("raw").raw("{\"a\":1}");
  to.end();
  CHECK(to.text() == R"({"name":"x\"","pids":[1,-2,{},[true,null]],"raw":{"a":1}})");
}

}  // namespace
