#include "proto/rpc.h"

#include "proto/json.h"
#include "proto/members.h"

namespace proto {
namespace {

std::string opening(std::string_view raw_id) {
  std::string text = R"({"jsonrpc":"2.0","id":)";
  text += raw_id.empty() ? std::string_view("null") : raw_id;
  return text;
}

void add_method(std::string& text, std::string_view method, std::string_view raw_params) {
  text += R"(,"method":")";
  text += method;
  text += '"';
  if (!raw_params.empty()) {
    text += R"(,"params":)";
    text += raw_params;
  }
  text += '}';
}

}  // namespace

std::string result_text(std::string_view raw_id, std::string_view raw_result) {
  std::string text = opening(raw_id);
  text += R"(,"result":)";
  text += raw_result;
  text += '}';
  return text;
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
  const std::string_view data = member(raw_error, "data");
  return !member(data, "server").empty() && !member(data, "retryable").empty();
}

std::string error_text(std::string_view raw_id, std::string_view raw_error) {
  std::string text = opening(raw_id);
  text += R"(,"error":)";
  text += raw_error;
  text += '}';
  return text;
}

std::string request_text(std::string_view raw_id, std::string_view method, std::string_view raw_params) {
  std::string text = opening(raw_id);
  add_method(text, method, raw_params);
  return text;
}

std::string notification_text(std::string_view method, std::string_view raw_params) {
  std::string text = R"({"jsonrpc":"2.0")";
  add_method(text, method, raw_params);
  return text;
}

}  // namespace proto
