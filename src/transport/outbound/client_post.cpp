// What a POST brings: its answer, a refusal, or nothing.

#include <algorithm>
#include <utility>

#include "base/contains.h"
#include "proto/members.h"
#include "proto/minted_id.h"
#include "proto/revision.h"
#include "proto/rpc.h"
#include "transport/outbound/client_state.h"
#include "transport/outbound/session_words.h"

namespace transport {
namespace {

using Content = Flight::Content;

// A session in which nothing works is not given up more often than this because of what is said of it.
constexpr base::Duration given_up_again = std::chrono::minutes(1);

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string version_field(std::string_view raw_result) {
  const auto revision = proto::revision_of(proto::text_of(raw_result, "protocolVersion"));
  if (!revision || *revision < proto::Revision::r2025_06_18) return {};
  return std::string(proto::name_of(*revision));
}

// Whether only a server of 2026-07-28 or later would refuse so.
bool newer(std::string_view raw_error) {
  return proto::member(raw_error, "code") ==
         std::to_string(static_cast<int>(proto::Code::unsupported_version));
}

// Statuses by which servers turn down what an initialize says, not that it comes.
bool may_be_for_revision(int status) {
  return status == 400 || status == 406 || status == 412 || status == 422 || status == 426;
}

// An MCP server at this URL that has something against the revision: it can be offered another.
bool wants_another_revision(std::string_view raw_error) {
  return raw_error.find("rotocol version") != std::string_view::npos ||
         raw_error.find("rotocolVersion") != std::string_view::npos;
}

}  // namespace

bool may_be_older(int status) {
  return status >= 400 && status < 500 && !wants_login(status) && status != 408 && status != 429;
}

std::string with_reason(std::string what, const std::optional<StreamableClient::Failure>& why) {
  if (why) what.append(" (").append(why->why).append(")");
  return what;
}

std::string error_in(std::string_view body) {
  if (!base::contains(body, R"("error")")) return {};  // Nearly all of them.
  const std::string_view error = proto::well_formed(body) ? proto::member(body, "error") : std::string_view();
  const auto [code, message] = proto::members(error, {"code", "message"});
  const bool whole = proto::integer_in(code) && message.starts_with('"');
  return whole ? on_one_line(std::string(error)) : std::string();
}

std::string on_one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return text;
}

bool wants_login(int status) {
  return status == 401 || status == 403;
}

std::string describe_status(int status) {
  const std::string http = "HTTP " + std::to_string(status);
  if (wants_login(status)) return "the server wants a login (" + http + ")";
  if (status >= 300 && status < 400) {
    return "the server redirects (" + http +
           "), which is not followed: the entry's url must be the final one";
  }
  return "the server refused the request (" + http + " " + std::string(proto::reason_of(status)) + ")";
}

std::string describe_no_answer(const Flight& flight, bool empty_body) {
  if (flight.status == 202 || flight.status == 204)
    return "the server accepted the request and never answered";
  const std::string answer = "the server answered HTTP " + std::to_string(flight.status) + " with ";
  if (flight.content == Content::json) {
    return answer + (empty_body ? "an empty body" : "JSON that holds no answer to the request") +
           " (application/json)";
  }
  return answer + (flight.type.empty() ? "a body of no type" : "a body of the type " + flight.type) +
         ", which is neither JSON nor an event stream: is the entry's url that of an MCP server?";
}

void StreamableClient::State::post_head(Flight& flight, const proto::HttpFields& headers, base::Instant now) {
  const bool accepted = flight.status >= 200 && flight.status < 300;
  worked |= accepted && flight.stream.call && !flight.initialize &&
            flight.stream.identity.session == identity.session;
  if (flight.role == Flight::Role::sse_post) {
    if (!accepted) flight.content = Content::refusal;
    return;
  }
  if (flight.status == 404 && !flight.stream.identity.session.empty()) return forgot(flight, now);
  if (!accepted) {
    flight.content = Content::refusal;
    return;
  }
  if (flight.initialize) {
    look_no_more_beside();
    mode = Mode::streamable;
    identity = {.session = std::string(headers.get("mcp-session-id")), .version = {}};
    flight.stream.identity = identity;
    between_sessions = false;
  }
  if (flight.status == 202 || flight.status == 204) return;
  if (flight.type == "application/json") flight.content = Content::json;
  if (flight.type == "text/event-stream") stream_head(flight, now);
}

