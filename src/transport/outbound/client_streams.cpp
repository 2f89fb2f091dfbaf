// Streams of events, and opening them again.

#include <algorithm>
#include <limits>
#include <utility>

#include "transport/outbound/client_state.h"

namespace transport {
namespace {

using Role = Flight::Role;

// What a server can ask us to wait; beyond it, it means something else.
constexpr std::int64_t retry_most_ms = std::int64_t{24} * 60 * 60 * 1000;

bool says_later(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501);
}

}  // namespace

void StreamableClient::State::stream_head(Flight& flight, base::Instant now) {
  flight.content = Flight::Content::stream;
  flight.reader.emplace(options.message_bytes_max);
  flight.stream.was_open = true;
  flight.begun = now;
}

void StreamableClient::State::stream_body(RequestId id, std::string_view bytes, base::Instant now) {
  Flight* flight = flight_of(id);
  const std::uint64_t skipped_before = flight->reader->skipped();
  flight->reader->feed(bytes);
  if (flight->reader->skipped() != skipped_before) {
    flight->stream.skipped = true;
    note(too_large_sentence(options.message_bytes_max));
  }
  // An event may end the flight.
  for (; flight != nullptr; flight = flight_of(id)) {
    auto event = flight->reader->next();
    if (!event) return;
    if (event->data.starts_with(byte_order_mark)) event->data.erase(0, byte_order_mark.size());
    switch (flight->role) {
      case Role::sse:
        sse_event(std::move(*event), now);
        break;
      case Role::modern:
        if (!event->data.empty() && is_message(*event)) modern_text(id, *flight, std::move(event->data), now);
        break;
      case Role::listing:
        if (is_message(*event)) listed(std::move(event->data), now);
        break;
      case Role::post:
      case Role::resume:
      case Role::standing:
      case Role::sse_post:
      case Role::farewell:
      case Role::left:
        stream_event(*flight, std::move(*event), now);
        break;
    }
  }
}

void StreamableClient::State::stream_event(Flight& flight, proto::SseEvent event, base::Instant now) {
  ClientStream& stream = flight.stream;
  if (event.retry_ms) stream.retry = std::chrono::milliseconds(std::min(*event.retry_ms, retry_most_ms));
  if (event.id && event.id != stream.last_id) {
    stream.last_id = event.id->empty() ? std::nullopt : event.id;
    stream.attempts = 0;
  }
  if (event.data.empty() || !is_message(event)) return;
  stream.attempts = 0;
  deliver(std::move(event.data), stream.call, now);
}

bool is_message(const proto::SseEvent& event) {
  return event.type.empty() || event.type == "message";
}

void StreamableClient::State::call_stream_ended(Flight flight, std::string_view why, base::Instant now) {
  ClientStream& stream = flight.stream;
  if (!outstanding(stream.call)) return;
  const bool worth_it = stream.last_id && !stream.skipped && !stream.no_more &&
                        !calls[*stream.call].over_at && stream.attempts < resume_attempts;
  if (worth_it) return reopen_later(std::move(stream), now);
  if (stream.skipped) return fail(stream.call, too_large_sentence(options.message_bytes_max));
  std::string sentence = "the connection to the server ended before its answer";
  if (!why.empty()) sentence.append(" (").append(why).append(")");
  if (stream.last_id && stream.attempts > 0) {
    sentence += ", and could not be resumed in " + std::to_string(stream.attempts) +
                (stream.attempts == 1 ? " attempt" : " attempts");
  }
  fail(stream.call, sentence + "; whether the request had an effect is unknown");
}

void StreamableClient::State::resume_ended(Flight flight, const std::optional<Failure>& failure,
                                           base::Instant now) {
  const bool opened = flight.content == Flight::Content::stream;
  std::string why = failure ? failure->why : std::string();
  if (!opened && flight.status != 0) {
    why = "HTTP " + std::to_string(flight.status) + " to the attempt to resume";
    // 409: to the server, the one that broke is still open.
    flight.stream.no_more = !says_later(flight.status) && flight.status != 409;
  }
  call_stream_ended(std::move(flight), why, now);
}

bool StreamableClient::State::has_standing() const {
  return std::ranges::any_of(flights, [](const auto& one) { return one.second.role == Role::standing; }) ||
         std::ranges::any_of(reopenings, [](const Reopening& one) { return !one.stream.call; });
}

bool StreamableClient::State::has_had_standing() const {
  return std::ranges::any_of(flights,
                             [](const auto& one) {
                               const Flight& flight = one.second;
                               return flight.role == Role::standing &&
                                      (flight.content == Flight::Content::stream || flight.stream.was_open);
                             }) ||
         std::ranges::any_of(reopenings,
                             [](const Reopening& one) { return !one.stream.call && one.stream.was_open; });
}

void StreamableClient::State::open_standing(base::Instant now) {
  if (mode != Mode::streamable) return;
  if (!has_standing()) reopen({.identity = identity}, now);
}

void StreamableClient::State::settled(base::Instant now) {
  if (!std::exchange(settled_by, std::nullopt)) return;
  for (Flight& flight : std::exchange(queued, {})) post(std::move(flight), now);
}

void StreamableClient::State::drop_standing() {
  std::erase_if(reopenings, [](const Reopening& one) { return !one.stream.call; });
  std::erase_if(flights, [&](const auto& one) {
    if (one.second.role != Role::standing) return false;
    outbox.emplace_back(Abandon{one.first});
    return true;
  });
}

