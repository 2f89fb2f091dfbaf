// What older clients are given of newer servers.
#include "face/content.h"

#include <doctest/doctest.h>

using proto::Method;
using proto::Revision;

TEST_CASE("content: what the client knows goes as it is") {
  const std::string call = R"({"content":[{"type":"resource_link","uri":"u","name":"n"}],)"
                           R"("structuredContent":{"a":1}})";
  CHECK(!face::content_for(Revision::r2025_06_18, Method::tools_call, call));
  CHECK(!face::content_for(Revision::r2026_07_28, Method::tools_call,
                           R"({"content":[],)"
                           R"("structuredContent":[1]})"));
  CHECK(!face::content_for(Revision::r2024_11_05, Method::resources_read,
                           R"({"contents":[{)"
                           R"("x":"resource_link"}]})"));
  CHECK(!face::content_for(Revision::r2025_11_25, Method::tools_list, R"({"tools":[{"name":"t"}]})"));
}

TEST_CASE("content: a structured result that is no object is wrapped, and said in words") {
  CHECK(face::content_for(Revision::r2025_11_25, Method::tools_call,
                          R"({"content":[],)"
                          R"("structuredContent":[1,"x"],"k":2})") ==
        R"({"content":[{"type":"text","text":"[1,\"x\"]"}],"structuredContent":{"result":[1,"x"]},"k":2})");
  CHECK(face::content_for(Revision::r2025_06_18, Method::tools_call,
                          R"({"content":[{"type":"text","text":"one"}],"structuredContent":1})") ==
        R"({"content":[{"type":"text","text":"one"}],"structuredContent":{"result":1}})");
}

TEST_CASE("content: an output schema that is no object's is wrapped, and its references with it") {
  CHECK(face::content_for(
            Revision::r2025_11_25, Method::tools_list,
            R"({"tools":[{"name":"a","outputSchema":{"type":"object"}},{"name":"b","outputSchema":)"
            R"({"$schema":"s","type":"array","items":{"$ref":"#/$defs/x"},"$defs":{"x":{)"
            R"("$ref" : "#"}}}}]})") ==
        R"({"tools":[{"name":"a","outputSchema":{"type":"object"}},{"outputSchema":{"$schema":"s",)"
        R"("type":"object",)"
        R"("properties":{"result":{"type":"array","items":{"$ref":"#/properties/result/$defs/x"},"$defs":)"
        R"({"x":{"$ref" : "#/properties/result"}}}},"required":["result"]},"name":"b"}]})");
}

TEST_CASE("content: links and sound become words for those who do not know them") {
  const std::string both =
      R"({"content":[{"type":"text","text":"t"},{"type":"resource_link","uri":"file:///x","name":"X"},)"
      R"({"type":"audio","data":"AA","mimeType":"audio/wav"}]})";
  CHECK(face::content_for(Revision::r2025_03_26, Method::tools_call, both) ==
        R"({"content":[{"type":"text","text":"t"},{"type":"text","text":"X: file:///x"},)"
        R"({"type":"audio","data":"AA","mimeType":"audio/wav"}]})");
  const auto oldest = face::content_for(Revision::r2024_11_05, Method::tools_call, both);
  REQUIRE(oldest);
  CHECK(oldest->contains("sound of the type audio/wav"));
  CHECK(!oldest->contains("AA"));
  CHECK(face::content_for(Revision::r2025_03_26, Method::prompts_get,
                          R"({"messages":[{"role":"user","content":{"type":"resource_link",)"
                          R"("uri":"u"}}]})") ==
        R"({"messages":[{"content":{"type":"text","text":"u"},"role":"user"}]})");
}

TEST_CASE("questions: choices with titles become two lists, choices of several go as they are") {
  const std::string titled =
      R"({"message":"?","requestedSchema":{"type":"object","properties":{"c":{"type":"string","oneOf":)"
      R"([{"const":"a","title":"A"},{"const":"b"}]},"n":{"type":"integer"}}}})";
  const auto changed = face::question_for(Revision::r2025_06_18, Method::elicitation_create, titled);
  REQUIRE(changed);
  CHECK(*changed == R"({"requestedSchema":{"properties":{"c":{"enum":["a","b"],"enumNames":["A",)"
                    R"("b"],"type":"string"},)"
                    R"("n":{"type":"integer"}},"type":"object"},"message":"?"})");
  CHECK(face::question_for(Revision::r2025_11_25, Method::elicitation_create, titled) == std::nullopt);
  const auto several = face::question_for(Revision::r2025_06_18, Method::elicitation_create,
                                          R"({"requestedSchema":{"properties":{"c":{"type":"array"}}}})");
  REQUIRE(several);
  CHECK(*several == std::nullopt);
}

TEST_CASE("questions: sampling messages of several blocks become several messages") {
  const auto one = face::question_for(Revision::r2025_03_26, Method::sampling_create_message,
                                      R"({"messages":[{"role":"user","content":[{"type":"text",)"
                                      R"("text":"t"}]}],"maxTokens":1})");
  REQUIRE(one);
  CHECK(*one == R"({"messages":[{"content":{"type":"text","text":"t"},"role":"user"}],"maxTokens":1})");
  CHECK(!face::question_for(Revision::r2025_03_26, Method::sampling_create_message,
                            R"({"messages":[{"role":"user","content":[1,2]}]})"));
  const auto several = face::question_for(
      Revision::r2025_06_18, Method::sampling_create_message,
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","data":"AA",)"
      R"("mimeType":"image/png"}]},{"role":"assistant","content":{"type":"text","text":"b"}}],)"
      R"("maxTokens":1})");
  REQUIRE(several);
  CHECK(*several == R"({"messages":[{"content":{"type":"text","text":"a"},"role":"user"},)"
                    R"({"content":{"type":"image","data":"AA","mimeType":"image/png"},"role":"user"},)"
                    R"({"content":{"type":"text","text":"b"},"role":"assistant"}],"maxTokens":1})");
}

TEST_CASE("questions: what an older client would misread it is not asked") {
  for (const char* block : {R"({"type":"tool_use","id":"1","name":"t","input":{}})",
                            R"({"type":"tool_result","toolUseId":"1"})"}) {
    CHECK(!face::question_for(Revision::r2025_06_18, Method::sampling_create_message,
                              R"({"messages":[{"role":"user","content":)" + std::string(block) + "}]}"));
  }
  const auto sound = face::question_for(
      Revision::r2024_11_05, Method::sampling_create_message,
      R"({"messages":[{"role":"user","content":{"type":"audio","data":"AA","mimeType":"audio/wav"}}]})");
  REQUIRE(sound);
  REQUIRE(*sound);
  CHECK((*sound)->contains("sound of the type audio/wav"));
}

TEST_CASE("questions: a client that declares what is newer than its revision is asked in those words") {
  const auto words = [](std::string_view declared, Method method) {
    return face::questions_of(Revision::r2025_06_18, core::capabilities_of(declared), method);
  };
  CHECK(words(R"({"elicitation":{}})", Method::elicitation_create) == Revision::r2025_06_18);
  CHECK(words(R"({"elicitation":{"form":{},"url":{}}})", Method::elicitation_create) ==
        Revision::r2025_11_25);
  CHECK(words(R"({"sampling":{}})", Method::sampling_create_message) == Revision::r2025_06_18);
  CHECK(words(R"({"sampling":{"tools":{}}})", Method::sampling_create_message) == Revision::r2025_11_25);
  CHECK(words(R"({"sampling":{"tools":{}}})", Method::elicitation_create) == Revision::r2025_06_18);
}
