// Messages of 2026-07-28: each is a POST that says in its fields what it is, and whose stream is all that the
// server says because of it. There is no session, nothing is resumed, and closing the stream is cancelling.

#include <algorithm>
#include <utility>

#include "proto/claim.h"
#include "proto/header_value.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/minted_id.h"
#include "transport/outbound/client_state.h"

namespace transport {
namespace {

using Content = Flight::Content;
using proto::Method;

std::string text_of(std::string_view raw) {
  return raw.starts_with('"') ? proto::json::unquoted(raw) : std::string();
}

// What Mcp-Name repeats; empty: nothing.
std::string_view raw_name_of(Method method, std::string_view text, const proto::Envelope& envelope) {
  switch (method) {
    case Method::tools_call:
    case Method::prompts_get:
      return proto::member(envelope.params.in(text), "name");
    case Method::resources_read:
      return envelope.uri.in(text);
    case Method::tasks_get:
    case Method::tasks_update:
    case Method::tasks_cancel:
      return envelope.task_id.in(text);
    default:
      return {};
  }
}

// Asking again does no harm, whatever became of the first.
bool harmless(Method method) {
  return proto::cacheable(method) || method == Method::subscriptions_listen ||
         method == Method::completion_complete || method == Method::tasks_get;
}

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void StreamableClient::State::send_modern(Flight flight, const std::string& text,
                                          const proto::Envelope& envelope, base::Instant now) {
  const std::string_view method = envelope.method.in(text);
  flight.role = Flight::Role::modern;
  ModernPart& part = flight.modern.emplace();
  part.method = proto::method_of(method);
  part.version = text_of(proto::member(envelope.meta.in(text), proto::meta::version));
  part.headers.add("mcp-method", proto::json::unquoted('"' + std::string(method) + '"'));
  const std::string_view raw_name = raw_name_of(part.method, text, envelope);
  if (raw_name.starts_with('"')) part.headers.add("mcp-name", proto::header_value(text_of(raw_name)));
  if (part.method == Method::tools_call) part.tool = text_of(raw_name);
  if (part.method == Method::tools_list) {
    part.raw_cursor = proto::member(envelope.params.in(text), "cursor");
  }
  if (envelope.kind == proto::Kind::notification) {
    flight.over_at = now + acknowledged_within;
    if (!speaks_sse()) begin(std::move(flight), now);
    return;
  }
  flight.stream.call = proto::minted_id(envelope.id.in(text));
  if (!flight.stream.call) return refuse_id(envelope.id.in(text));
  calls[*flight.stream.call] = {.modern = true};
  if (speaks_sse()) {
    return knows_no_modern(flight, "it speaks HTTP+SSE, which is older than " + part.version);
  }
  if (part.method == Method::tools_call) return call_tool(std::move(flight), now);
  begin(std::move(flight), now);
}

// Answers are filed under numbers; those of the broker's requests are.
void StreamableClient::State::refuse_id(std::string_view raw_id) {
  outbox.emplace_back(Receive{base::Bytes::copy(
      proto::error_text(raw_id, proto::Code::invalid_request, "hearth: an id that is no number"))});
}

bool StreamableClient::State::cancel_modern(std::string_view raw_id) {
  const auto named = proto::minted_id(raw_id);
  const auto call = named ? calls.find(*named) : calls.end();
  // One that has its answer already: a server that was never greeted has no use for the news.
  if (call == calls.end()) return !greeted;
  if (!call->second.modern) return false;
  std::erase_if(flights, [&](const auto& one) {
    if (one.second.stream.call != named) return false;
    outbox.emplace_back(Abandon{one.first});
    return true;
  });
  std::erase_if(awaiting_tools, [&](const Flight& flight) { return flight.stream.call == named; });
  fail(named, "the request was cancelled");
  return true;
}

void StreamableClient::State::modern_head(Flight& flight) {
  if (flight.status < 200 || flight.status >= 300) {
    flight.content = Content::refusal;
  } else if (flight.status == 202 || flight.status == 204) {
    flight.content = Content::none;
  } else if (flight.type == "application/json") {
    flight.content = Content::json;
  } else if (flight.type == "text/event-stream") {
    flight.content = Content::stream;
  }
}

void StreamableClient::State::modern_text(RequestId id, Flight& flight, std::string text, base::Instant now) {
  text = on_one_line(std::move(text));
  while (!text.empty() && is_white(text.back())) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  const auto envelope = proto::scan(text);
  // A whole answer that is no message becomes a sentence about it.
  if (!envelope && id == 0) return;
  if (envelope) {
    switch (envelope->kind) {
      case proto::Kind::request:
      case proto::Kind::batch:
        return note("a request or a batch of the server's, which " + flight.modern->version +
                    " has no more, was dropped");
      case proto::Kind::notification:
        if (proto::method_of(envelope->method.in(text)) == Method::tools_list_changed) tools.changed();
        break;
      case proto::Kind::response:
        if (!modern_response(id, flight, text, *envelope, now)) return;
        break;
    }
  }
  flight.modern->brought = true;
  outbox.emplace_back(Receive{base::Bytes::copy(std::move(text)), flight.stream.call.value_or(0)});
}

// False: it is not for the broker. The flight may be gone then.
bool StreamableClient::State::modern_response(RequestId id, Flight& flight, std::string& text,
                                              const proto::Envelope& envelope, base::Instant now) {
  const std::string_view raw_id = envelope.id.in(text);
  const auto call = proto::minted_id(raw_id);
  if (!call || call != flight.stream.call || !calls.contains(*call)) {
    note("an answer that nobody waits for: id " + std::string(raw_id));
    return false;
  }
  if (envelope.error.present() && call_tool_again(id, flight, envelope.error.in(text), now)) return false;
  if (envelope.result.present() && flight.modern->method == Method::tools_list) {
    std::string next_cursor;
    const proto::Span result = envelope.result;
    const std::string fewer = learn_tools(result.in(text), flight.modern->raw_cursor, next_cursor);
    if (!fewer.empty()) text.replace(result.at, result.length, fewer);
  }
  settle(*call, now);
  return true;
}

void StreamableClient::State::modern_ended(Flight flight, const std::optional<Failure>& failure,
                                           base::Instant now) {
  if (failure && failure->never_connected && flight.status == 0) return down(failure->why);
  if (flight.status == 0) return modern_lost(flight, with_reason("the request got no answer", failure));
  if (flight.content == Content::refusal) return modern_refused(flight, now);
  const auto call = flight.stream.call;
  if (!call) return;
  if (std::ranges::all_of(flight.collected, is_white)) flight.collected.clear();
  if (!flight.collected.empty() && !failure) modern_text(0, flight, flight.collected, now);
  const bool again =
      std::ranges::any_of(awaiting_tools, [&](const Flight& waiting) { return waiting.stream.call == call; });
  if (!outstanding(call) || again) return;
  const std::string error = failure ? std::string() : error_in(flight.collected);
  if (!error.empty()) return fail_with(*call, error);
  modern_unanswered(flight, failure);
}

void StreamableClient::State::modern_unanswered(const Flight& flight, const std::optional<Failure>& failure) {
  const auto call = flight.stream.call;
  const Method method = flight.modern->method;
  const bool stream = flight.content == Content::stream;
  const std::string nothing = describe_no_answer(flight, flight.collected.empty());
  // Whatever it is that answers like this, it is nothing modern.
  if (method == Method::server_discover && !failure) {
    return knows_no_modern(flight, stream ? "its event stream ended without an answer" : nothing);
  }
  if (!stream && !failure) return fail(call, nothing);
  if (method == Method::subscriptions_listen) {
    return modern_lost(flight, with_reason(std::string(listen_ended), failure));
  }
  if (flight.stream.skipped) return fail(call, too_large_sentence(options.message_bytes_max));
  modern_lost(flight, with_reason("the connection to the server ended before its answer", failure));
}

void StreamableClient::State::modern_refused(Flight& flight, base::Instant now) {
  const auto call = flight.stream.call;
  const int status = flight.status;
  if (!call) return note(describe_status(status) + " that carried a notification");
  if (!outstanding(call)) return;
  const std::string error = wants_login(status) ? std::string() : error_in(flight.collected);
  if (flight.modern->method == Method::server_discover) {
    // Only from these can be told which revisions the server knows. The others say that it is not there.
    const bool tells = may_be_older(status) || status == 501;
    const bool later = status == 408 || status == 429 || status >= 500;
    if (!tells) return fail(call, describe_status(status), later ? Retry::safe : Retry::unsafe);
    if (error.empty()) return knows_no_modern(flight, describe_status(status));
  }
  if (!error.empty()) {
    if (!call_tool_again(0, flight, error, now)) fail_with(*call, error);
    return;
  }
  fail(call, describe_status(status), status == 429 ? Retry::safe : Retry::unsafe);
}

void StreamableClient::State::modern_lost(const Flight& flight, std::string what) {
  if (harmless(flight.modern->method)) return fail(flight.stream.call, what, Retry::safe);
  fail(flight.stream.call, what + "; whether the request had an effect is unknown");
}

void StreamableClient::State::knows_no_modern(const Flight& flight, std::string_view why) {
  fail_with(*flight.stream.call, proto::Code::method_not_found, why);
}

void StreamableClient::State::fail_with(std::int64_t call, proto::Code code, std::string_view what) {
  const std::string sentence = "hearth: server " + options.server + ": " + std::string(what);
  answer(call, proto::error_text(std::to_string(call), code, sentence));
}

}  // namespace transport
