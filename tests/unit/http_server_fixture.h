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
  made.fields.add("Authorization", "Bearer t");
  made.fields.add("Accept", "text/html");
  made.message_bytes_max = 4096;
  return made;
}

struct Client {
  base::Instant now{};
  transport::StreamableClient client;
  std::map<RequestId, transport::Request> requests;

  explicit Client(transport::ClientOptions with = options()) : client(std::move(with), now) {}

  Lines send(const std::string& text) {
    client.send(proto::Message(text), now);
    return out();
  }
  Lines head(RequestId id, int status, const Fields& given = {}) {
    proto::HttpFields fields;
    for (const auto& [name, value] : given) fields.add(name, value);
    client.head(id, status, fields, now);
    return out();
  }
  Lines body(RequestId id, std::string_view bytes) {
    client.body(id, bytes, now);
    return out();
  }
  Lines ended(RequestId id) {
    client.ended(id, std::nullopt, now);
    return out();
  }
  Lines broke(RequestId id, std::string why = "connection reset") {
    client.ended(id, transport::StreamableClient::Failure{.why = std::move(why)}, now);
    return out();
  }
  Lines unreachable(RequestId id) {
    client.ended(
        id, transport::StreamableClient::Failure{.why = "connection refused", .never_connected = true}, now);
    return out();
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
    return out();
  }
  // How long until there is something to do; negative: nothing.
  base::Duration wait() const {
    const auto when = client.deadline();
    return when ? *when - now : base::Duration(-1);
  }
  Lines close() {
    client.close(now);
    return out();
  }

  Lines out() {
    Lines lines;
    for (const transport::ClientOutput& output : std::exchange(client.outbox(), {})) {
      lines.push_back(std::visit([&](const auto& one) { return line_of(one); }, output));
    }
    return lines;
  }

 private:
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
