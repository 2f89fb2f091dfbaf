#include "transport/inbound/modern_post.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>

#include "modern_fixture.h"

using namespace transcript;

namespace {

// "session", "call METHOD CAPABILITIES", "400 -32602 of 7", "202", "406 -32000 of null".
std::string judged(proto::HttpRequest request) {
  const std::string body = request.body;
  const transport::Judgement judgement = transport::judge(request);
  if (std::holds_alternative<transport::OfSession>(judgement)) {
    CHECK(request.body == body);
    return "session";
  }
  if (const auto* call = std::get_if<transport::ModernCall>(&judgement)) {
    CHECK(call->line.text == body);
    return "call " + std::string(call->envelope.method.in(call->line.text)) + ' ' +
           std::string(call->capabilities);
  }
  const auto& answer = std::get<proto::HttpAnswer>(judgement);
  std::string line = std::to_string(answer.status);
  if (answer.body.empty()) return line;
  const auto member = [&](const std::string& key) {
    const std::size_t at = answer.body.find('"' + key + "\":") + key.size() + 3;
    return answer.body.substr(at, answer.body.find_first_of(",}", at) - at);
  };
  return line + ' ' + member("code") + " of " + member("id");
}

std::string posted(const std::string& body, std::string_view method, const Fields& instead = {}) {
  return judged(request("POST", body, modern_fields(method, instead)));
}

const std::string discover = modern("7", "server/discover");
const std::string plain = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";

std::string with_meta(std::string_view meta, std::string_view method = "tools/list") {
  return R"({"jsonrpc":"2.0","id":7,"method":")" + std::string(method) + R"(","params":{"_meta":{)" +
         std::string(meta) + "}}}";
}

}  // namespace

TEST_CASE("a request in good order is a call") {
  CHECK(posted(discover, "server/discover") == R"(call server/discover {"roots":{}})");
  CHECK(posted(modern_call("\"a\""), "tools/call", {{"mcp-name", "x"}}) == R"(call tools/call {"roots":{}})");
  CHECK(posted(discover, "server/discover", {{"mcp-session-id", "S"}, {"last-event-id", "1"}}) ==
        R"(call server/discover {"roots":{}})");
  // A method may be written with escapes, and one that nobody knows may be the server's own.
  CHECK(posted(modern("1", "tools\\/list"), "tools/list") == R"(call tools\/list {"roots":{}})");
  CHECK(posted(modern("1", "vendor/own"), "vendor/own") == R"(call vendor/own {"roots":{}})");
}

TEST_CASE("a pretty-printed body is one line") {
  auto made =
      request("POST", "{\n\"jsonrpc\":\"2.0\"," + discover.substr(17), modern_fields("server/discover"));
  const auto judgement = transport::judge(made);
  REQUIRE(std::holds_alternative<transport::ModernCall>(judgement));
  CHECK(std::get<transport::ModernCall>(judgement).line.text.find('\n') == std::string_view::npos);
}

TEST_CASE("revisions with sessions are left alone") {
  const Fields none = {{"mcp-protocol-version", ""}, {"mcp-method", ""}};
  const std::string initialize = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{}})";
  const std::string result = R"({"jsonrpc":"2.0","id":0,"result":{}})";
  CHECK(posted(initialize, "", none) == "session");
  CHECK(posted(plain, "", none) == "session");
  CHECK(posted(plain, "", {{"mcp-protocol-version", "2025-11-25"}}) == "session");
  CHECK(posted(plain, "", {{"mcp-protocol-version", "2099-01-01"}}) == "session");
  CHECK(posted(result, "", none) == "session");
  CHECK(posted('[' + plain + ']', "", none) == "session");
  CHECK(judged(request("GET", "", {{"accept", "text/event-stream"}})) == "session");
  CHECK(judged(request("DELETE", "", {{"mcp-protocol-version", "2025-11-25"}})) == "session");
  // Whatever it says, the session is to see it first.
  CHECK(posted("{", "", {{"mcp-protocol-version", ""}, {"mcp-session-id", "S"}}) == "session");
  CHECK(posted(discover, "", {{"mcp-protocol-version", "2025-11-25"}, {"mcp-session-id", "S"}}) == "session");
  // A claim of a revision with sessions does not keep initialize from being one.
  const std::string old = R"("io.modelcontextprotocol/protocolVersion":"2025-11-25")";
  CHECK(posted(with_meta(old, "initialize"), "", none) == "session");
}

TEST_CASE("what no revision takes is refused before anything else") {
  CHECK(posted(discover, "x", {{"accept", "application/json"}}) == "406 -32000 of null");
  CHECK(posted(discover, "x", {{"content-type", "text/plain"}}) == "415 -32000 of null");
  CHECK(posted("{", "x") == "400 -32700 of null");
  CHECK(posted("{}", "x") == "400 -32600 of null");
}