// A stream that has lasted works, even if there was nothing to say on it.
bool lasted(const Flight& flight, base::Instant now) {
  return flight.content == Flight::Content::stream && now - flight.begun >= backoff_most;
}

void StreamableClient::State::standing_ended(Flight flight, const std::optional<Failure>& failure,
                                             base::Instant now) {
  ClientStream& stream = flight.stream;
  const bool opened = flight.content == Flight::Content::stream;
  if (lasted(flight, now)) stream.attempts = 0;
  // 409: to the server, the one that broke is still open.
  const bool later = says_later(flight.status) || (flight.status == 409 && stream.was_open);
  if (opened || later || (failure && flight.status == 0)) return reopen_later(std::move(stream), now);
  if (flight.status != 405) standing_refused(std::move(flight), now);
}

void StreamableClient::State::standing_refused(Flight flight, base::Instant now) {
  ClientStream& stream = flight.stream;
  const std::string status = " (HTTP " + std::to_string(flight.status) + ")";
  // The stream existed in this session, so the server has lost the session. Begin a new one now, and not with
  // the next message: the server has to be asked again for all that it was to tell us.
  const bool was_there = stream.was_open && !stream.identity.session.empty();
  if (was_there && (flight.status == 404 || session_unknown(flight, now))) {
    identity = {};
    between_sessions = true;
    outbox.emplace_back(Forgot{});
    return;
  }
  if (stream.last_id && flight.status >= 400 && flight.status < 500 && !wants_login(flight.status)) {
    note("the server cannot continue its stream" + status +
         "; it is opened anew, and what was said meanwhile is lost");
    stream.last_id.reset();
    return reopen_later(std::move(stream), now);
  }
  note("the server offers no stream for what concerns no request" + status);
}

void StreamableClient::State::reopen_later(ClientStream stream, base::Instant now) {
  base::Duration backoff = backoff_first;
  for (int i = 0; i < stream.attempts && backoff < backoff_most; ++i) backoff *= 2;
  backoff = std::min(backoff, backoff_most);
  const bool as_told = stream.attempts == 0 && stream.retry > base::Duration::zero();
  const base::Duration wait = as_told ? stream.retry : std::max(stream.retry, backoff);
  if (stream.attempts < std::numeric_limits<int>::max()) ++stream.attempts;
  reopenings.push_back({now + wait, std::move(stream)});
}

void StreamableClient::State::reopen(ClientStream stream, base::Instant now) {
  Flight flight{.role = stream.call ? Role::resume : Role::standing};
  flight.stream = std::move(stream);
  begin(std::move(flight), now);
}

std::optional<base::Instant> StreamableClient::State::deadline() const {
  std::optional<base::Instant> first = endpoint_due;
  const auto consider = [&](base::Instant when) {
    if (!first || when < *first) first = when;
  };
  if (settled_by) consider(*settled_by);
  if (silent_by) consider(*silent_by);
  for (const Reopening& one : reopenings) consider(one.when);
  for (const auto& [id, flight] : flights) {
    if (flight.over_at) consider(*flight.over_at);
  }
  for (const auto& [id, call] : calls) {
    if (call.over_at) consider(*call.over_at);
  }
  return first;
}

void StreamableClient::State::tick(base::Instant now) {
  let_go(now);
  reopen_due(now);
  if (settled_by && *settled_by <= now) settled(now);
  if (endpoint_due && *endpoint_due <= now) endpoint_too_late();
  if (silent_by && *silent_by <= now) look_beside(now);
}

void StreamableClient::State::let_go(base::Instant now) {
  std::vector<std::int64_t> unanswered;
  for (const auto& [id, call] : calls) {
    if (call.over_at && *call.over_at <= now) unanswered.push_back(id);
  }
  const auto is_over = [&](const Flight& flight) {
    if (flight.over_at && *flight.over_at <= now) return true;
    return flight.stream.call && std::ranges::binary_search(unanswered, *flight.stream.call);
  };
  bool wants_standing = false;
  bool lists_no_more = false;
  std::erase_if(flights, [&](const auto& one) {
    const Flight& flight = one.second;
    if (!is_over(flight)) return false;
    outbox.emplace_back(Abandon{one.first});
    lists_no_more |= listing && listing->flight == one.first;
    if (!flight.stream.call && flight.role != Role::listing && flight.role != Role::left)
      note("the server did not acknowledge a notification or an answer");
    wants_standing |= flight.initialized && flight.stream.identity.session == identity.session;
    return true;
  });
  for (const std::int64_t call : unanswered) {
    fail(call, "the request was cancelled, and the server did not answer it");
  }
  if (wants_standing) open_standing(now);
  if (lists_no_more) listing_over(now);
}

void StreamableClient::State::reopen_due(base::Instant now) {
  std::vector<Reopening> due;
  const auto is_due = [&](const Reopening& one) { return one.when <= now; };
  std::ranges::copy_if(reopenings, std::back_inserter(due), is_due);
  std::erase_if(reopenings, is_due);
  for (Reopening& one : due) {
    const auto call = one.stream.call ? calls.find(*one.stream.call) : calls.end();
    if (call != calls.end() && call->second.over_at) {
      fail(one.stream.call, "the request was cancelled, and its connection had ended");
    } else {
      reopen(std::move(one.stream), now);
    }
  }
}

}  // namespace transport
