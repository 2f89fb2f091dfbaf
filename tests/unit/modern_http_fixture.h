// Messages of 2026-07-28 for an invented HTTP server, and the fields that such requests carry.
#pragma once

#include <string>
#include <string_view>

#include "http_server_fixture.h"

namespace http_server {

inline const std::string modern = " version 2026-07-28";

inline std::string claim(std::string_view more = {}) {
  return R"("_meta":{)" + std::string(more) +
         R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientCapabilities":{}})";
}
inline std::string ask(int id, std::string_view method, std::string_view params = {}) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":{)" + std::string(params) + (params.empty() ? "" : ",") + claim() + "}}";
}
inline std::string discover(int id = 1) {
  return ask(id, "server/discover");
}
inline std::string discovered(int id = 1) {
  return R"({"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":)"
         R"("complete","ttlMs":0,"cacheScope":"private"},"jsonrpc":"2.0","id":)" +
         std::to_string(id) + "}";
}
inline std::string call_of(int id, std::string_view tool, std::string_view arguments = "{}") {
  return ask(id, "tools/call",
             R"("name":")" + std::string(tool) + R"(","arguments":)" + std::string(arguments));
}
inline std::string done(int id) {
  return R"({"result":{"content":[],"resultType":"complete"},"jsonrpc":"2.0","id":)" + std::to_string(id) +
         "}";
}
inline std::string refused(std::string_view raw_id, int code) {
  return R"({"jsonrpc":"2.0","error":{"code":)" + std::to_string(code) + R"(,"message":"no"},"id":)" +
         std::string(raw_id) + "}";
}
inline std::string cancelled(int id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
         std::to_string(id) + "}}";
}
// Our own, with its code.
inline std::string error_of(int id, int code, std::string_view sentence) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"error":{"code":)" + std::to_string(code) +
         R"(,"message":"hearth: server far: )" + std::string(sentence) + R"("}})";
}

// A tool whose argument "region" is to be repeated as `header`; without one: a tool that wants nothing.
inline std::string tool(std::string_view name, std::string_view header = {}) {
  std::string properties;
  if (!header.empty()) {
    properties = R"("region":{"type":"string","x-mcp-header":")" + std::string(header) + "\"}";
  }
  return R"({"name":")" + std::string(name) + R"(","inputSchema":{"type":"object","properties":{)" +
         properties + "}}}";
}
inline std::string tools(std::string_view raw_id, std::string_view all, std::string_view more = {}) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"result":{"tools":[)" + std::string(all) +
         "]" + std::string(more) + "}}";
}
inline std::string own(int number) {
  return "\"hearth-tools-" + std::to_string(number) + '"';
}

// "mcp-method=tools/call;mcp-name=x;mcp-param-region=eu;"
inline std::string modern_fields(const Client& client, RequestId id) {
  std::string text;
  for (const auto& [name, value] : client.requests.at(id).fields.all) {
    if (!name.starts_with("mcp-") || name == "mcp-protocol-version") continue;
    text += name + '=' + value + ';';
  }
  return text;
}

}  // namespace http_server
