// What is left of a session's lives under earlier daemons: streams to which its client comes back, and the
// answers that are owed to calls of then.
//
// An event id of an earlier life names a stream of which nothing is known but its number, and that begins
// anew here. The number's lower half is a mark of the call that the stream was for (of a batch, its first),
// and so an owed answer finds the stream that is waiting for it, and no other: a client may take whatever
// answer comes on a stream for that of the call it resumed. The stream or the answer, whichever comes first,
// waits for the other until `resume_for` of this life has passed; then waiting streams end, and later ones
// are not begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "proto/message.h"
#include "save/elsewhere.h"
#include "transport/inbound/event_log.h"
#include "transport/inbound/exchange.h"
#include "transport/inbound/streams.h"

namespace transport {

// Names the streams of POSTs: 0 is the stream that belongs to none.
class StreamNumbers {
 public:
  static std::uint32_t mark_of(std::string_view raw_id);
  Streams::Number next(std::uint32_t mark) { return ++count_ << 32 | mark; }

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  std::uint64_t count_ = 0;
};

class EarlierLives {
 public:
  EarlierLives(Streams& streams, StreamNumbers& numbers, base::Duration resume_for)
      : streams_{&streams}, numbers_{&numbers}, resume_for_(resume_for) {}

  // The first thing that this life is told.
  void begin(base::Instant now) { until_ = now + resume_for_; }

  void resume(const EventId& id, ExchangeId exchange, std::vector<Output>& outbox, base::Instant now);
  void answered(std::string_view raw_id, const proto::Message& message, base::Instant now);

  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  static constexpr std::size_t fields = 7;
  friend struct base::Fields;

 private:
  struct Owed {
    std::uint32_t mark = 0;
    Event event;
    static constexpr std::size_t fields = 2;
  };

  save::Elsewhere<Streams> streams_;
  save::Elsewhere<StreamNumbers> numbers_;
  base::Duration resume_for_;
  base::Instant until_;
  std::map<std::pair<std::uint32_t, Streams::Number>, Streams::Number> successors_;  // By life and number.
  std::map<Streams::Number, std::uint32_t> waiting_;  // Streams of this life that wait, with their marks.
  std::vector<Owed> owed_;
};

}  // namespace transport
