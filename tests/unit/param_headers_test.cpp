#include "transport/param_headers/param_headers.h"

#include <doctest/doctest.h>

#include <utility>

#include "save/codec.h"

using transport::ParamHeaders;

namespace {

std::string tool(const std::string& name, const std::string& properties) {
  return R"({"name":")" + name + R"(","inputSchema":{"type":"object","properties":{)" + properties + "}}}";
}
std::string param(const std::string& key, const std::string& type, const std::string& header) {
  return '"' + key + R"(":{"type":")" + type + R"(","x-mcp-header":")" + header + "\"}";
}
std::string page(const std::string& tools, const std::string& next = {}) {
  return R"({"tools":[)" + tools + "]" + (next.empty() ? "" : R"(,"nextCursor":)" + next) + "}";
}

const std::string plain = tool("plain", R"("a":{"type":"string"})");
const std::string far = tool("far", param("region", "string", "Region") + ',' + param("n", "integer", "N") +
                                        ',' + param("v", "boolean", "Verbose") +
                                        R"(,"deep":{"properties":{)" + param("é", "string", "Deep") + "}}");
const std::string bad = tool("bad", param("o", "object", "O"));

ParamHeaders learnt(const std::string& tools) {
  ParamHeaders headers;
  headers.learn(page(tools), "");
  return headers;
}

// "mcp-param-region=eu;"
std::string sent(const ParamHeaders& headers, const std::string& name, const std::string& arguments) {
  std::string text;
  for (const auto& [field, value] : headers.fields(name, arguments).all) text += field + '=' + value + ';';
  return text;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string wrong(const std::string& arguments, const Fields& given) {
  proto::HttpFields fields;
  for (const auto& [name, value] : given) fields.add(name, value);
  return learnt(far).mismatch("far", arguments, fields);
}

}  // namespace

TEST_CASE("a call carries the arguments that its tool wants as fields") {
  const ParamHeaders headers = learnt(plain + ',' + far);
  CHECK(sent(headers, "plain", R"({"a":"x"})").empty());
  CHECK(sent(headers, "unknown", R"({"region":"x"})").empty());
  CHECK(sent(headers, "far", R"({"region":"eu","n":3,"v":true,"deep":{"é":"x"}})") ==
        "mcp-param-region=eu;mcp-param-n=3;mcp-param-verbose=true;mcp-param-deep=x;");
  CHECK(sent(headers, "far", R"({"deep":{"\u00e9":"stra\u00dfe"},"re\u0067ion":"a b"})") ==
        "mcp-param-region=a b;mcp-param-deep==?base64?c3RyYcOfZQ==?=;");
}

TEST_CASE("an argument that is not there, null, or no plain value is in no field") {
  const ParamHeaders headers = learnt(far);
  for (const char* const arguments :
       {"", "null", "{}", R"({"region":null,"n":null})", R"({"region":{"a":1},"n":[1],"deep":"é"})",
        R"({"n":9007199254740992,"deep":{}})", R"({"n":-1e300})", R"({"n":1e999})"}) {
    CAPTURE(arguments);
    CHECK(sent(headers, "far", arguments).empty());
  }
}

TEST_CASE("a number has one spelling in a field") {
  const ParamHeaders headers = learnt(far);
  const std::pair<std::string, std::string> cases[] = {
      {"42", "42"},  {"42.0", "42"}, {"4.2e1", "42"}, {"-0", "0"},
      {"-0.0", "0"}, {"1.5", "1.5"}, {"-7e0", "-7"},  {"9007199254740991", "9007199254740991"}};
  for (const auto& [number, text] : cases) {
    CHECK(sent(headers, "far", R"({"n":)" + number + "}") == "mcp-param-n=" + text + ";");
  }
}

TEST_CASE("a tool with an annotation that is not allowed is taken out of the list and not called") {
  ParamHeaders headers;
  const auto learned = headers.learn(
      R"({"ttlMs":5,"tools":[)" + plain + ", " + bad + " ," + far + R"(],"_meta":{"a":1}})", "");
  REQUIRE(learned.invalid.size() == 1);
  CHECK(learned.invalid[0].tool == "bad");
  CHECK(learned.invalid[0].why ==
        "x-mcp-header at \"o\" of its inputSchema is on something other than a string, an integer or a "
        "boolean");
  CHECK(learned.without_them == R"({"tools":[)" + plain + ',' + far + R"(],"ttlMs":5,"_meta":{"a":1}})");
  CHECK(headers.invalid("bad") == learned.invalid[0].why);
  CHECK(headers.invalid("far").empty());
  CHECK(headers.invalid("plain").empty());
  CHECK(sent(headers, "bad", R"({"o":"x"})").empty());
  CHECK(headers.learn(page(plain + ',' + far), "").without_them.empty());
  CHECK(headers.invalid("bad").empty());
}

TEST_CASE("all tools are known after the last of all pages, in order") {
  ParamHeaders headers;
  CHECK_FALSE(headers.knows("plain"));
  CHECK(headers.learn(page(far, R"("2")"), "").next_cursor == R"("2")");
  CHECK(headers.knows("far"));
  CHECK_FALSE(headers.knows("plain"));
  CHECK(headers.learn(page(plain, "null"), R"("3")").next_cursor.empty());
  CHECK_FALSE(headers.knows("plain"));
  CHECK(headers.learn(page(plain), R"("2")").next_cursor.empty());
  CHECK(headers.knows("plain"));
  CHECK(sent(headers, "far", R"({"n":3})") == "mcp-param-n=3;");
}

TEST_CASE("a list that has changed is not known whole, and a new one replaces the old") {
  ParamHeaders headers = learnt(plain + ',' + far);
  headers.changed();
  CHECK_FALSE(headers.knows("plain"));
  CHECK(headers.knows("far"));
  headers.learn(page(tool("plain", param("a", "string", "A")), R"("2")"), "");
  CHECK(headers.knows("far"));
  headers.learn(page(tool("far", "")), R"("2")");
  CHECK(sent(headers, "far", R"({"n":3})").empty());
  CHECK(sent(headers, "plain", R"({"a":"x"})") == "mcp-param-a=x;");
  headers.learn(page(far), "");
  CHECK(sent(headers, "plain", R"({"a":"x"})").empty());
}

TEST_CASE("what is no list of tools teaches nothing, and does no harm") {
  ParamHeaders headers;
  for (const std::string text : {"{}", "[]", "1", R"({"tools":{}})", R"({"tools":[1,{},{"name":1},null]})"}) {
    const auto learned = headers.learn(text, "");
    CHECK(learned.invalid.empty());
    CHECK(learned.without_them.empty());
  }
}

TEST_CASE("fields that agree with the body are right") {
  CHECK(wrong("{}", {}).empty());
  CHECK(wrong(R"({"region":null})", {}).empty());
  CHECK(wrong(R"({"region":"eu","n":42,"v":false})",
              {{"Mcp-Param-Region", "eu"}, {"MCP-PARAM-N", "42"}, {"mcp-param-verbose", "false"}})
            .empty());
  CHECK(wrong(R"({"region":"Hello"})", {{"Mcp-Param-Region", "=?base64?SGVsbG8=?="}}).empty());
  CHECK(wrong(R"({"region":""})", {{"Mcp-Param-Region", ""}}).empty());
  CHECK(wrong(R"({"n":42})", {{"Mcp-Param-N", "42.0"}}).empty());
  CHECK(wrong(R"({"n":42.0})", {{"Mcp-Param-N", "42"}}).empty());
  CHECK(wrong("{}", {{"Mcp-Param-Other", "1"}}).empty());
  CHECK(wrong(R"({"region":{"no":"text"},"n":1e300})", {}).empty());
}

TEST_CASE("fields that are missing, superfluous, doubled, malformed or different are wrong") {
  const std::string field = "the field Mcp-Param-Region ";
  CHECK(wrong(R"({"region":"eu"})", {}) == field + "is missing, and the argument that it repeats is there");
  CHECK(wrong(R"({"region":null})", {{"Mcp-Param-Region", "eu"}}) ==
        field + "is there, and the argument that it repeats is not");
  CHECK(wrong(R"({"region":"eu"})", {{"Mcp-Param-Region", "eu"}, {"mcp-param-region", "eu"}}) ==
        field + "is there more than once");
  const std::string malformed = "holds malformed base64 or characters that it cannot hold";
  CHECK(wrong(R"({"region":"Hello"})", {{"Mcp-Param-Region", "=?base64?SGVsbG8?="}}) == field + malformed);
  CHECK(wrong(R"({"region":"ß"})", {{"Mcp-Param-Region", "ß"}}) == field + malformed);
  const std::string differs = "differs from the argument that it repeats";
  CHECK(wrong(R"({"region":"eu"})", {{"Mcp-Param-Region", "EU"}}) == field + differs);
  CHECK(wrong(R"({"region":"42"})", {{"Mcp-Param-Region", "42.0"}}) == field + differs);
  CHECK(wrong(R"({"n":42})", {{"Mcp-Param-N", "43"}}) == "the field Mcp-Param-N " + differs);
  CHECK(wrong(R"({"n":42})", {{"Mcp-Param-N", "42x"}}) == "the field Mcp-Param-N " + differs);
  CHECK(wrong(R"({"n":"42"})", {{"Mcp-Param-N", "42.0"}}) == "the field Mcp-Param-N " + differs);
  CHECK(wrong(R"({"v":true})", {{"Mcp-Param-Verbose", "True"}}) == "the field Mcp-Param-Verbose " + differs);
}

TEST_CASE("param headers: one that was read knows what the one that was written had learnt") {
  ParamHeaders headers;
  headers.learn(page(far + ',' + bad, "\"next\""), "");
  save::Writer writer;
  save::write(writer, headers);
  const std::string text = std::move(writer).finish();
  save::Reader reader(text);
  auto again = save::read<ParamHeaders>(reader);
  REQUIRE(reader.end("this"));
  CHECK(sent(again, "far", R"({"region":"eu"})") == "mcp-param-region=eu;");
  CHECK(again.invalid("bad") == headers.invalid("bad"));
  CHECK_FALSE(again.knows("plain"));
  again.learn(page(plain), "\"next\"");
  CHECK(again.knows("plain"));
}
