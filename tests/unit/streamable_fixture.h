// One session over Streamable HTTP, as a transcript.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proto/message.h"
#include "replaced.h"
#include "transport/inbound/saving.h"
#include "transport/inbound/streamable_server.h"
#include "transport_fixture.h"

namespace transcript {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline const std::string accept_both = "application/json, text/event-stream";
inline const std::string ok_of_1 = R"({"jsonrpc":"2.0","id":1,"result":{}})";
inline const std::string ok_of_2 = R"({"jsonrpc":"2.0","id":2,"result":{}})";
inline const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
inline const std::string progress =
    R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})";
inline const std::string question = R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})";

inline std::string call(std::string_view id) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":"x"}})";
}
inline std::string initialize(std::string_view revision) {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
         std::string(revision) + R"("}})";
}
inline std::string greeting(std::string_view revision) {
  return R"({"jsonrpc":"2.0","id":0,"result":{"protocolVersion":")" + std::string(revision) + R"("}})";
}
inline std::string refused(int code, std::string_view sentence) {
  return R"({"jsonrpc":"2.0","error":{"code":)" + std::to_string(code) + R"(,"message":")" +
         std::string(sentence) + R"("},"id":null})";
}

struct Session {
  explicit Session(transport::StreamableOptions given = {})
      : options(with_id(std::move(given))), server(options) {}
  // Initialized, and nothing left to be read.
  explicit Session(std::string_view revision, transport::StreamableOptions given = {})
      : Session(std::move(given)) {
    post(1000, initialize(revision), {{"mcp-session-id", ""}});
    say(greeting(revision));
    out();
  }

  static transport::StreamableOptions with_id(transport::StreamableOptions given) {
    given.session_id = "S";
    return given;
  }

  Lines out() {
    Lines lines = reader.read(server.outbox());
    if (test::replaced) server = test::read_again(server);
    if (test::replaced) server.follow(options);
    return lines;
  }

  // Fields in `instead` replace those that a good client sends; an empty value leaves the field out.
  Lines post(transport::ExchangeId exchange, std::string body, const Fields& instead = {}) {
    server.request(
        exchange,
        request("POST", std::move(body), usual({{"content-type", "application/json"}}, accept_both, instead)),
        now);
    return out();
  }
  Lines get(transport::ExchangeId exchange, const std::string& last_event = "", const Fields& instead = {}) {
    const std::string id = last_event.empty() ? "" : reader.raw(last_event);
    server.request(exchange, request("GET", "", usual({{"last-event-id", id}}, "text/event-stream", instead)),
                   now);
    return out();
  }
  Lines other(transport::ExchangeId exchange, std::string method, const Fields& instead = {}) {
    server.request(exchange, request(std::move(method), "", usual({}, accept_both, instead)), now);
    return out();
  }
  Lines say(const std::string& text, std::string_view concerns = {}) {
    server.send(proto::Message(text), concerns, now);
    return out();
  }
  void gone(transport::ExchangeId exchange) { server.gone(exchange, now); }
  Lines release() {
    server.release(now);
    return out();
  }
  Lines after(base::Duration time) {
    now += time;
    server.tick(now);
    return out();
  }

  static Fields usual(Fields fields, const std::string& accept, const Fields& instead) {
    fields.emplace_back("accept", accept);
    fields.emplace_back("mcp-session-id", "S");
    for (const auto& [name, value] : instead) {
      std::erase_if(fields, [&](const auto& field) { return field.first == name; });
      fields.emplace_back(name, value);
    }
    return fields;
  }

  transport::StreamableOptions options;
  transport::StreamableServer server;
  Reader reader;
  base::Instant now{seconds(100)};
};

}  // namespace transcript
