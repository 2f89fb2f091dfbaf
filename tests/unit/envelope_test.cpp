#include "proto/envelope.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using proto::Envelope;
using proto::Kind;
using proto::scan;
using proto::ScanError;
using proto::Span;

namespace doctest {
template <>
struct StringMaker<ScanError> {
  static String convert(ScanError error) { return std::string(proto::describe(error)).c_str(); }
};
}  // namespace doctest

namespace {

// The text of a span, or nothing: what a table of expectations can hold.
std::string_view shown(Span span, std::string_view message) {
  return span.present() ? span.in(message) : std::string_view();
}

ScanError refusal_of(std::string_view message) {
  const auto envelope = scan(message);
  REQUIRE_MESSAGE(!envelope, message);
  return envelope.error();
}

std::string nested(int depth, std::string_view open, std::string_view close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

// A notification whose params hold `value` at depth 2.
std::string with_value(std::string_view value) {
  return R"({"method":"m","params":{"v":)" + std::string(value) + "}}";
}

}  // namespace

TEST_CASE("a message shows what kind it is") {
  struct Case {
    std::string_view text;
    Kind kind;
  };
  const Case cases[] = {
      {R"({"jsonrpc":"2.0","id":1,"method":"ping"})", Kind::request},
      {R"({"id":1,"method":"ping"})", Kind::request},
      {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", Kind::notification},
      {R"({"jsonrpc":"2.0","id":1,"result":{}})", Kind::response},
      {R"({"jsonrpc":"2.0","id":1,"result":null})", Kind::response},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}})", Kind::response},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping","result":{}})", Kind::request},
      {R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", Kind::batch},
      {R"([])", Kind::batch},
      {" \t\r\n{\"method\":\"m\"} \t\r\n", Kind::notification},
  };
  for (const Case& c : cases) {
    const auto envelope = scan(c.text);
    REQUIRE_MESSAGE(envelope, c.text);
    CHECK_MESSAGE(envelope->kind == c.kind, c.text);
  }
}

TEST_CASE("an id keeps its spelling") {
  for (const std::string id : {"0", "-1", "1", "1.0", "1e3", "9007199254740993", "-0", R"("")", R"("1")",
                               R"("\"")", "\"\xF0\x9F\x98\x80\"", R"("\ud83d\ude00")", R"("null")"}) {
    const std::string request = R"({"jsonrpc":"2.0","method":"m","id":)" + id + "}";
    const auto envelope = scan(request);
    REQUIRE_MESSAGE(envelope, id);
    CHECK(envelope->id.in(request) == id);
    CHECK(proto::salvage_id(request).in(request) == id);
  }
}

TEST_CASE("an id that is neither string nor number is refused") {
  for (const std::string id : {"null", "true", "false", "{}", "[]", "[1]"}) {
    CHECK(refusal_of(R"({"id":)" + id + R"(,"method":"m"})") == ScanError::bad_id);
    CHECK(refusal_of(R"({"result":{},"id":)" + id + "}") == ScanError::bad_id);
    CHECK_FALSE(proto::salvage_id(R"({"id":)" + id + R"(,"method":"m"})").present());
  }
}

