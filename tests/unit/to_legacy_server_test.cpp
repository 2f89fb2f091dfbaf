#include "face/to_legacy_server.h"

#include <doctest/doctest.h>

#include "proto/json.h"

namespace {

using core::Capabilities;
using face::Declared;

std::string declared_in(const Declared& declared) {
  const std::string text = face::initialize_request(3, proto::newest_legacy, declared, "9.9");
  const proto::json::Document document = proto::json::parse(text);
  REQUIRE(document.root);
  const auto* capabilities = document.root->find("params")->find("capabilities");
  REQUIRE(capabilities != nullptr);
  return text.substr(capabilities->at, capabilities->length);
}

TEST_CASE("legacy server: our initialize, whole") {
  CHECK(face::initialize_request(3, proto::newest_legacy, {}, "9.9") ==
        R"({"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
        R"("capabilities":{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}}},)"
        R"("clientInfo":{"name":"hearth","version":"9.9"}}})");
}

TEST_CASE("legacy server: what is declared") {
  const std::string roots = R"("roots":{"listChanged":true})";
  const std::string both = R"("elicitation":{"form":{},"url":{}})";
  const auto text = [](std::string members) { return '{' + std::move(members) + '}'; };

  Capabilities none;
  Capabilities rich;
  rich.roots = rich.elicitation_form = rich.sampling = true;
  rich.sampling_raw = R"({ "tools":{} })";
  rich.experimental_raw = R"({"e":1})";
  rich.extensions_raw = R"({"x":2})";
  Capabilities by_url;
  by_url.elicitation_url = true;

  const struct {
    const char* what;
    Declared declared;
    std::string expected;
  } table[] = {
      {"shared, first session has nothing", {none, false, {}}, roots + ',' + both},
      {"shared, first session has all",
       {rich, false, {}},
       roots + ',' + both + R"(,"sampling":{ "tools":{} },"experimental":{"e":1},"extensions":{"x":2})"},
      {"shared, the entry wants sampling",
       {none, false, {"sampling"}},
       roots + ',' + both + R"(,"sampling":{})"},
      {"shared, both want sampling: as the session spelt it",
       {rich, false, {"sampling"}},
       roots + ',' + both + R"(,"sampling":{ "tools":{} },"experimental":{"e":1},"extensions":{"x":2})"},
      {"alone, nothing", {none, true, {}}, ""},
      {"alone, forms only",
       {rich, true, {}},
       roots + R"(,"elicitation":{"form":{}},"sampling":{ "tools":{} },)"
               R"("experimental":{"e":1},"extensions":{"x":2})"},
      {"alone, URLs only", {by_url, true, {}}, R"("elicitation":{"url":{}})"},
      {"alone, the entry wants roots", {none, true, {"roots"}}, roots},
      {"alone, the entry wants elicitation", {none, true, {"elicitation"}}, both},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    CHECK(declared_in(row.declared) == text(row.expected));
  }
}

TEST_CASE("legacy server: a greeting of every legacy revision") {
  for (const char* revision : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    const auto greeting = face::read_greeting(std::string(R"({"protocolVersion":")") + revision +
                                              R"(","serverInfo":{"name":"s","version":"1.2"}})");
    REQUIRE(greeting);
    CHECK(greeting->revision == revision);
    CHECK(greeting->server == "s 1.2");
  }
  const auto anonymous = face::read_greeting(R"({"protocolVersion":"2025-11-25"})");
  REQUIRE(anonymous);
  CHECK(anonymous->server.empty());
  const auto half = face::read_greeting(R"({"protocolVersion":"2025-11-25","serverInfo":{"name":"s"}})");
  REQUIRE(half);
  CHECK(half->server == "s");
}

TEST_CASE("legacy server: a greeting that is none") {
  for (const char* result : {"", "{}", "[]", R"({"protocolVersion":1})"}) {
    CAPTURE(result);
    const auto greeting = face::read_greeting(result);
    REQUIRE_FALSE(greeting);
    CHECK(greeting.error() == "answered initialize without a protocolVersion");
  }
  for (const char* revision : {"2026-07-28", "2023-01-01", ""}) {
    const auto greeting = face::read_greeting(std::string(R"({"protocolVersion":")") + revision + "\"}");
    REQUIRE_FALSE(greeting);
    CHECK(greeting.error().find('"' + std::string(revision) + '"') != std::string::npos);
  }
}

TEST_CASE("legacy server: the few messages that are ours") {
  CHECK(face::initialized_notice() == R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  CHECK(face::subscribe_request(4, "a\"b") ==
        R"({"jsonrpc":"2.0","id":4,"method":"resources/subscribe","params":{"uri":"a\"b"}})");
  CHECK(face::unsubscribe_request(5, "u") ==
        R"({"jsonrpc":"2.0","id":5,"method":"resources/unsubscribe","params":{"uri":"u"}})");
  CHECK(face::set_level_request(6, core::Level::notice) ==
        R"({"jsonrpc":"2.0","id":6,"method":"logging/setLevel","params":{"level":"notice"}})");
  CHECK(face::cancelled_notice("\"7\"", "gone") ==
        R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"7","reason":"gone"}})");
}

}  // namespace
