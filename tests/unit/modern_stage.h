// A modern client on a legacy server.
#pragma once

#include <string>

#include "broker_fixture.h"

namespace test {

struct ModernStage : Stage {
  using Stage::Stage;

  static inline const std::string claim =
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},)"
      R"("io.modelcontextprotocol/clientCapabilities":{)"
      R"("elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}})";

  // `params`: members beside _meta, with a comma behind them; `meta`: beside the claim, with a comma before.
  static std::string request(const std::string& id, const std::string& method, const std::string& params = {},
                             const std::string& meta = {}) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
           R"("_meta":{)" + claim + meta + "}}}";
  }
  static std::string call(const std::string& id, const std::string& more = {}, const std::string& meta = {}) {
    return request(id, "tools/call", R"("name":"t","arguments":{"x":1},)" + more, meta);
  }
  // A modern client on a server that runs and has been asked something.
  core::SessionId modern() {
    const core::SessionId id = open();
    says(id, request(R"("d")", "server/discover"));
    bring_up(
        R"({"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true,"listChanged":true},)"
        R"("logging":{},"tasks":{"list":{}}})");
    hears(id);
    hears(server());
    return id;
  }
  // The same, on one whose calls take turns.
  core::SessionId modern_in_turns() {
    core::ServerSpec serial = spec();
    serial.interactive = core::Interactive::serialise;
    const core::SessionId id = open(serial);
    says(id, request(R"("d")", "server/discover"));
    bring_up();
    hears(server());
    hears(id);
    return id;
  }
  void serves_result(const std::string& request, const std::string& result) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + result + "}");
  }
  void asks(const std::string& id, const std::string& method, const std::string& params) {
    serves(server(),
           R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}");
  }
  static std::string ticket_of(const std::string& answer) {
    const auto document = proto::json::parse(answer);
    const auto* result = document.root->find("result");
    REQUIRE(result != nullptr);
    CHECK(result->string_or("resultType", "") == "input_required");
    return std::string(result->string_or("requestState", ""));
  }
  std::string asked_in_a_round(core::SessionId client) {
    passes(std::chrono::milliseconds(20));
    const Lines heard = hears(client);
    REQUIRE(heard.size() == 1);
    return heard[0];
  }
};

}  // namespace test
