#include "face/to_legacy_client.h"

#include <doctest/doctest.h>

namespace {

using face::read_initialize;
using proto::Revision;

std::expected<face::ClientHello, std::string> hello(const std::string& params) {
  const std::string line = R"({"jsonrpc":"2.0","id":1,"method":"initialize")" +
                           (params.empty() ? "" : ",\"params\":" + params) + "}";
  const auto envelope = proto::scan(line);
  REQUIRE(envelope);
  return read_initialize(line, *envelope);
}

TEST_CASE("legacy client: the revision a client gets") {
  const struct {
    const char* asked;
    Revision given;
  } table[] = {
      {"2024-11-05", Revision::r2024_11_05}, {"2025-03-26", Revision::r2025_03_26},
      {"2025-06-18", Revision::r2025_06_18}, {"2025-11-25", Revision::r2025_11_25},
      {"2026-07-28", Revision::r2025_11_25},  // It has no initialize; whoever says it here speaks legacy.
      {"2199-01-01", Revision::r2025_11_25}, {"", Revision::r2025_11_25},
      {"1.0", Revision::r2025_11_25},
  };
  for (const auto& row : table) {
    CAPTURE(row.asked);
    const auto read = hello(std::string(R"({"protocolVersion":")") + row.asked + R"("})");
    REQUIRE(read);
    CHECK(read->revision == row.given);
  }
}

TEST_CASE("legacy client: its name and what it can do") {
  const auto read =
      hello(R"({"protocolVersion":"2025-06-18","capabilities":{"roots":{},"sampling":{ "a":1 }},)"
            R"("clientInfo":{"name":"Ann's \"IDE\"","version":"2.1"}})");
  REQUIRE(read);
  CHECK(read->client == "Ann's \"IDE\" 2.1");
  CHECK(read->capabilities.roots);
  CHECK(read->capabilities.sampling_raw == R"({ "a":1 })");
  CHECK_FALSE(read->capabilities.elicitation_form);
}

TEST_CASE("legacy client: what is missing is missing, and that is enough") {
  const struct {
    const char* info;
    const char* client;
  } table[] = {
      {"{}", ""}, {R"({"name":"x"})", "x"}, {R"({"version":"1"})", ""}, {"null", ""}, {R"({"name":7})", ""}};
  for (const auto& row : table) {
    CAPTURE(row.info);
    const auto read = hello(std::string(R"({"protocolVersion":"2025-06-18","clientInfo":)") + row.info + "}");
    REQUIRE(read);
    CHECK(read->client == row.client);
    CHECK_FALSE(read->capabilities.roots);
  }
}

TEST_CASE("legacy client: an initialize that cannot be answered says what it needs") {
  for (const char* params : {"", "[]", "[1]"}) {
    CAPTURE(params);
    const auto read = hello(params);
    REQUIRE_FALSE(read);
    CHECK(read.error().find("params") != std::string::npos);
  }
  for (const char* params : {"{}", R"({"protocolVersion":20250618})", R"({"protocolVersion":null})"}) {
    CAPTURE(params);
    const auto read = hello(params);
    REQUIRE_FALSE(read);
    CHECK(read.error().find("protocolVersion") != std::string::npos);
  }
}

TEST_CASE("legacy client: the server's own answer under the client's id and revision") {
  CHECK(face::initialize_answer(
            "\"a\"", R"({ "x":{"protocolVersion":"in vain"}, "protocolVersion" : "2024-11-05", "y":1.0 })",
            Revision::r2025_06_18) ==
        R"({"jsonrpc":"2.0","id":"a","result":{ "x":{"protocolVersion":"in vain"}, )"
        R"("protocolVersion" : "2025-06-18", "y":1.0 }})");
}

}  // namespace
