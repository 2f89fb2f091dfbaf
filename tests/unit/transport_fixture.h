// A client and a broker around a transport towards clients, and what the transport wanted done as lines of a
// transcript.
//
//   "deliver {…}", "7: 202", "7: 200 {…}", "7: stream", "7: #0-a-1 {…}", "7: #0-a-0 retry 1000", "7: :
//   keep-alive", "7: end", "over"
//
// The streams of POSTs have numbers that nobody wants to read: here they are called a, b, c as they come; 0
// is the stream without a POST. raw() gives the true event id back.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "proto/envelope.h"
#include "proto/http.h"
#include "proto/sse.h"
#include "transport/inbound/event_log.h"
#include "transport/inbound/exchange.h"

namespace transcript {

using Lines = std::vector<std::string>;
using Fields = std::vector<std::pair<std::string, std::string>>;

inline proto::HttpRequest request(std::string method, std::string body, const Fields& fields) {
  proto::HttpRequest made{
      .method = std::move(method), .path = "/mcp/x", .query = {}, .fields = {}, .body = {}};
  made.body = std::move(body);
  for (const auto& [name, value] : fields) {
    if (!value.empty()) made.fields.add(name, value);
  }
  return made;
}

class Reader {
 public:
  Lines read(std::vector<transport::Output>& outbox) {
    Lines lines;
    for (const transport::Output& output : std::exchange(outbox, {})) {
      lines.push_back(std::visit([&](const auto& one) { return line_of(one); }, output));
    }
    return lines;
  }

  // "0-a-1" as the client knows it.
  std::string raw(const std::string& name) const {
    const std::size_t from = name.find('-') + 1;
    const std::size_t to = name.find('-', from);
    const std::string stream = name.substr(from, to - from);
    for (const auto& [number, letter] : letters_) {
      if (letter == stream) return name.substr(0, from) + std::to_string(number) + name.substr(to);
    }
    return name;
  }

 private:
  static std::string session_of(const proto::HttpFields& fields) {
    return fields.has("mcp-session-id") ? " session " + std::string(fields.get("mcp-session-id")) : "";
  }

  std::string line_of(const transport::Deliver& deliver) const {
    if (deliver.envelope) {
      const auto again = proto::scan(deliver.message.text);
      REQUIRE(again);
      CHECK(deliver.envelope->kind == again->kind);
      CHECK(deliver.envelope->id.at == again->id.at);
      CHECK(deliver.envelope->params.at == again->params.at);
      CHECK(deliver.envelope->params.length == again->params.length);
    }
    return "deliver " + std::string(deliver.message.text);
  }
  std::string line_of(const transport::Answer& answer) const {
    const std::string body = answer.answer.body.empty() ? "" : ' ' + answer.answer.body;
    return std::to_string(answer.exchange) + ": " + std::to_string(answer.answer.status) +
           session_of(answer.answer.fields) + body;
  }
  std::string line_of(const transport::AnswerMessage& answer) const {
    return std::to_string(answer.exchange) + ": 200" + session_of(answer.fields) + ' ' +
           answer.message.text();
  }
  std::string line_of(const transport::BeginStream& begin) const {
    return std::to_string(begin.exchange) + ": stream" + session_of(begin.fields);
  }
  std::string line_of(const transport::EndStream& end) const {
    return std::to_string(end.exchange) + ": end";
  }
  std::string line_of(const transport::Over& /*over*/) const { return "over"; }

  std::string line_of(const transport::StreamText& text) {
    const std::string whole = text.text.text();
    std::string line = std::to_string(text.exchange) + ":";
    if (whole.starts_with(':')) return line + ' ' + whole.substr(0, whole.find('\n'));
    proto::SseReader reader(1 << 20);
    reader.feed(whole);
    const auto event = reader.next();
    REQUIRE(event);
    CHECK_FALSE(reader.next());
    if (!event->type.empty() && event->type != "message") line += ' ' + event->type;
    if (event->id) line += " #" + named(*event->id);
    if (event->retry_ms) line += " retry " + std::to_string(*event->retry_ms);
    return event->data.empty() ? line : line + ' ' + event->data;
  }

  std::string named(const std::string& id) {
    const auto parsed = transport::EventId::parse(id);
    REQUIRE(parsed);
    std::string letter = "0";
    if (parsed->stream != 0) {
      const char next = static_cast<char>('a' + static_cast<char>(letters_.size()));
      letter = letters_.try_emplace(parsed->stream, std::string(1, next)).first->second;
    }
    return std::to_string(parsed->life) + '-' + letter + '-' + std::to_string(parsed->sequence);
  }

  std::map<std::uint64_t, std::string> letters_;
};

}  // namespace transcript
