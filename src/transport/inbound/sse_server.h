// One session's HTTP+SSE towards its client: the transport of 2024-11-05.
//
// The session is the GET connection: it begins with the event `endpoint`, carries every message to the
// client, and the session ends with it. What the client says comes as POSTs to the endpoint, answered 202. No
// resumption; but a client that goes on over a new connection as if nothing had happened is taken for what it
// was before (transport/inbound/returning.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "proto/http.h"
#include "proto/message.h"
#include "save/codec.h"
#include "transport/inbound/exchange.h"
#include "transport/inbound/returning.h"

namespace transport {

class SseServer {
 public:
  // `endpoint`: path and query to post to, unguessable. Leaves BeginStream and the endpoint event. `before`:
  // what the client may have been.
  SseServer(ExchangeId stream, std::string endpoint, base::Instant now, Before before = {});
  SseServer();  // To be read (transport/inbound/saving.h).
  ~SseServer();
  SseServer(SseServer&&) noexcept;
  SseServer& operator=(SseServer&&) noexcept;

  void request(ExchangeId exchange, proto::HttpRequest request, base::Instant now);  // POSTs only; else 405.
  void gone(ExchangeId exchange, base::Instant now);  // Over, if it is the stream.
  void send(const proto::Message& message, base::Instant now);
  void hold();
  void release(base::Instant now);

  std::optional<base::Instant> deadline() const;  // The next comment.
  void tick(base::Instant now);
  std::vector<Output>& outbox();

  bool took_up() const;  // The client was taken for what it was before.

 private:
  friend struct save::Codec<SseServer>;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transport
