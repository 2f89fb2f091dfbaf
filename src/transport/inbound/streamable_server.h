// One session's Streamable HTTP towards its client: revisions 2025-03-26, 2025-06-18 and 2025-11-25.
//
// Decides on which of the client's exchanges each message goes, and keeps what a broken connection may have
// lost. The broker sees lines, as from any session. Guaranteed: each message goes out on one stream only; an
// answer goes to the exchange that carried its request, or to one that resumes it; nothing is sent twice,
// unless the client itself asks for what came after an event.
//
// - A POST of requests is answered as JSON when all their answers come without anything else to say; as a
//   stream as soon as something has to be said before (a notice or ask that concerns one of its calls), or
//   when `stream_after` has passed, so that the client has an event id to resume from and hears a comment now
//   and then.
// - What concerns no call goes to the GET stream. Asks go to the newest open POST while there is no GET
//   stream, or to the next; everything else is kept, within bounds, until there is one.
// - `poll_after`: a stream this old is ended; the client comes back with Last-Event-ID after the `retry` that
//   the stream began with, and is kept then (2025-11-25 only; what others would do is not written).
// - A connection that breaks cancels nothing. What its stream still has to say is logged until `resume_for`
//   after its end. A POST that broke before it became a stream cannot be resumed: its answers are dropped,
//   asks about its calls go where other asks go.
// - A call that the client cancels is not answered; its POST ends then.
//
// Coming back with Last-Event-ID: the stream that the id names is carried on behind that event, whichever
// exchange carried it before. After the last answer it ends. When nothing is left to be said on it for ever
// (all was said, it is too old, it is unknown), the answer is 204, which ends a client's attempts, where an
// empty stream would have it ask again each second. The id of an earlier life (another daemon's) waits for
// the answers that are owed to calls of that life: see earlier_lives.h. The stream without a POST is opened
// anew.
//
// Statuses as written in the protocol and as the SDKs have them: 400 (no JSON, no session id where one is
// needed, an unsupported version, an id of a call still in flight, a strange Last-Event-ID), 404 (another
// session's id; after the end), 405, 406, 415, 503 (held, and too much waits already). A second GET stream
// while the first is still connected ends the first (the SDKs say 409), because that one is most often dead.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proto/http.h"
#include "proto/message.h"
#include "proto/revision.h"
#include "save/codec.h"
#include "transport/inbound/exchange.h"

namespace transport {

struct StreamableOptions {
  std::string session_id = {};  // Visible ASCII, unguessable.
  std::uint32_t life = 0;
  std::optional<proto::Revision> revision = {};  // Of a session that was found again.
  base::Duration stream_after = std::chrono::seconds(1);
  std::optional<base::Duration> poll_after = {};
  base::Duration retry = std::chrono::seconds(1);
  base::Duration comment_every = std::chrono::seconds(15);
  base::Duration resume_for = std::chrono::minutes(5);
  std::size_t log_bytes_max = std::size_t{4} << 20;
  static constexpr std::size_t fields = 9;
};

class StreamableServer {
 public:
  explicit StreamableServer(StreamableOptions options = {});
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

  // For one that was read (transport/inbound/saving.h). Of `options` only those count that the client was not
  // told of: times and sizes.
  void follow(StreamableOptions options);

 private:
  friend struct save::Codec<StreamableServer>;
  struct State;
  std::unique_ptr<State> state_;
};

// A request without a session id: whether it begins a session (a POST of initialize), or how it is refused.
struct NewSession {};
using Admission = std::variant<NewSession, proto::HttpAnswer>;
Admission admit(const proto::HttpRequest& request);

}  // namespace transport
