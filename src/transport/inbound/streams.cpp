#include "transport/inbound/streams.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "proto/sse.h"

namespace transport {

proto::Message event_text(proto::Message message, const std::optional<std::string>& id) {
  const std::string named = id ? "id: " + *id + '\n' : std::string();
  if (!message.has_room_for(2)) message = proto::Message(message.text());
  message.surround(named + "event: message\ndata: ", "\n\n");
  return message;
}

proto::Message keep_alive() {
  return proto::Message(proto::sse_comment("keep-alive"));
}

void Streams::connect(Number stream, ExchangeId exchange, const proto::HttpFields& head, base::Instant now) {
  Connection& connection = carry(stream, exchange, now);
  if (polls()) connection.polled_at = now + *options_.poll_after;
  due_ = due_ ? std::min(*due_, due_of(connection)) : due_of(connection);
  replay(stream, log_.last_sent(stream), exchange, head);
}

void Streams::resume(Number stream, std::uint64_t sequence, ExchangeId exchange, base::Instant now) {
  if (log_.ended(stream) && !log_.anything_after(stream, sequence)) {
    outbox_->emplace_back(Answer{exchange, {.status = 204, .fields = {}, .body = {}}});
    return;
  }
  const Connection& connection = carry(stream, exchange, now);
  due_ = due_ ? std::min(*due_, due_of(connection)) : due_of(connection);
  replay(stream, std::min(sequence, log_.last(stream)), exchange, {});
}

Streams::Connection& Streams::carry(Number stream, ExchangeId exchange, base::Instant now) {
  disconnect(stream);
  by_exchange_[exchange] = stream;
  return by_stream_[stream] = {.exchange = exchange, .silent_since = now, .polled_at = std::nullopt};
}

void Streams::replay(Number stream, std::uint64_t after, ExchangeId exchange, const proto::HttpFields& head) {
  outbox_->emplace_back(BeginStream{exchange, head});
  if (primes_) {
    const auto retry = std::chrono::duration_cast<std::chrono::milliseconds>(options_.retry).count();
    const proto::SseEvent first{
        .type = {}, .data = {}, .id = EventId{options_.life, stream, after}.text(), .retry_ms = retry};
    outbox_->emplace_back(StreamText{exchange, proto::Message(proto::sse_text(first))});
  }
  log_.each_after(stream, after, [&](std::uint64_t sequence, const proto::Message& message) {
    write(exchange, stream, sequence, message);
  });
  log_.sent(stream);
  if (log_.ended(stream)) disconnect(stream);
}

void Streams::disconnect(Number stream) {
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  outbox_->emplace_back(EndStream{found->second.exchange});
  by_exchange_.erase(found->second.exchange);
  by_stream_.erase(found);
}

bool Streams::gone(ExchangeId exchange) {
  const auto found = by_exchange_.find(exchange);
  if (found == by_exchange_.end()) return false;
  by_stream_.erase(found->second);
  by_exchange_.erase(found);
  return true;
}

void Streams::write(ExchangeId exchange, Number stream, std::uint64_t sequence,
                    const proto::Message& message) {
  outbox_->emplace_back(
      StreamText{exchange, event_text(message, EventId{options_.life, stream, sequence}.text())});
}

void Streams::say(Number stream, Event event, base::Instant now) {
  const proto::Message message = event.message;
  const std::uint64_t sequence = log_.add(stream, std::move(event), now);
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  write(found->second.exchange, stream, sequence, message);
  found->second.silent_since = now;
  log_.sent(stream);
}

void Streams::end(Number stream, base::Instant now) {
  disconnect(stream);
  log_.end(stream, now);
}

void Streams::end_all() {
  while (!by_stream_.empty()) disconnect(by_stream_.begin()->first);
}

base::Instant Streams::due_of(const Connection& connection) const {
  const base::Instant comment = connection.silent_since + options_.comment_every;
  return connection.polled_at ? std::min(comment, *connection.polled_at) : comment;
}

std::optional<base::Instant> Streams::deadline() const {
  const auto log = log_.deadline();
  return due_ && log ? std::min(*due_, *log) : due_ ? due_ : log;
}

void Streams::tick(base::Instant now) {
  log_.expire(now);
  if (!due_ || now < *due_) return;
  due_.reset();
  for (auto at = by_stream_.begin(); at != by_stream_.end();) {
    const Number stream = at->first;
    Connection& connection = at->second;
    ++at;
    if (connection.polled_at && *connection.polled_at <= now) {
      disconnect(stream);
      continue;
    }
    if (connection.silent_since + options_.comment_every <= now) {
      outbox_->emplace_back(StreamText{connection.exchange, keep_alive()});
      connection.silent_since = now;
    }
    due_ = due_ ? std::min(*due_, due_of(connection)) : due_of(connection);
  }
}

}  // namespace transport
