#include "transport/param_headers/header_schema.h"

#include <doctest/doctest.h>

namespace {

std::string property(const std::string& inner, const std::string& name = "a") {
  return R"({"type":"object","properties":{")" + name + "\":" + inner + "}}";
}

// "Mcp-Param-Region=a.b integer;", or "no: …".
std::string read(const std::string& schema) {
  const auto params = transport::read_header_schema(schema);
  if (!params) return "no: " + params.error();
  std::string text;
  for (const transport::HeaderParam& param : *params) {
    text += param.field + '=';
    for (std::size_t i = 0; i < param.path.size(); ++i) text += (i == 0 ? "" : ".") + param.path[i];
    text += param.integer ? " integer;" : ";";
  }
  return text;
}

std::string no(const std::string& where, const std::string& what) {
  return "no: x-mcp-header at " + where + " of its inputSchema " + what;
}

const std::string unreachable = "is not on a property that \"properties\" alone lead to";
const std::string other_type = "is on something other than a string, an integer or a boolean";
const std::string no_name = "is not the name of a field";
const std::string region = R"({"type":"string","x-mcp-header":"Region"})";

}  // namespace

TEST_CASE("schemas without annotations ask for nothing") {
  for (const char* const schema :
       {"{}", "true", "null", "[]", R"({"type":"object","properties":{}})",
        R"({"properties":{"x-mcp-header":{"type":"object"}}})", R"({"properties":null,"items":[1,"a"]})",
        R"({"description":"\u00e9 x-mcp-header"})"}) {
    CAPTURE(schema);
    CHECK(read(schema).empty());
  }
}

TEST_CASE("annotations are found at any depth of properties") {
  CHECK(read(property(region)) == "Mcp-Param-Region=a;");
  CHECK(read(property(R"({"x-mcp-header":"N","type":"integer"})")) == "Mcp-Param-N=a integer;");
  CHECK(read(property(R"({"type":"boolean","x-mcp-header":"B!#$%&'*+-.^_`|~9"})")) ==
        "Mcp-Param-B!#$%&'*+-.^_`|~9=a;");
  CHECK(read(property(property(property(region, "é"), "b"))) == "Mcp-Param-Region=a.b.é;");
  CHECK(read(property(property(region, "x-mcp-header"), "properties")) ==
        "Mcp-Param-Region=properties.x-mcp-header;");
  CHECK(read(R"({"properties":{"a":{"type":"string","x\u002dmcp-header":"R"}}})") == "Mcp-Param-R=a;");
  CHECK(
      read(R"({"properties":{"a":)" + region + R"(,"b":{"type":"string","x-mcp-header":"Zone"},"c":{}}})") ==
      "Mcp-Param-Region=a;Mcp-Param-Zone=b;");
}

TEST_CASE("data in a schema holds no annotation") {
  for (const std::string key : {"default", "const", "examples", "enum"}) {
    CHECK(read(R"({"type":"object",")" + key + "\":" + region + "}").empty());
    CHECK(read(property(R"({"type":"object",")" + key + "\":[" + region + "]}")).empty());
  }
}

TEST_CASE("an annotation that names no field makes a tool invalid") {
  for (const std::string name : {R"("")", R"("My Region")", R"("Region:Primary")", R"("R\u00e9gion")",
                                 R"("Region\t1")", R"("a\r\nb")", "1", "null", "true", R"(["a"])", "{}"}) {
    CAPTURE(name);
    CHECK(read(property(R"({"type":"string","x-mcp-header":)" + name + "}")) == no("\"a\"", no_name));
  }
}

TEST_CASE("an annotation on another type makes a tool invalid") {
  for (const std::string type :
       {R"("object")", R"("array")", R"("null")", R"("number")", R"(["string","null"])", "1"}) {
    CAPTURE(type);
    CHECK(read(property(R"({"x-mcp-header":"A","type":)" + type + "}")) == no("\"a\"", other_type));
  }
  CHECK(read(property(R"({"x-mcp-header":"A"})")) == no("\"a\"", other_type));
}

TEST_CASE("two annotations with one name, in whatever case, make a tool invalid") {
  for (const std::string second : {"Region", "rEGION"}) {
    CHECK(read(R"({"properties":{"a":)" + region +
               R"(,"b":{"properties":{"c":{"type":"string","x-mcp-header":")" + second + R"("}}}}})") ==
          no("\"b.c\"", "names a field that another property has"));
  }
}

TEST_CASE("an annotation elsewhere makes a tool invalid") {
  CHECK(read(region) == no("its root", unreachable));
  for (const std::string key :
       {"items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
        "propertyNames", "not", "if", "then", "else", "contentSchema"}) {
    CAPTURE(key);
    CHECK(read("{\"" + key + "\":" + region + "}") == no('"' + key + '"', unreachable));
    CHECK(read(property("{\"" + key + "\":" + region + "}")) == no("\"a." + key + '"', unreachable));
    CHECK(read("{\"" + key + "\":" + property(region) + "}") ==
          no('"' + key + ".properties.a\"", unreachable));
  }
  for (const std::string key : {"prefixItems", "anyOf", "oneOf", "allOf", "items"}) {
    CAPTURE(key);
    CHECK(read("{\"" + key + "\":[{}," + region + "]}") == no('"' + key + '"', unreachable));
  }
  for (const std::string key : {"patternProperties", "dependentSchemas", "$defs", "definitions"}) {
    CAPTURE(key);
    CHECK(read("{\"" + key + R"(":{"x-mcp-header":)" + region + "}}") ==
          no('"' + key + ".x-mcp-header\"", unreachable));
    CHECK(read("{\"" + key + R"(":{"x-mcp-header":{"type":"string"}}})").empty());
  }
}

TEST_CASE("more annotations than a server takes fields make a tool invalid") {
  const auto many = [](int count) {
    std::string text = R"({"properties":{"z":{})";
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      text += ",\"" + number + R"(":{"type":"string","x-mcp-header":"H)" + number + "\"}";
    }
    return text + "}}";
  };
  CHECK(transport::read_header_schema(many(100))->size() == 100);
  CHECK(read(many(101)) == no("\"100\"", "is one too many to be sent as fields"));
}
