// One session's Streamable HTTP towards its client: revisions 2025-03-26, 2025-06-18 and 2025-11-25.
//
// Decides on which of the client's exchanges each message goes, and keeps what a broken connection may have
// lost. The broker sees lines, as from any session. Guaranteed: each message goes out on one stream only; an
// answer goes to the exchange that carried its request, or to one that resumes it; nothing is sent twice.
//
// - A POST of requests is answered as JSON when all their answers come without anything else to say; as a
//   stream as soon as something has to be said before (a notice or ask that concerns one of its calls), or
//   when `stream_after` has passed, so that the client has an event id to resume from and hears a comment now
//   and then.
// - What concerns no call goes to the GET stream. Asks go to the newest open POST stream while there is no
//   GET stream; everything else is kept, within bounds, until there is one.
// - `poll_after`: a stream this old is ended after its priming event and `retry`; the client comes back with
//   Last-Event-ID (2025-11-25 only; what others would do is not written).
// - A connection that breaks cancels nothing. What its stream still has to say is logged for `resume_for`.
//
// Statuses as written in the protocol and as the SDKs have them: 400 (no JSON, no session id where one is
// needed, an unsupported version), 404 (another session's id: the caller's job), 405, 406, 409 (a second GET
// stream while the first is still connected: the first is ended instead, because it is most often dead), 413,
// 415.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proto/http.h"
#include "proto/message.h"
#include "proto/revision.h"
#include "transport/event_log.h"
#include "transport/exchange.h"

namespace transport {

struct StreamableOptions {
  std::string session_id;  // Visible ASCII, unguessable.
  std::uint32_t life = 0;
  std::optional<proto::Revision> revision;  // Of a session that was found again.
  base::Duration stream_after = std::chrono::seconds(1);
  std::optional<base::Duration> poll_after;
  base::Duration retry = std::chrono::seconds(1);
  base::Duration comment_every = std::chrono::seconds(15);
  base::Duration resume_for = std::chrono::minutes(5);
  std::size_t log_bytes_max = std::size_t{4} << 20;
};

class StreamableServer {
 public:
  explicit StreamableServer(StreamableOptions options);
  ~StreamableServer();
  StreamableServer(StreamableServer&&) noexcept;
  StreamableServer& operator=(StreamableServer&&) noexcept;

  // Every request of the client's to this session; the answer is left in the outbox at once or later. DELETE
  // ends the session (Over). The first is the POST of initialize that made the session.
  void request(ExchangeId exchange, proto::HttpRequest request, base::Instant now);
  // The client hung up before its answer was complete.
  void gone(ExchangeId exchange, base::Instant now);

  // A message of the broker's. `concerns`: the raw id of the client's call that it is about, empty if none;
  // the answer to a call names it by itself.
  void send(const proto::Message& message, std::string_view concerns, base::Instant now);

  // While held, what the client posts is kept back, a bounded number of it (503 for the rest).
  void hold();
  void release(base::Instant now);

  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  std::vector<Output>& outbox();

  std::optional<proto::Revision> revision() const;  // Known once initialize is answered.
  bool failed() const;     // initialize was answered with an error: nobody knows this session's id.
  bool connected() const;  // At least one exchange is open.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A POST without a session id: whether it begins a session (it is an initialize request), or how it is
// refused.
struct NewSession {};
using Admission = std::variant<NewSession, proto::HttpAnswer>;
Admission admit(const proto::HttpRequest& request);

}  // namespace transport
