#include "shim/refusing.h"

#include "proto/envelope.h"
#include "proto/journal.h"
#include "proto/rpc.h"

namespace shim {

namespace {

// Without a newline; empty if `message` asks for nothing.
std::string answer_to(std::string_view message, const Apology& apology) {
  const auto envelope = proto::scan(message);
  if (!envelope) {
    return proto::error_text(proto::salvage_id(message).in(message), proto::Code::parse_error,
                             proto::describe(envelope.error()));
  }
  if (envelope->kind != proto::Kind::request) return {};
  const std::string_view id = envelope->id.in(message);
  // Clients probe with this before they fall back to initialize; any other error would end the session for
  // some.
  if (envelope->method.in(message) == "server/discover") {
    return proto::error_text(id, proto::Code::method_not_found, "there is no such method");
  }
  return proto::error_text(id, proto::Code::internal_error, apology.sentence,
                           {.server = apology.server, .retryable = apology.retryable});
}

}  // namespace

std::string apology_for(const proto::Line& line, const Apology& apology) {
  if (line.overlong) {
    if (!line.has_method || line.id.empty()) return {};
    return proto::error_text(line.id, proto::Code::internal_error, apology.sentence,
                             {.server = apology.server, .retryable = apology.retryable}) +
           "\n";
  }
  const std::string_view text = line.bytes.text;
  const auto envelope = proto::scan(text);
  if (!envelope || envelope->kind != proto::Kind::batch) {
    std::string answer = answer_to(text, apology);
    return answer.empty() ? answer : answer + "\n";
  }
  std::string answers;
  proto::each_in_batch(text, [&](proto::Span span) {
    const std::string answer = answer_to(span.in(text), apology);
    if (answer.empty()) return;
    answers.append(answers.empty() ? "[" : ",").append(answer);
  });
  return answers.empty() ? answers : answers + "]\n";
}

std::string apology_for_lost(const std::vector<std::string>& raw_ids, const std::string& server) {
  std::string answers;
  for (const std::string& id : raw_ids) {
    if (id == proto::journal_long_id) continue;  // Only a daemon can read where it is written.
    answers += proto::error_text(id, proto::Code::internal_error,
                                 "hearth: the daemon ended while this call was running; whether it had an "
                                 "effect is not known, so it was not repeated",
                                 {.server = server, .retryable = false});
    answers += '\n';
  }
  return answers;
}

bool is_request(const proto::Line& line) {
  if (line.overlong) return line.has_method && !line.id.empty();
  const auto envelope = proto::scan(line.bytes.text);
  return envelope && (envelope->kind == proto::Kind::request || envelope->kind == proto::Kind::batch);
}

}  // namespace shim