TEST_CASE("the members that routing needs are found in any order") {
  struct Case {
    std::string_view text;
    Span Envelope::* span;
    std::string_view value;
  };
  const Case cases[] = {
      {R"({"method":"tools/call"})", &Envelope::method, "tools/call"},
      {R"({"method":"tools\/call"})", &Envelope::method, R"(tools\/call)"},
      {R"({"method":"m","params":[1,2]})", &Envelope::params, "[1,2]"},
      {R"({"method":"m" , "params" : { "a" : 1 } })", &Envelope::params, R"({ "a" : 1 })"},
      {R"({"id":1,"result":[]})", &Envelope::result, "[]"},
      {R"({"id":1,"result":{"a":{}}})", &Envelope::result, R"({"a":{}})"},
      {R"({"error":{"code":1},"id":1})", &Envelope::error, R"({"code":1})"},
      {R"({"method":"m","params":{"_meta":{}}})", &Envelope::meta, "{}"},
      {R"({"method":"m","params":{"_meta":{"x":[1]},"b":2}})", &Envelope::meta, R"({"x":[1]})"},
      {R"({"method":"m","params":{"_meta":7}})", &Envelope::meta, ""},
      {R"({"method":"m","params":{"a":{"_meta":{}}}})", &Envelope::meta, ""},
      {R"({"method":"m","params":[{"_meta":{}}]})", &Envelope::meta, ""},
      {R"({"method":"m","_meta":{}})", &Envelope::meta, ""},
      {R"({"id":1,"method":"m","params":{"_meta":{"progressToken":"t"}}})", &Envelope::progress_token,
       R"("t")"},
      {R"({"params":{"_meta":{"progressToken":-3}},"method":"m","id":1})", &Envelope::progress_token, "-3"},
      {R"({"id":1,"method":"m","params":{"progressToken":5}})", &Envelope::progress_token, ""},
      {R"({"method":"notifications/progress","params":{"progressToken":5}})", &Envelope::progress_token, "5"},
      {R"({"params":{"progressToken":"p"},"method":"notifications\/progress"})", &Envelope::progress_token,
       R"("p")"},
      {R"({"method":"notifications/progress","params":{"_meta":{"progressToken":5}}})",
       &Envelope::progress_token, ""},
      {R"({"method":"notifications/other","params":{"progressToken":5}})", &Envelope::progress_token, ""},
      {R"({"method":"notifications/cancelled","params":{"requestId":"9"}})", &Envelope::request_id, R"("9")"},
      {R"({"method":"m","params":{"a":{"requestId":"9"}}})", &Envelope::request_id, ""},
      {R"({"method":"m","requestId":9})", &Envelope::request_id, ""},
      {R"({"id":1,"method":"m","params":{"uri":"file:///x"}})", &Envelope::uri, R"("file:///x")"},
      {R"({"id":1,"method":"m","params":{"ref":{"uri":"file:///x"}}})", &Envelope::uri, ""},
      {R"({"id":1,"method":"m","params":{"level":"info"}})", &Envelope::level, R"("info")"},
      {R"({"id":1,"method":"m","params":{"taskId":"T"}})", &Envelope::task_id, R"("T")"},
      {R"({"id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"R"}}}})",
       &Envelope::related_task, R"("R")"},
      {R"({"id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol\/related-task":{"taskId":"R"}}}})",
       &Envelope::related_task, R"("R")"},
      {R"({"id":1,"result":{"_meta":{"a":1,"io.modelcontextprotocol/related-task":{"b":2,"taskId":"R"}}}})",
       &Envelope::related_task, R"("R")"},
      {R"({"id":1,"result":{"_meta":{"io.modelcontextprotocol/related-task":"R"}}})", &Envelope::related_task,
       ""},
      {R"({"id":1,"result":{"_meta":7}})", &Envelope::related_task, ""},
      {R"({"id":1,"result":{"io.modelcontextprotocol/related-task":{"taskId":"R"}}})",
       &Envelope::related_task, ""},
  };
  for (const Case& c : cases) {
    const auto envelope = scan(c.text);
    REQUIRE_MESSAGE(envelope, c.text);
    CHECK_MESSAGE(shown((*envelope).*c.span, c.text) == c.value, c.text);
  }
}

TEST_CASE("a request says whether it is modern or wants to become a task") {
  const auto claims = [](std::string_view text) {
    const auto envelope = scan(text);
    REQUIRE_MESSAGE(envelope, text);
    return envelope->modern;
  };
  CHECK(
      claims(R"({"id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"x"}}})"));
  CHECK_FALSE(claims(R"({"id":1,"method":"m","params":{"io.modelcontextprotocol/protocolVersion":"x"}})"));
  CHECK_FALSE(claims(R"({"id":1,"method":"m"})"));
  CHECK(scan(R"({"id":1,"method":"m","params":{"task":{}}})")->task);
  CHECK_FALSE(scan(R"({"id":1,"method":"m","params":{"a":{"task":{}}}})")->task);
}

