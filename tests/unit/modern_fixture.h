// Requests of 2026-07-28 over HTTP, as a good client sends them.
#pragma once

#include <string>
#include <string_view>

#include "transport_fixture.h"

namespace transcript {

inline const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                                 R"("io.modelcontextprotocol/clientCapabilities":{"roots":{}}})";

// `params`: further members, each with a comma behind it.
inline std::string modern(std::string_view id, std::string_view method, std::string_view params = {}) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":{)" + std::string(params) + claim + "}}";
}
inline std::string modern_call(std::string_view id) {
  return modern(id, "tools/call", R"("name":"x",)");
}

// Fields in `instead` replace those of the same name; an empty value leaves the field out.
inline Fields modern_fields(std::string_view method, const Fields& instead = {}) {
  Fields fields = {{"content-type", "application/json"},
                   {"accept", "application/json, text/event-stream"},
                   {"mcp-protocol-version", "2026-07-28"},
                   {"mcp-method", std::string(method)}};
  for (const auto& [name, value] : instead) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  }
  fields.insert(fields.end(), instead.begin(), instead.end());
  return fields;
}

}  // namespace transcript
