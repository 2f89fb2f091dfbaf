#include "proto/rpc.h"

#include "base/joined.h"
#include "proto/json.h"
#include "proto/members.h"

namespace proto {
namespace {

std::string_view or_null(std::string_view raw_id) {
  return raw_id.empty() ? std::string_view("null") : raw_id;
}

}  // namespace

std::string result_text(std::string_view raw_id, std::string_view raw_result) {
  return base::joined({R"({"jsonrpc":"2.0","id":)", or_null(raw_id), R"(,"result":)", raw_result, "}"});
}

std::string error_text(std::string_view raw_id, Code code, std::string_view sentence, const ErrorData& data) {
  json::Writer error;
  error.object();
  error.key("code").number(static_cast<int>(code));
  error.key("message").string(sentence);
  if (!data.server.empty()) {
    error.key("data").object();
    error.key("server").string(data.server);
    error.key("retryable").boolean(data.retryable);
    if (data.status != 0) error.key("status").number(data.status);
    error.end();
  }
  error.end();
  return error_text(raw_id, error.text());
}

bool made_here(std::string_view raw_error) {
  const auto [server, retryable] = members(member(raw_error, "data"), {"server", "retryable"});
  return !server.empty() && !retryable.empty();
}

std::string error_text(std::string_view raw_id, std::string_view raw_error) {
  return base::joined({R"({"jsonrpc":"2.0","id":)", or_null(raw_id), R"(,"error":)", raw_error, "}"});
}

std::string request_text(std::string_view raw_id, std::string_view method, std::string_view raw_params) {
  const std::string_view key = raw_params.empty() ? R"(")" : R"(","params":)";
  return base::joined(
      {R"({"jsonrpc":"2.0","id":)", or_null(raw_id), R"(,"method":")", method, key, raw_params, "}"});
}

std::string notification_text(std::string_view method, std::string_view raw_params) {
  const std::string_view key = raw_params.empty() ? R"(")" : R"(","params":)";
  return base::joined({R"({"jsonrpc":"2.0","method":")", method, key, raw_params, "}"});
}

}  // namespace proto
