#include "transport/inbound/refusal.h"

#include <string>

#include "proto/json.h"

namespace transport {

proto::HttpAnswer refusal(int status, Fault fault, std::string_view sentence) {
  proto::json::Writer text;
  text.object();
  text.key("jsonrpc").string("2.0");
  text.key("error").object();
  text.key("code").number(static_cast<int>(fault));
  text.key("message").string(sentence);
  text.end();
  text.key("id").null();
  text.end();
  return proto::json_answer(status, text.text());
}

proto::HttpAnswer no_such_session() {
  return refusal(404, Fault::no_such_session, "Session not found");
}

proto::HttpAnswer method_refused(std::string_view allowed) {
  proto::HttpAnswer answer = refusal(405, Fault::refused, "Method not allowed");
  answer.fields.add("allow", allowed);
  return answer;
}

proto::HttpAnswer busy() {
  proto::HttpAnswer answer =
      refusal(503, Fault::refused, "Too many messages of this session are waiting already; try again");
  answer.fields.add("retry-after", "1");
  return answer;
}

}  // namespace transport