TEST_CASE("an envelope key twice or in disguise is refused") {
  for (const std::string_view text : {
           R"({"jsonrpc":"2.0","jsonrpc":"2.0","method":"m"})",
           R"({"id":1,"id":1,"method":"m"})",
           R"({"id":1,"method":"m","\u0069d":2})",
           R"({"\u0069\u0064":2,"method":"m"})",
           R"({"method":"m","method":"n"})",
           R"({"method":"m","m\u0065thod":"n"})",
           R"({"method":"m","params":{},"params":{}})",
           R"({"id":1,"result":{},"result":[]})",
           R"({"id":1,"error":{},"error":{}})",
           R"({"jsonrp\u0063":"2.0","id":1,"error":{}})",
           R"({"method":"m","params":{"_meta":{},"_meta":{}}})",
           R"({"method":"m","params":{"_meta":1,"_meta":{}}})",
           R"({"method":"m","params":{"\u005fmeta":{}}})",
           R"({"id":1,"method":"m","params":{"_meta":{"progressToken":1,"progressToken":1}}})",
           R"({"id":1,"method":"m","params":{"_meta":{"progressT\u006fken":1}}})",
           R"({"method":"notifications/progress","params":{"progressToken":1,"progressToken":2}})",
           R"({"params":{"progressToken":1,"progressToken":2},"method":"notifications/progress"})",
           R"({"params":{"progress\u0054oken":1},"method":"notifications/progress"})",
           R"({"method":"m","params":{"requestId":1,"requestId":1}})",
           R"({"method":"m","params":{"request\u0049d":1}})",
           R"({"method":"m","params":{"uri":"a","uri":"b"}})",
           R"({"method":"m","params":{"level":"a","level":"b"}})",
           R"({"method":"m","params":{"taskId":"a","taskId":"b"}})",
           R"({"id":1,"result":{"_meta":{},"_meta":{}}})",
           R"({"id":1,"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":1,"taskId":1}}}})",
       }) {
    CHECK_MESSAGE(refusal_of(text) == ScanError::ambiguous, text);
  }
}

TEST_CASE("other keys may be repeated and escaped") {
  for (const std::string_view text : {
           R"({"method":"m","x":1,"x":2,"\u0078":3})",
           R"({"method":"m","params":{"arguments":{"id":1,"id":2,"_meta":{},"_meta":{}}}})",
           R"({"id":1,"method":"m","params":{"progressToken":1,"progressToken":2}})",
           R"({"method":"m","params":{"id":1,"id":2,"method":3,"method":4}})",
           R"({"method":"m","\\u0069d":1,"i\\u0064":2,"id\u0000":3,"\u0049d":4})",
       }) {
    CHECK_MESSAGE(scan(text).has_value(), text);
  }
}

TEST_CASE("JSON that is no message is refused as such") {
  for (const std::string_view text : {
           R"({})",
           R"({"jsonrpc":"2.0"})",
           R"({"jsonrpc":"2.0","id":1})",
           R"({"jsonrpc":"2.0","result":{}})",
           R"({"jsonrpc":"2.0","error":{}})",
           R"({"jsonrpc":"1.0","id":1,"method":"m"})",
           R"({"jsonrpc":2.0,"id":1,"method":"m"})",
           R"({"jsonrpc":null,"id":1,"method":"m"})",
           R"({"jsonrpc":"2.\u0030","id":1,"method":"m"})",
           R"({"id":1,"method":7})",
           R"({"id":1,"method":null})",
           R"({"id":1,"method":""})",
           R"("method")",
           "1",
           "null",
       }) {
    CHECK_MESSAGE(refusal_of(text) == ScanError::not_a_message, text);
  }
}

TEST_CASE("what is not JSON is refused, wherever it stands") {
  for (const std::string_view value : {
           "",         "-",          "+1",        "01",          "-01",       "1.",
           ".5",       "1.e3",       "1e",        "1e+",         "0x1",       "1_0",
           "NaN",      "tru",        "truee",     "nul",         "False",     "'a'",
           "\"a",      "\"\\x\"",    "\"\\u12\"", R"("\u12g4")", R"("\")",    "\"\\u00",
           "\"a\nb\"", "{",          "}",         "[",           "]",         "[1,]",
           "[,1]",     "[1 2]",      "[1}",       "{\"a\":1]",   "{,}",       "{\"a\"}",
           "{\"a\":}", "{\"a\":1,}", "{a:1}",     "{1:1}",       "{\"a\" 1}", "{\"a\":1 \"b\":2}",
           "[[1]",     "[1]]",       "1 2",       "\xC2\xA0",    "/**/1",     "\v1",
       }) {
    const std::string text = with_value(value);
    CHECK_MESSAGE(refusal_of(text) == ScanError::not_json, text);
    CHECK_MESSAGE(refusal_of(value) == ScanError::not_json, value);
    CHECK_MESSAGE(refusal_of("[" + std::string(value) + ", 1]") == ScanError::not_json, value);
  }
  CHECK(refusal_of(R"({"method":"m"}{"method":"m"})") == ScanError::not_json);
  CHECK(refusal_of(R"({"method":"m"},)") == ScanError::not_json);
  CHECK(refusal_of("\xEF\xBB\xBF{\"method\":\"m\"}") == ScanError::not_json);
  CHECK(refusal_of(std::string_view("{\"method\":\"m\"}\0", 15)) == ScanError::not_json);
}

