// One HTTP request of a client and its answer, as the transports towards clients see it.
//
// What is in this room talks to clients of our port and knows nothing of servers elsewhere (outbound/). Its
// transports (StreamableServer, SseServer, Desk) are state machines: they are told what came, and leave what
// is to be done in an outbox, in order. An exchange is answered once: either whole, or as a stream that
// begins, carries text and ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "proto/envelope.h"
#include "proto/http.h"
#include "proto/message.h"

namespace transport {

// Minted by whoever owns the connections; never used twice. 0 stands for none.
using ExchangeId = std::uint64_t;

// One message of the client's, on one line, for the broker.
struct Deliver {
  base::Bytes message;
  std::optional<proto::Envelope> envelope = {};  // Where it has been scanned.
};
struct Answer {
  ExchangeId exchange = 0;
  proto::HttpAnswer answer;
};
// The same with a message of the broker's, which may be long, for a body: status 200, application/json, and
// these fields.
struct AnswerMessage {
  ExchangeId exchange = 0;
  proto::HttpFields fields;
  proto::Message message;
};
// Status 200, text/event-stream, Cache-Control: no-cache, X-Accel-Buffering: no, and these.
struct BeginStream {
  ExchangeId exchange = 0;
  proto::HttpFields fields;
};
struct StreamText {
  ExchangeId exchange = 0;
  proto::Message text;  // As it is, without a line end of its own.
};
struct EndStream {
  ExchangeId exchange = 0;
};
// The session is over for the client; the broker is to be told.
struct Over {};

using Output = std::variant<Deliver, Answer, AnswerMessage, BeginStream, StreamText, EndStream, Over>;

}  // namespace transport
