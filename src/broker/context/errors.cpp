// What an error about a server looks like to a client.
#include "broker/context/state.h"
#include "proto/json.h"
#include "proto/rpc.h"

namespace broker {

using core::Instance;

std::string error_about(const Instance& instance, std::string_view sentence, bool retryable) {
  proto::json::Writer error;
  error.object();
  error.key("code").number(static_cast<int>(proto::Code::internal_error));
  error.key("message").string("hearth: server " + instance.spec.name + ": " + std::string(sentence));
  error.key("data").object();
  error.key("server").string(instance.spec.name);
  error.key("instance").number(static_cast<std::int64_t>(instance.number));
  error.key("retryable").boolean(retryable);
  error.end();
  error.end();
  return error.text();
}

}  // namespace broker