TEST_CASE("every JSON value is accepted in every place") {
  for (const std::string_view value : {"0",
                                       "-0",
                                       "10",
                                       "0.5",
                                       "-1.25e-3",
                                       "1E+9",
                                       "1e0",
                                       "true",
                                       "false",
                                       "null",
                                       "[]",
                                       "{}",
                                       "[ ]",
                                       "{ }",
                                       "[1 , [ 2 ],{}]",
                                       R"({"a" : {"b":[]}, "c":"d"})",
                                       R"("")",
                                       R"("\"\\\/\b\f\n\r\t\u00e9\uD834\uDD1E")",
                                       R"("\ud800")",
                                       R"("\udc00\ud800x")",
                                       "\"\x7F\"",
                                       "\"\xE2\x80\xA8\"",
                                       "\"\xF4\x8F\xBF\xBF\""}) {
    for (const std::string& text : {with_value(value), with_value("[" + std::string(value) + "]"),
                                    R"({"method":"m","other":)" + std::string(value) + "}",
                                    R"({"id":1,"result":)" + std::string(value) + "}"}) {
      CHECK_MESSAGE(scan(text).has_value(), text);
    }
  }
}

// Strings are read in blocks of 16 and 64 bytes: every offset within a block, and every distance to the end.
TEST_CASE("marks in strings are found at every offset") {
  struct Case {
    std::string_view piece;
    std::optional<ScanError> error;
  };
  using enum ScanError;
  const Case cases[] = {
      {"x", {}},
      {R"(\n)", {}},
      {R"(\")", {}},
      {R"(\\)", {}},
      {R"(\u00e9)", {}},
      {"\xC3\xA9", {}},
      {"\xE2\x80\xA8", {}},
      {"\xF0\x9F\x98\x80", {}},
      {"\xED\x9F\xBF\xEE\x80\x80", {}},
      {R"(\q)", not_json},
      {R"(\u00e)", not_json},
      {"\n", not_json},
      {std::string_view("\0", 1), not_json},
      {"\x1F", not_json},
      {"\x80", not_utf8},
      {"\xC3", not_utf8},
      {"\xC0\x80", not_utf8},
      {"\xC1\xBF", not_utf8},
      {"\xE0\x9F\xBF", not_utf8},
      {"\xED\xA0\x80", not_utf8},
      {"\xE2\x80", not_utf8},
      {"\xF0\x8F\xBF\xBF", not_utf8},
      {"\xF4\x90\x80\x80", not_utf8},
      {"\xF5\x80\x80\x80", not_utf8},
      {"\xFF", not_utf8},
      {"\xF0\x9F\x98", not_utf8},
  };
  for (const Case& c : cases) {
    for (std::size_t before = 0; before < 150; ++before) {
      const std::string quoted = '"' + std::string(before, 'a') + std::string(c.piece) + "z\"";
      const std::string text = R"({"method":"m","params":)" + quoted + "}";
      const auto envelope = scan(text);
      if (c.error) {
        CHECK_MESSAGE((!envelope && envelope.error() == *c.error), quoted);
      } else {
        CHECK_MESSAGE((envelope && envelope->params.in(text) == quoted), quoted);
      }
      CHECK(scan(quoted).error() == c.error.value_or(not_a_message));
    }
  }
}

