#include "transport/inbound/event_log.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "proto/rpc.h"

namespace transport {
namespace {

// What an event costs besides its text: nodes, allocations, ids.
constexpr std::size_t overhead = 256;
// From here on the buffer that a message came in is not much larger than the message.
constexpr std::size_t shared_from = std::size_t{16} << 10;

// Of two with the same rank, one is not worth more than the other.
int rank_of(Worth worth) {
  switch (worth) {
    case Worth::log_line:
      return 0;
    case Worth::progress:
      return 1;
    case Worth::notice:
      return 2;
    case Worth::list_change:
    case Worth::ask:
    case Worth::answer:
      break;
  }
  return 3;
}

// One decimal number up to `end`; absent if there is anything else.
template <class Number>
bool number_at(std::string_view& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool dash_at(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string EventId::text() const {
  return std::to_string(life) + '-' + std::to_string(stream) + '-' + std::to_string(sequence);
}

std::optional<EventId> EventId::parse(std::string_view text) {
  EventId id;
  const bool well_formed = number_at(text, id.life) && dash_at(text) && number_at(text, id.stream) &&
                           dash_at(text) && number_at(text, id.sequence) && text.empty();
  return well_formed ? std::optional(id) : std::nullopt;
}

void EventLog::begin(std::uint64_t stream) {
  streams_.try_emplace(stream);
}

std::uint64_t EventLog::add(std::uint64_t stream, Event event, base::Instant now) {
  Stream& into = streams_.at(stream);
  proto::Message kept =
      event.message.size() < shared_from ? proto::Message(event.message.text()) : std::move(event.message);
  const std::size_t bytes = kept.size() + event.call.size() + overhead;
  into.events.emplace(
      ++into.last, Kept{std::move(kept), event.worth, std::move(event.call), ++orders_, now, bytes, false});
  bytes_ += bytes;
  const std::uint64_t sequence = into.last;
  if (bytes_ > bytes_max_) make_room();
  wake_at(now + keep_for_);
  return sequence;
}

void EventLog::sent(std::uint64_t stream) {
  Stream& of = streams_.at(stream);
  of.sent = of.last;
}

void EventLog::end(std::uint64_t stream, base::Instant now) {
  streams_.at(stream).ended = now;
  wake_at(now + keep_for_);
  forget_ended();
}

bool EventLog::anything_after(std::uint64_t stream, std::uint64_t sequence) const {
  const auto& events = streams_.at(stream).events;
  return events.upper_bound(sequence) != events.end();
}

std::vector<proto::Message> EventLog::take_unsent(std::uint64_t stream, Worth worth) {
  Stream& of = streams_.at(stream);
  std::vector<proto::Message> taken;
  for (auto at = of.events.upper_bound(of.sent); at != of.events.end();) {
    if (at->second.worth != worth) {
      ++at;
      continue;
    }
    taken.push_back(std::move(at->second.message));
    at = erase(of, at);
  }
  return taken;
}

// A quarter at once, so that a full log is not sorted for every event.
void EventLog::make_room() {
  struct Candidate {
    std::tuple<int, bool, bool, std::uint64_t> key;  // Rank, unsent, going on, order.
    Stream* stream;
    Place place;
    bool gone = false;
  };
  std::vector<Candidate> candidates;
  for (auto& [number, stream] : streams_) {
    for (auto at = stream.events.begin(); at != stream.events.end(); ++at) {
      const Kept& kept = at->second;
      if (kept.order == orders_) continue;
      const bool unsent = at->first > stream.sent;
      candidates.push_back({{rank_of(kept.worth), unsent, !stream.ended, kept.order}, &stream, at});
    }
  }
  std::ranges::sort(candidates, {}, &Candidate::key);
  const std::size_t enough = bytes_max_ / 4 * 3;
  for (Candidate& candidate : candidates) {
    if (bytes_ <= enough) return;
    candidate.gone = !shortened(candidate.place->second, Reason::room);
    if (candidate.gone) erase(*candidate.stream, candidate.place);
  }
  for (const Candidate& candidate : candidates) {
    if (bytes_ <= enough) return;
    if (!candidate.gone) erase(*candidate.stream, candidate.place);
  }
}

// Whether it is an answer, of which no more is left than a word.
bool EventLog::shortened(Kept& kept, Reason reason) {
  if (kept.worth != Worth::answer) return false;
  if (kept.shortened) return true;
  const std::string_view why =
      reason == Reason::room
          ? "hearth: the connection broke, and the answer was too large to be kept until now"
          : "hearth: the connection broke, and nobody came back for the answer in time";
  proto::Message word(proto::error_text(kept.call, proto::Code::internal_error, why));
  const std::size_t bytes = word.size() + kept.call.size() + overhead;
  kept.shortened = true;
  if (bytes >= kept.bytes) return true;
  bytes_ -= kept.bytes - bytes;
  kept.bytes = bytes;
  kept.message = std::move(word);
  return true;
}

EventLog::Place EventLog::erase(Stream& stream, Place place) {
  bytes_ -= place->second.bytes;
  return stream.events.erase(place);
}

// Forgets streams that were sent whole before the others, and the oldest first.
void EventLog::forget_ended() {
  for (;;) {
    const auto worse = [](const auto& a, const auto& b) {
      const auto key = [](const Stream& stream) {
        return std::tuple(stream.sent != stream.last, *stream.ended);
      };
      return key(a->second) < key(b->second);
    };
    std::size_t count = 0;
    auto first = streams_.end();
    for (auto at = streams_.begin(); at != streams_.end(); ++at) {
      if (!at->second.ended) continue;
      ++count;
      if (first == streams_.end() || worse(at, first)) first = at;
    }
    if (count <= ended_max) return;
    for (const auto& [sequence, kept] : first->second.events) bytes_ -= kept.bytes;
    streams_.erase(first);
  }
}

void EventLog::wake_at(base::Instant when) {
  if (!due_ || when < *due_) due_ = when;
}

void EventLog::expire(base::Instant now) {
  if (!due_ || now < *due_) return;
  due_.reset();
  for (auto& [number, stream] : streams_) {
    const bool over = stream.ended && *stream.ended + keep_for_ <= now;
    for (auto at = stream.events.begin(); at != stream.events.end();) {
      const bool unsent = at->first > stream.sent;
      const base::Instant until = at->second.at + keep_for_;
      if (over || (!unsent && until <= now)) {
        at = shortened(at->second, Reason::time) ? std::next(at) : erase(stream, at);
      } else {
        if (!unsent) wake_at(until);
        ++at;
      }
    }
    if (stream.ended && !over) wake_at(*stream.ended + keep_for_);
  }
}

}  // namespace transport
