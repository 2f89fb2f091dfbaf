// A modern server and sessions of both eras on it, for tests of the broker.
#pragma once

#include <string>

#include "broker_fixture.h"

namespace test {

struct ModernServerStage : Stage {
  static inline const std::string claim =
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},)"
      R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{},"url":{}}})";

  core::ServerSpec asked() const {
    core::ServerSpec wanted = spec();
    wanted.probe = true;
    return wanted;
  }
  void discovers(const std::string& call) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(call) +
                         R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],)"
                         R"("capabilities":{"tools":)"
                         R"({"listChanged":true},"resources":{"subscribe":true},"logging":{}},)"
                         R"("instructions":"be kind","ttlMs":5,)"
                         R"("cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{)"
                         R"("name":"s",)"
                         R"("version":"3"}}}})");
  }
  void starts() {
    happens(broker::InstanceStarted{server(), 100});
    pending.clear();
  }
  // A legacy session that is ready on a modern server; what both heard so far is forgotten.
  core::SessionId legacy(
      const std::string& capabilities = R"({"elicitation":{"form":{},"url":{}},"roots":{}})") {
    const core::SessionId id = open(asked());
    says(id, R"({"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
             R"("capabilities":)" +
                 capabilities + R"(,"clientInfo":{"name":"old","version":"2"}}})");
    come_up();
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    acknowledge(hears(server()));
    hears(id);
    hears(server());
    return id;
  }
  void come_up() {
    if (pending.empty()) return;
    starts();
    discovers(hears(server()).at(0));
  }
  // The listen among these is granted what it asks for.
  void acknowledge(const Lines& wire) {
    for (const std::string& line : wire) {
      if (!line.contains("subscriptions/listen")) continue;
      const std::size_t at = line.find(R"("notifications":)");
      serves(server(), R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged",)"
                       R"("params":{)" +
                           line.substr(at, line.size() - at - 2) +
                           R"(,"_meta":{"io.modelcontextprotocol/subscriptionId":)" + id_of(line) + "}}}");
    }
  }
  static std::string request(const std::string& id, const std::string& method,
                             const std::string& params = {}) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
           R"("_meta":{)" + claim + "}}}";
  }
  void serves_result(const std::string& request, const std::string& result) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + result + "}");
  }
  void serves_error(const std::string& request, const std::string& error) {
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"error":)" + error + "}");
  }
};

}  // namespace test