TEST_CASE("a message cut short is refused at every length") {
  const std::string_view text =
      "{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"tools/"
      "call\",\"params\":{\"a\":[1.5e3,true,null,\"\\u00e9\xC3\xA9\"],"
      "\"_meta\":{\"progressToken\":\"t\"}}}";
  REQUIRE(scan(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string cut(text.substr(0, size));  // Its own allocation, so that a sanitizer sees its end.
    const auto envelope = scan(cut);
    REQUIRE_MESSAGE(!envelope, cut);
    CHECK((envelope.error() == ScanError::not_json || envelope.error() == ScanError::not_utf8));
    const Span id = proto::salvage_id(cut);
    // The number is certain only once its end is in sight.
    CHECK(shown(id, cut) == (size > text.find("12") + 2 ? "12" : ""));
  }
}

TEST_CASE("nesting is bounded") {
  const int most = proto::depth_max;
  CHECK(scan(nested(most, "[", "]")));
  CHECK(refusal_of(nested(most + 1, "[", "]")) == ScanError::too_deep);
  CHECK(refusal_of(nested(100'000, "[{\"a\":", "}]")) == ScanError::too_deep);
  // Within params the object of the message and params themselves count.
  CHECK(scan(with_value(nested(most - 2, "{\"a\":", "}"))));
  CHECK(refusal_of(with_value(nested(most - 1, "{\"a\":", "}"))) == ScanError::too_deep);
  CHECK(refusal_of(with_value(nested(most, "[", "]"))) == ScanError::too_deep);
  CHECK(refusal_of(with_value(nested(most - 2, "[", "]") + "]")) == ScanError::not_json);
  CHECK(refusal_of(with_value(nested(70, "[{\"a\":", "]}"))) == ScanError::not_json);
}

TEST_CASE("the id of a broken message is given only when it is certain") {
  struct Case {
    std::string_view text;
    std::string_view id;
  };
  const Case cases[] = {
      {R"({"id":7,"method":"m","params":{)", "7"},
      {R"({"id":"x","method":"m","params":{"a":nope}})", "\"x\""},
      {R"({"id":7 , "method":"m","method":"n"})", "7"},
      {R"({"jsonrpc":"1.0","id":7,"method":"m"})", "7"},
      {"{\"method\":\"m\",\"params\":{\"a\":\"\xFF\"},\"id\":7}", "7"},
      {"{\"method\":\"m\",\"params\":{\"a\":\"\xFF\"},\"id\":7", ""},
      {R"({"id":7)", ""},
      {R"({"id":7x,"method":"m"})", ""},
      {R"({"id":"7)", ""},
      {R"({"id":7,"id":8,"method":"m"})", ""},
      {R"({"id":7,"\u0069d":8,"method":"m"})", ""},
      {R"({"\u0069d":8,"method":"m","x":})", ""},
      {R"({"id":null,"method":"m","x":})", ""},
      {R"({"params":{"id":7},"method":"m","x":})", ""},
      {R"([{"id":7,"method":"m"})", ""},
      {R"({"method":"m","params":[}],"id":7})", ""},
      {R"(garbage "id":7,)", ""},
      {"", ""},
  };
  for (const Case& c : cases) CHECK_MESSAGE(shown(proto::salvage_id(c.text), c.text) == c.id, c.text);
}

TEST_CASE("a batch gives its members") {
  const auto members_of = [](std::string_view batch) {
    REQUIRE(scan(batch));
    std::vector<std::string_view> members;
    proto::each_in_batch(batch, [&](Span span) { members.push_back(span.in(batch)); });
    return members;
  };
  using List = std::vector<std::string_view>;
  CHECK(members_of("[]") == List{});
  CHECK(members_of(" [ ] ") == List{});
  CHECK(members_of(R"([{"a":[1,"]"]} , 2,"x,y",[[]],null])") ==
        List{R"({"a":[1,"]"]})", "2", R"("x,y")", "[[]]", "null"});
}

TEST_CASE("the end of a value is where the next thing begins") {
  const std::string_view text = R"({"a":[1,{"b":"}"}],"c":-1.5e3,"d":true})";
  CHECK(proto::end_of_value(text, 0) == text.size());
  CHECK(proto::end_of_value(text, text.find('[')) == text.find(']') + 1);
  CHECK(proto::end_of_value(text, text.find("-1.5")) == text.find(",\"d\""));
  CHECK(proto::end_of_value(text, text.find("true")) == text.size() - 1);
  CHECK(proto::end_of_value(text, text.size()) == text.size());
}

TEST_CASE("every refusal has its own sentence") {
  using enum ScanError;
  std::vector<std::string_view> sentences;
  for (const ScanError error : {not_json, not_utf8, too_deep, not_a_message, ambiguous, bad_id}) {
    const std::string_view sentence = proto::describe(error);
    CHECK(std::find(sentences.begin(), sentences.end(), sentence) == sentences.end());
    sentences.push_back(sentence);
  }
}

TEST_CASE("envelope: what only 2026-07-28 has") {
  const std::string answer =
      R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","_meta":{"x":1,)"
      R"("io.modelcontextprotocol/subscriptionId":"l"}}})";
  const auto answered = proto::scan(answer);
  REQUIRE(answered);
  CHECK(answered->result_type.in(answer) == R"("input_required")");
  CHECK(answered->subscription.in(answer) == R"("l")");
  CHECK(answered->meta.in(answer).starts_with(R"({"x":1)"));
  const std::string retry =
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"inputResponses":{},"requestState":"s"}})";
  const auto retried = proto::scan(retry);
  REQUIRE(retried);
  CHECK(retried->responses);
  CHECK(retried->request_state.in(retry) == R"("s")");
  const std::string told = R"({"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":)"
                           R"({"io.modelcontextprotocol\/subscriptionId":7}}})";
  const auto notice = proto::scan(told);
  REQUIRE(notice);
  CHECK(notice->subscription.in(told) == "7");
  CHECK(!notice->modern);
}
