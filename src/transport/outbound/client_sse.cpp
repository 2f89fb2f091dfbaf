// HTTP+SSE of 2024-11-05: one stream for all that the server says, and an endpoint to post to.
//
// The stream is the session. Proxies cut quiet ones after a while; while nothing is asked that is no loss,
// and a new session is begun when something is: the request comes back (Forgot), as from a server that has
// forgotten its session.

#include <algorithm>
#include <map>
#include <utility>

#include "transport/outbound/client_state.h"
#include "transport/outbound/endpoint_url.h"

namespace transport {

using Role = Flight::Role;

namespace {

// From the request for the stream to its first event, which a server sends at once when it is awake.
constexpr base::Duration endpoint_within = std::chrono::seconds(20);
// The same of a server that has just refused initialize: it is awake, and clients wait for the answer, some
// of them no longer than ten seconds in all.
constexpr base::Duration tried_within = std::chrono::seconds(4);

}  // namespace

// Some older servers leave a POST that they do not know open.
void StreamableClient::State::look_beside(base::Instant now) {
  silent_by.reset();
  const bool unanswered = std::ranges::any_of(
      flights, [](const auto& one) { return one.second.initialize && one.second.status == 0; });
  if (mode != Mode::undecided || !unanswered) return;
  note("the server says nothing to initialize; looking whether it speaks HTTP+SSE at the same URL");
  sse_stream = begin({.role = Role::sse}, now);
}

void StreamableClient::State::look_no_more_beside() {
  silent_by.reset();
  if (mode == Mode::undecided && flights.erase(sse_stream) != 0) outbox.emplace_back(Abandon{sse_stream});
}

void StreamableClient::State::endpoint_beside(std::string_view text, base::Instant now) {
  const auto silent = std::ranges::find_if(flights, [](const auto& one) { return one.second.initialize; });
  if (silent != flights.end()) {
    outbox.emplace_back(Abandon{silent->first});
    Flight again;
    again.message = std::move(silent->second.message);
    again.initialize = true;
    again.stream.call = silent->second.stream.call;
    queued.push_back(std::move(again));
    flights.erase(silent);
  }
  endpoint_named(text, now);
}

void StreamableClient::State::look_for_endpoint(base::Instant now) {
  mode = Mode::looking;
  endpoint_due = now + (refused_first ? tried_within : endpoint_within);
  sse_stream = begin({.role = Role::sse}, now);
}

void StreamableClient::State::fall_back(Flight flight, base::Instant now) {
  look_no_more_beside();
  refused_first = {.status = flight.status,
                   .sentence = describe_status(flight.status),
                   .error = error_in(flight.collected)};
  note("the server refused initialize (HTTP " + std::to_string(flight.status) +
       "); looking whether it speaks HTTP+SSE at the same URL");
  Flight again;
  again.message = std::move(flight.message);
  again.initialize = true;
  again.stream.call = flight.stream.call;
  queued.push_back(std::move(again));
  look_for_endpoint(now);
}

void StreamableClient::State::sse_event(proto::SseEvent event, base::Instant now) {
  if (mode == Mode::undecided) {
    if (event.type == "endpoint") endpoint_beside(event.data, now);
  } else if (mode == Mode::sse) {
    if (!event.data.empty() && is_message(event)) deliver(std::move(event.data), std::nullopt, now);
  } else if (event.type == "endpoint") {
    endpoint_named(event.data, now);
  } else if (refused_first && !event.data.empty()) {
    no_endpoint("its event stream there begins with no endpoint");
  }
}

void StreamableClient::State::endpoint_named(std::string_view text, base::Instant now) {
  const Flight* const stream = flight_of(sse_stream);
  auto url = endpoint_url(stream != nullptr ? url_of(*stream) : options.url, text);
  if (!url) {
    return down(
        "the endpoint that the server wants messages posted to is unusable or names another origin "
        "than the entry's url, so nothing is sent there");
  }
  endpoint = std::move(*url);
  endpoint_due.reset();
  refused_first.reset();
  mode = Mode::sse;
  for (Flight& flight : std::exchange(queued, {})) post(std::move(flight), now);
}

void StreamableClient::State::sse_ended(const Flight& flight, const std::optional<Failure>& failure) {
  if (mode == Mode::undecided) return;  // It was looked for beside initialize, which may have its answer yet.
  const bool opened = flight.content == Flight::Content::stream;
  const bool quiet =
      std::ranges::all_of(calls, [](const auto& one) { return one.second.over_at.has_value(); });
  if (mode == Mode::sse && greeted && quiet) return fall_asleep();
  std::string why = failure ? failure->why : std::string();
  if (opened) {
    const std::string sentence = mode == Mode::sse ? "the server's event stream ended"
                                                   : "the server's event stream ended before its endpoint";
    why = why.empty() ? sentence : sentence + " (" + why + ")";
  } else if (flight.status >= 200 && flight.status < 300) {
    why = "the server answered HTTP " + std::to_string(flight.status) + " without an event stream";
  } else if (flight.status != 0) {
    why = describe_status(flight.status);
  }
  no_endpoint(why);
}

void StreamableClient::State::fall_asleep() {
  for (const auto& [call, state] : std::map(calls)) {
    fail(call, "the request was cancelled, and its connection had ended");
  }
  abandon_all();
  mode = Mode::asleep;
}

void StreamableClient::State::wake(proto::Message request, base::Instant now) {
  look_for_endpoint(now);
  between_sessions = true;
  outbox.emplace_back(Forgot{.refused = {std::move(request)}});
}

// Its stream may stay open for ever, where something between hides that the other end has gone.
void StreamableClient::State::sse_session_unknown(Flight refused, base::Instant now) {
  if (refused.stream.call) calls.erase(*refused.stream.call);
  for (const auto& [call, state] : std::map(calls)) {
    fail(call, state.over_at ? "the request was cancelled, and the server has forgotten its session"
                             : "the server has forgotten the session of the request; whether it had an "
                               "effect is unknown");
  }
  fall_asleep();
  if (refused.stream.call) wake(std::move(refused.message), now);
}

// Or no more of it. A server that was only tried this way can still be asked the other way later.
void StreamableClient::State::no_endpoint(std::string_view why) {
  if (!refused_first) return down(std::string(why));
  const Refusal first = *std::exchange(refused_first, std::nullopt);
  const std::string both =
      first.sentence + "; and it offers no HTTP+SSE at the same URL either: " + std::string(why);
  endpoint_due.reset();
  mode = Mode::undecided;
  if (flights.erase(sse_stream) != 0) outbox.emplace_back(Abandon{sse_stream});
  for (const Flight& flight : std::exchange(queued, {})) {
    // A server that speaks of errors as MCP does is no older one: what it says is what helps.
    if (!first.error.empty() && outstanding(flight.stream.call)) {
      fail_with(*flight.stream.call, first.error);
    } else {
      refuse(flight, first.status, both);
    }
  }
}

void StreamableClient::State::endpoint_too_late() {
  no_endpoint("the server opened no event stream, or named no endpoint on it, in time");
}

void StreamableClient::State::sse_post_ended(Flight flight, const std::optional<Failure>& failure,
                                             base::Instant now) {
  if (failure && failure->never_connected && flight.status == 0) return down(failure->why);
  if (session_unknown(flight, now)) return sse_session_unknown(std::move(flight), now);
  if (flight.content == Flight::Content::refusal) return refused(std::move(flight), now);
  if (flight.status == 0) {
    fail(flight.stream.call, "the request was not acknowledged" +
                                 (failure ? " (" + failure->why + ")" : std::string()) +
                                 "; whether it had an effect is unknown");
  }
}

}  // namespace transport
