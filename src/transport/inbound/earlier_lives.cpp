#include "transport/inbound/earlier_lives.h"

#include <algorithm>
#include <string>

#include "base/siphash.h"

namespace transport {
namespace {

// As many calls as a session may have in flight, and then some.
constexpr std::size_t owed_max = 1024;
// A client has one stream for each call at most.
constexpr std::size_t successors_max = 1024;

}  // namespace

std::uint32_t StreamNumbers::mark_of(std::string_view raw_id) {
  return static_cast<std::uint32_t>(base::siphash({}, raw_id));
}

void EarlierLives::resume(const EventId& id, ExchangeId exchange, std::vector<Output>& outbox,
                          base::Instant now) {
  const auto known = successors_.find({id.life, id.stream});
  if (known != successors_.end() && streams_->knows(known->second)) {
    streams_->resume(known->second, 0, exchange, now);
    return;
  }
  if (now >= until_ || known != successors_.end() || successors_.size() >= successors_max) {
    outbox.emplace_back(Answer{exchange, {.status = 204, .fields = {}, .body = {}}});
    return;
  }
  const auto mark = static_cast<std::uint32_t>(id.stream);
  const Streams::Number stream = numbers_->next(mark);
  successors_[{id.life, id.stream}] = stream;
  waiting_[stream] = mark;
  streams_->begin(stream);
  streams_->connect(stream, exchange, {}, now);
  const auto owed = std::ranges::find(owed_, mark, &Owed::mark);
  if (owed == owed_.end()) return;
  const Event event = std::move(owed->event);
  owed_.erase(owed);
  answered(event.call, event.message, now);
}

void EarlierLives::answered(std::string_view raw_id, const proto::Message& message, base::Instant now) {
  if (now >= until_) return;
  const std::uint32_t mark = StreamNumbers::mark_of(raw_id);
  Event event{message, Worth::answer, std::string(raw_id)};
  const auto found = std::ranges::find(waiting_, mark, [](const auto& one) { return one.second; });
  if (found == waiting_.end()) {
    if (owed_.size() < owed_max) owed_.push_back({mark, std::move(event)});
    return;
  }
  streams_->say(found->first, std::move(event), now);
  streams_->end(found->first, now);
  waiting_.erase(found);
}

std::optional<base::Instant> EarlierLives::deadline() const {
  if (waiting_.empty() && owed_.empty()) return std::nullopt;
  return until_;
}

void EarlierLives::tick(base::Instant now) {
  if (now < until_) return;
  for (const auto& [stream, mark] : waiting_) streams_->end(stream, now);
  waiting_.clear();
  owed_.clear();
}

}  // namespace transport