void StreamableClient::State::post_ended(Flight flight, const std::optional<Failure>& failure,
                                         base::Instant now) {
  if (failure && failure->never_connected && flight.status == 0) return down(failure->why);
  const bool flight_was_initialized = flight.initialized;
  const std::string session = flight.stream.identity.session;
  const auto call = flight.stream.call;
  if (flight.status == 0) {
    fail(call, with_reason("the request got no answer", failure) + "; whether it had an effect is unknown");
  } else if (flight.status == 404 && !flight.stream.identity.session.empty()) {
    // Said at once, by forgot().
  } else if (flight.content == Content::refusal) {
    refused(std::move(flight), now);
  } else if (flight.content == Content::stream) {
    call_stream_ended(std::move(flight), failure ? failure->why : std::string(), now);
  } else if (flight.status == 202 || flight.status == 204) {
    if (outstanding(call)) fail(call, describe_no_answer(flight, true));
  } else if (failure) {
    fail(call, with_reason("the connection to the server ended within its answer", failure) +
                   "; whether the request had an effect is unknown");
  } else {
    answered_whole(flight, now);
  }
  if (!flight_was_initialized) return;
  if (session == identity.session && !between_sessions) return open_standing(now);
  settled(now);
}

void StreamableClient::State::answered_whole(Flight& flight, base::Instant now) {
  const auto call = flight.stream.call;
  const bool empty = std::ranges::all_of(flight.collected, blank);
  const std::string error = outstanding(call) ? error_in(flight.collected) : std::string();
  // A server that acknowledges in words ("ok", {}) does no harm.
  const bool worth_it = call || proto::scan(flight.collected).has_value();
  if (!empty && worth_it) deliver(std::move(flight.collected), call, now);
  if (!outstanding(call)) return;
  if (!error.empty()) return fail_with(*call, error);
  fail(call, describe_no_answer(flight, empty));
}

void StreamableClient::State::refused(Flight flight, base::Instant now) {
  const auto call = flight.stream.call;
  const std::string error = error_in(flight.collected);
  if (session_unknown(flight, now)) return forgot(flight, now);
  if (!call) {
    return note(describe_status(flight.status) + " that carried a notification or an answer");
  }
  if (flight.initialize && mode == Mode::undecided && may_be_older(flight.status) && !newer(error) &&
      !wants_another_revision(error)) {
    return fall_back(std::move(flight), now);
  }
  if (!error.empty() && !wants_login(flight.status)) {
    if (outstanding(call)) fail_with(*call, error);
    return;
  }
  refuse(flight, flight.status, describe_status(flight.status));
}

void StreamableClient::State::refuse(const Flight& flight, int status, std::string_view what) {
  const auto call = flight.stream.call;
  if (!flight.initialize || !call || !may_be_for_revision(status))
    return fail(call, what, status == 429 ? Retry::safe : Retry::unsafe);
  fail_with(*call, proto::ErrorData{.server = options.server, .status = status}, what);
}

// What else is under way goes on: the server may still answer it, and says so if not.
void StreamableClient::State::forgot(Flight& flight, base::Instant now) {
  if (flight.stream.call) calls.erase(*flight.stream.call);
  Forgot forgot;
  forgot.session_lost = flight.stream.identity.session == identity.session;
  if (forgot.session_lost) {
    settled(now);
    drop_standing();
    identity = {};
    between_sessions = true;
  }
  forgot.refused.push_back(flight.message);
  outbox.emplace_back(std::move(forgot));
}

// Once: what a session refuses in which nothing has worked yet is told as it is, for a while.
bool StreamableClient::State::session_unknown(const Flight& flight, base::Instant now) {
  const std::string& session = flight.stream.identity.session;
  const bool sse = flight.role == Flight::Role::sse_post;
  const int status = flight.status;
  const bool may_mean_it = status == 400 || status == 410 || (sse && status == 404);
  if (!may_mean_it || flight.initialize || (session.empty() && !sse)) return false;
  // To a message 410 says it by itself; a stream may only be none that is offered.
  const bool gone =
      status == 410 && flight.role == Flight::Role::post && std::ranges::all_of(flight.collected, blank);
  if (!gone && !says_unknown_session(flight.collected, session)) return false;
  if (session != identity.session) return true;  // One before: the session of now has nothing to do with it.
  if (!worked && given_up_at && now - *given_up_at < given_up_again) return false;
  given_up_at = now;
  return true;
}

