// What a modern request says of itself.
#include "proto/claim.h"

#include <doctest/doctest.h>

namespace {

std::expected<proto::Claim, proto::ClaimFault> claim_of(const std::string& meta) {
  static std::string message;
  message = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":)" + meta + "}}";
  const auto envelope = proto::scan(message);
  REQUIRE(envelope);
  REQUIRE(envelope->modern);
  return proto::read_claim(message, *envelope);
}

constexpr const char* key = R"("io.modelcontextprotocol/)";

}  // namespace

TEST_CASE("claim: version and capabilities are enough") {
  const auto claim = claim_of(std::string("{") + key + R"(protocolVersion":"2026-07-28",)" + key +
                              R"(clientCapabilities":{}})");
  REQUIRE(claim);
  CHECK(claim->revision == proto::Revision::r2026_07_28);
  CHECK(claim->capabilities == "{}");
  CHECK(claim->client_info.empty());
}

TEST_CASE("claim: keys with escaped slashes are the same keys") {
  const auto claim = claim_of(R"({"io.modelcontextprotocol\/protocolVersion":"2026-07-28",)"
                              R"("io.modelcontextprotocol\/clientCapabilities":)"
                              R"({"roots":{}},"io.modelcontextprotocol\/logLevel":"info"})");
  REQUIRE(claim);
  CHECK(claim->capabilities == R"({"roots":{}})");
  CHECK(claim->log_level == R"("info")");
}

TEST_CASE("claim: what is missing or of the wrong type is named") {
  const std::string version = std::string(key) + R"(protocolVersion":"2026-07-28")";
  const std::string both = version + "," + key + R"(clientCapabilities":{})";
  const std::string rows[] = {
      "{" + version + "}", "{" + version + "," + key + R"(clientCapabilities":[]})",
      "{" + both + "," + key + R"(clientInfo":"me"})", "{" + both + "," + key + R"(logLevel":3})",
      "{" + std::string(key) + R"(protocolVersion":7,)" + key + R"(clientCapabilities":{}})"};
  for (const std::string& row : rows) {
    CAPTURE(row);
    const auto claim = claim_of(row);
    REQUIRE(!claim);
    CHECK(claim.error().code == proto::Code::invalid_params);
    CHECK(claim.error().raw_error.contains("_meta["));
  }
}

TEST_CASE("claim: another version is refused with those that are spoken") {
  for (const char* version : {"2027-01-01", "2025-11-25", ""}) {
    const auto claim = claim_of(std::string("{") + key + R"(protocolVersion":")" + version + R"(",)" + key +
                                R"(clientCapabilities":{}})");
    REQUIRE(!claim);
    CHECK(claim.error().code == proto::Code::unsupported_version);
    CHECK(claim.error().raw_error.contains(R"("data":{"supported":["2026-07-28","2025-11-25",)"));
    CHECK(claim.error().raw_error.contains(R"("requested":")" + std::string(version) + '"'));
  }
}
