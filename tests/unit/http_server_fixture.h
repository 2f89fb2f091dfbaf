// An invented HTTP server, and what a client of it wanted done as lines of a transcript.
//
//   "1: POST initialize", "2: GET session S version 2025-06-18 last a", "abandon 2", "receive {…}",
//   "receive 7 {…}" (on the stream of call 7), "forgot {…} {…}", "down …", "note"
//
// Fields are not in the lines but for the three of the protocol: requests() keeps the requests whole.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/envelope.h"
#include "replaced_client.h"
#include "transport/outbound/streamable_client.h"

namespace http_server {

using Lines = std::vector<std::string>;
using Fields = std::vector<std::pair<std::string, std::string>>;
using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::RequestId;

inline const Fields json = {{"content-type", "application/json; charset=utf-8"}};
inline const Fields events = {{"content-type", "text/event-stream"}};

inline std::string initialize() {
  return R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
}
inline std::string greeting(std::string_view version = "2025-06-18") {
  return R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":")" + std::string(version) + "\"}}";
}
inline std::string initialized() {
  return R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
}
inline std::string call(int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"tools/call","params":{}})";
}
inline std::string result(int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{}})";
}
inline std::string progress(int n) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":)" + std::to_string(n) +
         "}}";
}
inline std::string event(std::string_view data, std::string_view id = {}) {
  std::string text;
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  return text.append("data: ").append(data).append("\n\n");
}
inline std::string error(int id, std::string_view sentence, bool retryable = false, int status = 0) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"error":{"code":-32603,"message":"hearth: server far: )" + std::string(sentence) +
         R"(","data":{"server":"far","retryable":)" + (retryable ? "true" : "false") +
         (status != 0 ? R"(,"status":)" + std::to_string(status) : "") + "}}}";
}

inline transport::ClientOptions options(transport::Kind kind = transport::Kind::automatic) {
  transport::ClientOptions made;
  made.server = "far";
  made.url = "http://h:8/a/mcp?k=1";
  made.kind = kind;
  made.headers.add("Authorization", "Bearer t");
  made.headers.add("Accept", "text/html");
  made.message_bytes_max = 4096;
  return made;
}

// Beside it goes one that is replaced after each step (replaced_client.h).
struct Client {
  base::Instant now{};
  transport::StreamableClient client;
  ReplacedClient replaced;
  std::map<RequestId, transport::Request> requests;

  explicit Client(const transport::ClientOptions& with = options())
      : client(with, now), replaced(with, now) {}

  Lines send(const std::string& text) {
    say(text);
    return out();
  }
  // Without looking what it does about it.
  void say(const std::string& text) {
    client.send(proto::Message(text), now);
    replaced.send(text, now);
  }
  Lines head(RequestId id, int status, const Fields& given = {}) {
    proto::HttpFields fields;
    for (const auto& [name, value] : given) fields.add(name, value);
    client.head(id, status, fields, now);
    replaced.head(id, status, fields, now);
    return out();
  }
  Lines body(RequestId id, std::string_view bytes) {
    client.body(id, bytes, now);
    replaced.body(id, bytes, now);
    return out();
  }
  using Failure = transport::StreamableClient::Failure;
  Lines ended(RequestId id, const std::optional<Failure>& failure = std::nullopt) {
    client.ended(id, failure, now);
    replaced.ended(id, failure, now);
    return out();
  }
  Lines broke(RequestId id, std::string why = "connection reset") {
    return ended(id, Failure{.why = std::move(why)});
  }
  Lines unreachable(RequestId id) {
    return ended(id, Failure{.why = "connection refused", .never_connected = true});
  }
  // All of an answer at once.
  Lines answered(RequestId id, int status, const Fields& fields = {}, std::string_view bytes = {}) {
    Lines lines = head(id, status, fields);
    for (const Lines& more : {body(id, bytes), ended(id)})
      lines.insert(lines.end(), more.begin(), more.end());
    return lines;
  }
  Lines after(base::Duration time) {
    now += time;
    client.tick(now);
    replaced.tick(now);
    return out();
  }
  // How long until there is something to do; negative: nothing.
  base::Duration wait() const {
    const auto when = client.deadline();
    return when ? *when - now : base::Duration(-1);
  }
  Lines close() {
    client.close(now);
    replaced.close(now);
    return out();
  }

  Lines out() {
    Lines lines;
    const auto outputs = std::exchange(client.outbox(), {});
    replaced.compare(outputs, now);
    for (const transport::ClientOutput& output : outputs) {
      lines.push_back(std::visit([&](const auto& one) { return line_of(one); }, output));
    }
    return lines;
  }

 protected:
  std::string line_of(const transport::Request& request) {
    requests[request.id] = request;
    std::string line = std::to_string(request.id) + ": " + request.method;
    const std::string text = request.body.text();
    if (const auto read = proto::scan(text)) {
      line += ' ' + std::string(read->method.present() ? read->method.in(text) : "answer");
      if (read->id.present()) line += ' ' + std::string(read->id.in(text));
    }
    for (const auto& [name, word] : Fields{{"mcp-session-id", " session "},
                                           {"mcp-protocol-version", " version "},
                                           {"last-event-id", " last "}}) {
      if (request.fields.has(name)) line += word + std::string(request.fields.get(name));
    }
    return line;
  }
  std::string line_of(const transport::Abandon& abandon) { return "abandon " + std::to_string(abandon.id); }
  std::string line_of(const transport::Receive& receive) {
    const std::string of = receive.call == 0 ? "" : std::to_string(receive.call) + ' ';
    return "receive " + of + std::string(receive.message.text);
  }
  std::string line_of(const transport::Forgot& forgot) {
    std::string line = "forgot";
    for (const proto::Message& message : forgot.refused) line += ' ' + message.text();
    return line;
  }
  std::string line_of(const transport::Down& down) { return "down " + down.why; }
  std::string line_of(const transport::Note& note) { return "note " + note.text; }
};

// One that is past initialize: requests 1 and 2 are over, the standing stream is request 3 and open.
struct Begun : Client {
  explicit Begun(transport::ClientOptions with = options()) : Client(std::move(with)) {
    send(initialize());
    Fields head = json;
    head.emplace_back("Mcp-Session-Id", "S");
    answered(1, 200, head, greeting());
    send(initialized());
    answered(2, 202);
    this->head(3, 200, events);
  }
};

inline const std::string as_s = " session S version 2025-06-18";

}  // namespace http_server
