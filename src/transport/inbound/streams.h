// The event streams of one session: on which exchange each goes out, and what a client may ask for again.
//
// A stream is a number. It begins, says messages and ends; whether somebody listens meanwhile is another
// matter. What is said is logged, and goes to the exchange that is connected to the stream at that moment, if
// there is one; a later exchange is given what the one before was not, or what came after the event that it
// names. At most one exchange at a time is connected to a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "proto/http.h"
#include "proto/message.h"
#include "save/elsewhere.h"
#include "transport/inbound/event_log.h"
#include "transport/inbound/exchange.h"

namespace transport {

struct StreamsOptions {
  std::uint32_t life = 0;
  std::optional<base::Duration> poll_after;
  base::Duration retry{};
  base::Duration comment_every{};
  base::Duration resume_for{};
  std::size_t log_bytes_max = 0;
  static constexpr std::size_t fields = 6;
};

class Streams {
 public:
  using Number = std::uint64_t;

  Streams(const StreamsOptions& options, std::vector<Output>& outbox)
      : options_(options), outbox_{&outbox}, log_(options.log_bytes_max, options.resume_for) {}

  // The client takes events without data: 2025-11-25. It is told an id at once, and may be sent away to poll.
  void begin_with_id() { primes_ = true; }

  void begin(Number stream) { log_.begin(stream); }
  bool knows(Number stream) const { return log_.knows(stream); }
  bool connected(Number stream) const { return by_stream_.contains(stream); }
  bool any_connected() const { return !by_stream_.empty(); }

  // The exchange carries the stream from now on, from what nobody was given. One that did so before is ended.
  void connect(Number stream, ExchangeId exchange, const proto::HttpFields& head, base::Instant now);
  // The same from what came after `sequence`. If nothing did and nothing will, the answer is 204, which keeps
  // a client from asking again.
  void resume(Number stream, std::uint64_t sequence, ExchangeId exchange, base::Instant now);
  // False if it is none of ours.
  bool gone(ExchangeId exchange);

  void say(Number stream, Event event, base::Instant now);
  void end(Number stream, base::Instant now);
  void end_all();
  std::vector<proto::Message> take_unsent_asks(Number stream) { return log_.take_unsent(stream, Worth::ask); }

  // Never too late, perhaps too early.
  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  // For one that was read: what the next program wants otherwise.
  void follow(const StreamsOptions& options) {
    options_ = options;
    log_.bound(options.log_bytes_max, options.resume_for);
  }

  static constexpr std::size_t fields = 7;
  friend struct base::Fields;

 private:
  struct Connection {
    ExchangeId exchange = 0;
    base::Instant silent_since;
    // Unset for a client that came back by GET: it is kept, because not every client comes back twice.
    std::optional<base::Instant> polled_at;
    static constexpr std::size_t fields = 3;
  };

  Connection& carry(Number stream, ExchangeId exchange, base::Instant now);
  void replay(Number stream, std::uint64_t after, ExchangeId exchange, const proto::HttpFields& head);
  void disconnect(Number stream);
  void write(ExchangeId exchange, Number stream, std::uint64_t sequence, const proto::Message& message);
  base::Instant due_of(const Connection& connection) const;
  bool polls() const { return primes_ && options_.poll_after.has_value(); }

  StreamsOptions options_;
  save::Elsewhere<std::vector<Output>> outbox_;
  EventLog log_;
  std::map<Number, Connection> by_stream_;
  std::map<ExchangeId, Number> by_exchange_;
  std::optional<base::Instant> due_;  // Of the first connection that has something due, or earlier.
  bool primes_ = false;
};

// One event of the type "message", with an id if there is one, around the message's own bytes.
proto::Message event_text(proto::Message message, const std::optional<std::string>& id);
// What a silent stream says.
proto::Message keep_alive();

}  // namespace transport
