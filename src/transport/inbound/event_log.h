// What a stream has said, so that a client whose connection broke can have the rest.
//
// Bounded: `bytes_max` for all streams of a session together, of which the newest event alone may be more.
// When there is no room, log lines go first, then progress, then other notices; changes of lists, asks and
// answers go last. Among equals those go first that were sent, of streams that have ended, and the oldest.
//
// An answer never disappears without a word: in its place stays a short error, so that a client that comes
// back for it learns that it is lost. The same becomes of all answers of an ended stream after `keep_for`. Of
// ended streams the newest `ended_max` are known at all.
//
// Small messages are copied, because a share would hold the whole buffer in which they came; large ones are
// shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "proto/message.h"

namespace transport {

// "life-stream-sequence", unique within a session, and naming its stream, as the protocol asks for
// (Streamable HTTP, resumability). `life` counts the daemons that the session has outlived.
struct EventId {
  std::uint32_t life = 0;
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;

  std::string text() const;
  static std::optional<EventId> parse(std::string_view text);
};

// From what is given up first to what is given up last; the last three are equal.
enum class Worth : std::uint8_t { log_line, progress, notice, list_change, ask, answer };

struct Event {
  proto::Message message;
  Worth worth = Worth::notice;
  std::string call;  // The raw id of the call that it answers.
  static constexpr std::size_t fields = 3;
};

class EventLog {
 public:
  static constexpr std::size_t ended_max = 256;

  EventLog(std::size_t bytes_max, base::Duration keep_for) : bytes_max_(bytes_max), keep_for_(keep_for) {}

  void begin(std::uint64_t stream);
  bool knows(std::uint64_t stream) const { return streams_.contains(stream); }

  // The new event's sequence, from 1.
  std::uint64_t add(std::uint64_t stream, Event event, base::Instant now);
  // All events of the stream so far were given to a connection.
  void sent(std::uint64_t stream);
  // Nothing follows on this stream.
  void end(std::uint64_t stream, base::Instant now);

  std::uint64_t last(std::uint64_t stream) const { return streams_.at(stream).last; }
  std::uint64_t last_sent(std::uint64_t stream) const { return streams_.at(stream).sent; }
  bool ended(std::uint64_t stream) const { return streams_.at(stream).ended.has_value(); }
  bool anything_after(std::uint64_t stream, std::uint64_t sequence) const;
  std::size_t bytes() const { return bytes_; }

  // f(sequence, const proto::Message&) for what came after `sequence`, in order.
  template <class F>
  void each_after(std::uint64_t stream, std::uint64_t sequence, F&& f) const {
    const auto& events = streams_.at(stream).events;
    for (auto at = events.upper_bound(sequence); at != events.end(); ++at) f(at->first, at->second.message);
  }

  // Takes out what no connection was given and is of this worth.
  std::vector<proto::Message> take_unsent(std::uint64_t stream, Worth worth);

  std::optional<base::Instant> deadline() const { return due_; }
  void expire(base::Instant now);

  // As the options of the next program are.
  void bound(std::size_t bytes_max, base::Duration keep_for) {
    bytes_max_ = bytes_max;
    keep_for_ = keep_for;
  }

  static constexpr std::size_t fields = 6;
  friend struct base::Fields;

 private:
  struct Kept {
    proto::Message message;
    Worth worth = Worth::notice;
    std::string call;
    std::uint64_t order = 0;  // Among all events of the log.
    base::Instant at;
    std::size_t bytes = 0;
    bool shortened = false;  // An answer that is as short as it can be.
    static constexpr std::size_t fields = 7;
  };
  enum class Reason : std::uint8_t { room, time };
  struct Stream {
    std::map<std::uint64_t, Kept> events;
    std::uint64_t last = 0;
    std::uint64_t sent = 0;
    std::optional<base::Instant> ended;
    static constexpr std::size_t fields = 4;
  };
  using Place = std::map<std::uint64_t, Kept>::iterator;

  void make_room();
  bool shortened(Kept& kept, Reason reason);
  Place erase(Stream& stream, Place place);
  void forget_ended();
  void wake_at(base::Instant when);

  std::size_t bytes_max_;
  base::Duration keep_for_;
  std::map<std::uint64_t, Stream> streams_;
  std::size_t bytes_ = 0;
  std::uint64_t orders_ = 0;
  std::optional<base::Instant> due_;
};

}  // namespace transport