void StreamableClient::State::too_large(RequestId id, base::Instant now) {
  const auto call = flight_of(id)->stream.call;
  flights.erase(id);
  outbox.emplace_back(Abandon{id});
  if (listing && listing->flight == id) listing_over(now);
  fail(call, too_large_sentence(options.message_bytes_max));
}

std::string too_large_sentence(std::size_t most) {
  return "the server sent a message of more than " + std::to_string(most) +
         " bytes, which was dropped; the request may have had its effect";
}

void StreamableClient::State::deliver(std::string text, std::optional<std::int64_t> call, base::Instant now) {
  base::Bytes whole = base::Bytes::copy(on_one_line(std::move(text)));
  while (!whole.text.empty() && blank(whole.text.back())) whole.text.remove_suffix(1);
  while (!whole.text.empty() && blank(whole.text.front())) whole.text.remove_prefix(1);
  const auto envelope = proto::scan(whole.text);
  if (!envelope || envelope->kind != proto::Kind::batch) {
    return take(whole, envelope ? &*envelope : nullptr, call, now);
  }
  proto::each_in_batch(whole.text, [&](proto::Span span) {
    const base::Bytes one{span.in(whole.text), whole.owner};
    const auto inner = proto::scan(one.text);
    take(one, inner ? &*inner : nullptr, call, now);
  });
}

void StreamableClient::State::take(const base::Bytes& message, const proto::Envelope* envelope,
                                   std::optional<std::int64_t> call, base::Instant now) {
  if (envelope != nullptr && envelope->kind == proto::Kind::response) {
    const std::string_view raw_id = envelope->id.in(message.text);
    if (const auto answered = proto::minted_id(raw_id)) {
      const auto found = calls.find(*answered);
      if (found == calls.end()) return note("an answer that nobody waits for: id " + std::string(raw_id));
      if (found->second.initialize && envelope->result.present() && mode == Mode::streamable) {
        identity.version = version_field(envelope->result.in(message.text));
      }
      settle(*answered, now);
    }
  }
  outbox.emplace_back(Receive{message, call.value_or(0)});
}

// Streams that have brought their answer get a moment to end by themselves, so that the connection is kept.
void StreamableClient::State::settle(std::int64_t call, base::Instant now) {
  calls.erase(call);
  std::erase_if(reopenings, [&](const Reopening& one) { return one.stream.call == call; });
  for (auto& [id, flight] : flights) {
    if (flight.stream.call == call && flight.content == Content::stream) flight.over_at = now + lingers;
  }
}

bool StreamableClient::State::outstanding(const std::optional<std::int64_t>& call) const {
  return call && calls.contains(*call);
}

void StreamableClient::State::fail(std::optional<std::int64_t> call, std::string_view what, Retry retry) {
  if (!call) return note(what);
  if (!calls.contains(*call)) return;
  fail_with(*call, proto::ErrorData{.server = options.server, .retryable = retry == Retry::safe}, what);
}

void StreamableClient::State::fail_with(std::int64_t call, const proto::ErrorData& data,
                                        std::string_view what) {
  if (!calls.contains(call)) return;
  const std::string sentence = "hearth: server " + options.server + ": " + std::string(what);
  answer(call, proto::error_text(std::to_string(call), proto::Code::internal_error, sentence, data));
}

void StreamableClient::State::fail_with(std::int64_t call, std::string_view raw_error) {
  answer(call, proto::error_text(std::to_string(call), raw_error));
}

void StreamableClient::State::answer(std::int64_t call, std::string text) {
  calls.erase(call);
  std::erase_if(reopenings, [&](const Reopening& one) { return one.stream.call == call; });
  outbox.emplace_back(Receive{base::Bytes::copy(std::move(text)), call});
}

void StreamableClient::State::note(std::string_view what) {
  outbox.emplace_back(Note{std::string(what)});
}

}  // namespace transport