TEST_CASE("there is only POST, and only one request in it") {
  CHECK(judged(request("GET", "", modern_fields(""))) == "405 -32000 of null");
  CHECK(judged(request("DELETE", "", modern_fields(""))) == "405 -32000 of null");
  CHECK(posted('[' + plain + ']', "") == "400 -32600 of null");
  CHECK(posted('[' + discover + ']', "", {{"mcp-protocol-version", ""}}) == "400 -32600 of null");
  CHECK(posted(R"({"jsonrpc":"2.0","id":0,"result":{}})", "") == "400 -32600 of null");
}

TEST_CASE("notifications are taken and mean nothing") {
  const std::string notice = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{)";
  CHECK(posted(notice + "\"requestId\":1}}", "notifications/cancelled") == "202");
  CHECK(posted(notice + claim + "}}", "", {{"mcp-protocol-version", ""}}) == "202");
  CHECK(posted(notice + "\"requestId\":1}}", "", {{"mcp-protocol-version", ""}}) == "session");
}

TEST_CASE("fields must agree with the message") {
  const std::string no = "400 -32020 of 7";
  CHECK(posted(discover, "server/discover", {{"mcp-protocol-version", ""}}) == no);
  CHECK(posted(discover, "server/discover", {{"mcp-protocol-version", "2025-11-25"}}) == no);
  CHECK(posted(discover, "server/discover", {{"mcp-protocol-version", "2099-01-01"}}) == no);
  CHECK(posted(discover, "server/discover",
               {{"mcp-protocol-version", "2026-07-28"}, {"mcp-protocol-version", "2026-07-28"}}) == no);
  CHECK(posted(discover, "") == no);
  CHECK(posted(discover, "SERVER/DISCOVER") == no);
  CHECK(posted(discover, "", {{"mcp-method", "server/discover"}, {"mcp-method", "server/discover"}}) == no);
  // Also where the claim is wrong besides.
  CHECK(posted(with_meta(R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")"), "x") == no);
  CHECK(posted(R"({"jsonrpc":"2.0","id":7,"method":"initialize","params":{}})", "initialize") == no);
}

TEST_CASE("a claim must be whole, and of a revision that is spoken") {
  CHECK(posted(plain, "tools/list") == "400 -32602 of 7");
  CHECK(posted(with_meta(""), "tools/list") == "400 -32602 of 7");
  CHECK(posted(with_meta(R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")"), "tools/list") ==
        "400 -32602 of 7");
  CHECK(posted(with_meta(R"("io.modelcontextprotocol/protocolVersion":1)"), "tools/list") ==
        "400 -32602 of 7");
  const auto of = [](const std::string& version) {
    return with_meta(R"("io.modelcontextprotocol/protocolVersion":")" + version +
                     R"(","io.modelcontextprotocol/clientCapabilities":{})");
  };
  CHECK(posted(of("2099-01-01"), "tools/list", {{"mcp-protocol-version", "2099-01-01"}}) ==
        "400 -32022 of 7");
  CHECK(posted(of("2025-11-25"), "tools/list", {{"mcp-protocol-version", "2025-11-25"}}) ==
        "400 -32022 of 7");
}

TEST_CASE("Mcp-Name repeats what is named") {
  const std::string no = "400 -32020 of 7";
  const auto named = [](const char* method, const char* params, const Fields& fields) {
    const std::string line = posted(modern("7", method, params), method, fields);
    return line.starts_with("call") ? "call" : line;
  };
  CHECK(named("tools/call", "\"name\":\"x\",", {{"mcp-name", "x"}}) == "call");
  CHECK(named("tools/call", "\"name\":\"x\",", {{"mcp-name", "=?base64?eA==?="}}) == "call");
  CHECK(named("tools/call", "\"name\":\"\\u00e9\",", {{"mcp-name", "=?base64?w6k=?="}}) == "call");
  CHECK(named("tools/call", "\"name\":\"x\",", {}) == no);
  CHECK(named("tools/call", "\"name\":\"x\",", {{"mcp-name", "X"}}) == no);
  CHECK(named("tools/call", "\"name\":\"x\",", {{"mcp-name", "=?base64?eA=?="}}) == no);
  CHECK(named("tools/call", "\"name\":\"x\",", {{"mcp-name", "x"}, {"mcp-name", "x"}}) == no);
  CHECK(named("tools/call", "", {}) == "call");
  CHECK(named("prompts/get", "\"name\":\"x\",", {}) == no);
  CHECK(named("resources/read", "\"uri\":\"a:b\",", {}) == no);
  CHECK(named("resources/read", "\"uri\":\"a:b\",", {{"mcp-name", "a:b"}}) == "call");
  CHECK(named("tasks/get", "\"taskId\":\"t\",", {}) == no);
  CHECK(named("tasks/update", "\"taskId\":\"t\",", {{"mcp-name", "t"}}) == "call");
  CHECK(named("tools/list", "\"name\":\"x\",", {}) == "call");
}

TEST_CASE("methods that went with the sessions are not found") {
  for (const char* method : {"initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/list",
                             "resources/unsubscribe", "tasks/result", "roots/list"}) {
    CAPTURE(method);
    CHECK(posted(modern("7", method), method) == "404 -32601 of 7");
  }
}
