// What a message costs in memory, wherever it holds whatever it holds: never more than a few times its own
// length, which is what keeps one peer from being expensive for all others.
#include "cost_stage.h"

namespace {

using Legacy = test::OnLegacyServer;
using Modern = test::OnModernServer;

const char* const results[] = {
    R"({"content":$})",
    R"({"content":[],"structuredContent":$})",
    R"({"content":[{"type":"resource_link","uri":$,"name":$}],"structuredContent":[]})",
    R"({"content":[{"type":"audio","data":$,"mimeType":"m"}],"structuredContent":"s"})",
    R"({"content":[],"_meta":{"x":$}})",
    R"({"task":{"taskId":"T","status":"working","createdAt":"c","lastUpdatedAt":"l","ttl":$}})",
    R"({"task":{"taskId":$,"status":$}})",
};
const char* const errors[] = {
    R"({"code":-32000,"message":"m","data":$})",
    R"({"code":$,"message":"m"})",
    R"({"code":-32042,"message":"m","data":{"elicitations":$}})",
    R"({"code":-32021,"message":$,"data":{"requiredCapabilities":$}})",
};
const char* const lists[] = {R"({"tools":$})", R"({"tools":[{"name":"t","outputSchema":{"x":$}}]})",
                             R"({"tools":[],"nextCursor":$})",
                             R"({"tools":[{"name":$,"execution":{"taskSupport":"optional"}}]})"};

}  // namespace

TEST_CASE("cost: results for legacy clients of a legacy server") {
  for (const char* const revision : {"2025-11-25", "2024-11-05"}) {
    for (const char* const result : results) {
      test::check_costs<Legacy>(result, [&](Legacy& stage, const std::string& text) {
        const auto a = stage.ready(stage.spec(), "{}", revision);
        stage.says(
            a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{"ttl":9}}})");
        stage.serves_result(stage.hears(stage.server()).at(0), text);
      });
    }
  }
}

TEST_CASE("cost: errors for legacy clients of a legacy server") {
  for (const char* const error : errors) {
    test::check_costs<Legacy>(error, [&](Legacy& stage, const std::string& text) {
      const auto a = stage.ready();
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
      stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":)" +
                                       test::Stage::id_of(stage.hears(stage.server()).at(0)) +
                                       R"(,"error":)" + text + "}");
    });
  }
}

TEST_CASE("cost: lists and prompts for legacy clients of a legacy server") {
  const auto asked = [](const char* method, const char* revision = "2025-11-25") {
    return [=](Legacy& stage, const std::string& text) {
      const auto a = stage.ready(stage.spec(), "{}", revision);
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + R"(","params":{}})");
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    };
  };
  for (const char* const list : lists) test::check_costs<Legacy>(list, asked("tools/list"));
  test::check_costs<Legacy>(R"({"tools":$})", asked("tools/list", "2024-11-05"));
  test::check_costs<Legacy>(R"({"tasks":$})", asked("tasks/list"));
  test::check_costs<Legacy>(R"({"messages":$})", asked("prompts/get", "2024-11-05"));
  test::check_costs<Legacy>(
      R"({"messages":[{"role":"user","content":{"type":"audio","data":$,"mimeType":$}}]})",
      asked("prompts/get", "2024-11-05"));
}

TEST_CASE("cost: results for modern clients of a legacy server") {
  for (const char* const result : results) {
    test::check_costs<Legacy>(result, [&](Legacy& stage, const std::string& text) {
      const auto a = stage.modern();
      stage.says(a, stage.call("1"));
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    });
  }
  for (const char* const list : lists) {
    test::check_costs<Legacy>(list, [&](Legacy& stage, const std::string& text) {
      const auto a = stage.modern();
      stage.says(a, stage.request("1", "tools/list"));
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    });
  }
  for (const char* const error : errors) {
    test::check_costs<Legacy>(error, [&](Legacy& stage, const std::string& text) {
      const auto a = stage.modern();
      stage.says(a, stage.call("1"));
      stage.serves(stage.server(), R"({"jsonrpc":"2.0","id":)" +
                                       test::Stage::id_of(stage.hears(stage.server()).at(0)) +
                                       R"(,"error":)" + text + "}");
    });
  }
}

TEST_CASE("cost: results for legacy clients of a modern server") {
  for (const char* const result : results) {
    test::check_costs<Modern>(result, [&](Modern& stage, const std::string& text) {
      const auto a = stage.legacy();
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    });
  }
  const char* const others[] = {
      R"({"resultType":"input_required","requestState":$})",
      R"({"resultType":"input_required","requestState":"s","inputRequests":$})",
      R"({"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
      R"("params":{"x":$}}}})",
      R"({"resultType":"task","taskId":"T","status":"working","ttlMs":$})",
      R"({"resultType":$})",
  };
  for (const char* const result : others) {
    test::check_costs<Modern>(result, [&](Modern& stage, const std::string& text) {
      const auto a = stage.legacy();
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    });
  }
  for (const char* const error : errors) {
    test::check_costs<Modern>(error, [&](Modern& stage, const std::string& text) {
      const auto a = stage.legacy();
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}})");
      stage.serves_error(stage.hears(stage.server()).at(0), text);
    });
  }
  for (const char* const list : lists) {
    test::check_costs<Modern>(list, [&](Modern& stage, const std::string& text) {
      const auto a = stage.legacy();
      stage.says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
      stage.serves_result(stage.hears(stage.server()).at(0), text);
    });
  }
}

TEST_CASE("cost: results for modern clients of a modern server") {
  for (const char* const result : results) {
    test::check_costs<Modern>(result, [&](Modern& stage, const std::string& text) {
      const auto a = stage.open(stage.asked());
      stage.says(a, stage.request("0", "server/discover"));
      stage.come_up();
      stage.says(a, stage.request("1", "tools/call", R"("name":"t",)"));
      stage.serves_result(stage.hears(stage.server()).back(), text);
    });
  }
}
