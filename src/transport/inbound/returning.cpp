#include "transport/inbound/returning.h"

#include <cstddef>

#include "proto/envelope.h"
#include "proto/rpc.h"

namespace transport {
namespace {

constexpr std::string_view first_id = R"("hearth-again-0")";

const std::vector<std::string> unknown_client = {
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05",)"
    R"("capabilities":{},"clientInfo":{"name":"a client that came back","version":""}}})",
    R"({"jsonrpc":"2.0","method":"notifications/initialized"})"};

}  // namespace

std::vector<std::string> Returning::lines() {
  std::vector<std::string> all = std::exchange(before_.lines, {});
  if (all.empty()) all = unknown_client;
  std::size_t number = 0;
  for (std::string& line : all) {
    const auto envelope = proto::scan(line);
    if (!envelope || !envelope->id.present()) continue;
    const std::string id = "\"hearth-again-" + std::to_string(number++) + '"';
    line.replace(envelope->id.at, envelope->id.length, id);
    ours_.insert(id);
  }
  return all;
}

std::vector<std::string> Returning::errors(std::string_view but) {
  std::vector<std::string> all;
  for (const std::string& id : std::exchange(before_.lost, {})) {
    if (id == but) continue;
    all.push_back(proto::error_text(id, proto::Code::internal_error,
                                    "hearth: the connection or the daemon ended while this call was running; "
                                    "whether it had an effect is not known, so it was not repeated"));
  }
  return all;
}

Returning::Answer Returning::answers(const proto::Message& message) {
  if (ours_.empty()) return Answer::of_the_client;
  const auto envelope = proto::scan(message.bytes().text);
  if (!envelope || envelope->kind != proto::Kind::response) return Answer::of_the_client;
  const std::string_view id = message.standing_at(envelope->id);
  const auto found = ours_.find(id);
  if (found == ours_.end()) return Answer::of_the_client;
  const bool initialize = id == first_id;
  ours_.erase(found);
  return initialize && !envelope->result.present() ? Answer::refused_initialize : Answer::of_ours;
}

}  // namespace transport
