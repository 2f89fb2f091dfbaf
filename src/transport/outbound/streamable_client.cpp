#include "transport/outbound/streamable_client.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proto/envelope.h"
#include "proto/method.h"
#include "proto/minted_id.h"
#include "transport/outbound/client_state.h"

namespace transport {

using Role = Flight::Role;

namespace {

// Fields that are ours to set, whatever the configuration says.
constexpr std::string_view ours[] = {"accept", "content-type", "mcp-session-id", "mcp-protocol-version",
                                     "last-event-id"};

bool modern(Role role) {
  return role == Role::modern || role == Role::listing;
}
bool carries_message(Role role) {
  return role == Role::post || role == Role::sse_post || modern(role);
}
std::string method_of(Role role) {
  if (carries_message(role)) return "POST";
  return role == Role::farewell ? "DELETE" : "GET";
}
bool set_by_us(std::string_view name, Role role) {
  if (std::ranges::find(ours, name) != std::end(ours)) return true;
  return modern(role) && (name == "mcp-method" || name == "mcp-name" || name.starts_with("mcp-param-"));
}

}  // namespace

void StreamableClient::State::send(proto::Message message, base::Instant now) {
  if (mode == Mode::over) return;
  const std::string text = message.text();
  const auto envelope = proto::scan(text);
  if (!envelope) return note("a message that is not well-formed was not sent");
  const proto::Method method = proto::method_of(envelope->method.in(text));

  Flight flight;
  flight.message = std::move(message);
  if (method == proto::Method::cancelled && cancel_modern(envelope->request_id.in(text))) return;
  if (mode == Mode::asleep && !envelope->modern) {
    // Anything else concerns the conversation that was cut.
    if (envelope->kind == proto::Kind::request) wake(std::move(flight.message), now);
    return;
  }
  if (envelope->modern) return send_modern(std::move(flight), text, *envelope, now);
  if (envelope->kind == proto::Kind::request) {
    flight.stream.call = proto::minted_id(envelope->id.in(text));
    flight.initialize = method == proto::Method::initialize;
    greeted |= flight.initialize;
    if (flight.stream.call) calls[*flight.stream.call] = {.initialize = flight.initialize};
  } else if (envelope->kind == proto::Kind::response) {
    flight.answers = true;
    if (std::string why = takes_no_answers(); !why.empty()) return down(std::move(why));
  } else if (envelope->kind == proto::Kind::notification) {
    flight.initialized = method == proto::Method::initialized;
    if (method == proto::Method::cancelled) {
      cancelled(envelope->request_id.in(text), now);
    }
  }
  if (flight.initialize) {
    worked = false;
    if (mode == Mode::streamable) {
      settled(now);
      drop_standing();
      identity = {};
    } else {
      between_sessions = false;
    }
  } else if (between_sessions) {
    // Sent before its sender knew that the session is lost; the server would misunderstand it.
    if (flight.stream.call) calls.erase(*flight.stream.call);
    outbox.emplace_back(Forgot{.refused = {std::move(flight.message)}, .session_lost = false});
    return;
  }
  post(std::move(flight), now);
}

void StreamableClient::State::cancelled(std::string_view raw_id, base::Instant now) {
  const auto named = proto::minted_id(raw_id);
  const auto call = named ? calls.find(*named) : calls.end();
  if (call != calls.end() && !call->second.over_at) call->second.over_at = now + lingers;
}

std::string StreamableClient::State::takes_no_answers() const {
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto add = [&](const Flight& flight) {
    if (!flight.answers) return;
    ++count;
    bytes += flight.message.size();
  };
  for (const auto& [id, flight] : flights) add(flight);
  for (const Flight& flight : queued) add(flight);
  if (count < answers_max && bytes <= answer_bytes_max) return {};
  return "the server asks and does not take the answers: " + std::to_string(count) + " of them, " +
         std::to_string(bytes) + " bytes, were posted to it and have not been acknowledged";
}

void StreamableClient::State::post(Flight flight, base::Instant now) {
  if (mode == Mode::looking || settled_by) {
    queued.push_back(std::move(flight));
    return;
  }
  flight.role = mode == Mode::sse ? Role::sse_post : Role::post;
  flight.stream.identity = identity;
  if (!flight.stream.call) flight.over_at = now + acknowledged_within;
  if (flight.initialized && mode == Mode::streamable) settled_by = now + settles_within;
  if (flight.initialize && mode == Mode::undecided) silent_by = now + silent_within;
  begin(std::move(flight), now);
}

const std::string& StreamableClient::State::url_of(const Flight& flight) const {
  if (!flight.url.empty()) return flight.url;
  return flight.role == Role::sse_post ? endpoint : options.url;
}

RequestId StreamableClient::State::begin(Flight flight, base::Instant now) {
  const RequestId id = ++last_minted;
  Request request{.id = id,
                  .method = method_of(flight.role),
                  .url = url_of(flight),
                  .fields = fields_for(flight),
                  .body = flight.message,
                  .stream = flight.role == Role::standing || flight.role == Role::sse ||
                            (flight.modern && flight.modern->method == proto::Method::subscriptions_listen)};
  flight.begun = now;
  flights.emplace(id, std::move(flight));
  outbox.emplace_back(std::move(request));
  return id;
}

proto::HttpFields StreamableClient::State::fields_for(const Flight& flight) const {
  proto::HttpFields headers;
  if (carries_message(flight.role)) {
    headers.add("accept", "application/json, text/event-stream");
    headers.add("content-type", "application/json");
  } else if (flight.role != Role::farewell) {
    headers.add("accept", "text/event-stream");
  }
  const ClientStream& stream = flight.stream;
  if (!stream.identity.session.empty()) headers.add("mcp-session-id", stream.identity.session);
  if (!stream.identity.version.empty()) headers.add("mcp-protocol-version", stream.identity.version);
  if (stream.last_id) headers.add("last-event-id", *stream.last_id);
  if (flight.modern) {
    headers.add("mcp-protocol-version", flight.modern->version);
    for (const auto& [name, value] : flight.modern->headers.all) headers.add(name, value);
  }
  for (const auto& [name, value] : options.headers.all) {
    if (!set_by_us(name, flight.role)) headers.add(name, value);
  }
  return headers;
}

Flight* StreamableClient::State::flight_of(RequestId id) {
  const auto found = flights.find(id);
  return found == flights.end() ? nullptr : &found->second;
}

void StreamableClient::State::head(RequestId id, int status, const proto::HttpFields& headers,
                                   base::Instant now) {
  Flight* const flight = flight_of(id);
  if (flight == nullptr) return;
  flight->status = status;
  flight->type = proto::media_type_of(headers.get("content-type"));
  if (follow(id, *flight, headers.get("location"), now)) return;
  if (modern(flight->role)) {
    modern_head(*flight);
    if (flight->content == Flight::Content::stream) stream_head(*flight, now);
  } else if (carries_message(flight->role)) {
    post_head(*flight, headers, now);
  } else if (flight->role != Role::farewell && status == 200 && flight->type == "text/event-stream") {
    stream_head(*flight, now);
    if (flight->role == Role::standing) settled(now);
  } else if (flight->role == Role::standing && status >= 400) {
    flight->content = Flight::Content::refusal;
  }
}

void StreamableClient::State::body(RequestId id, std::string_view bytes, base::Instant now) {
  Flight* const flight = flight_of(id);
  if (flight == nullptr) return;
  switch (flight->content) {
    case Flight::Content::none:
      return;
    case Flight::Content::stream:
      return stream_body(id, bytes, now);
    case Flight::Content::json:
      if (bytes.size() > options.message_bytes_max - flight->collected.size()) return too_large(id, now);
      flight->collected += bytes;
      return;
    case Flight::Content::refusal:
      // Only an error object is looked for in it, and none is that long.
      flight->collected += bytes.substr(0, refusal_bytes_max - flight->collected.size());
      return;
  }
}

void StreamableClient::State::ended(RequestId id, const std::optional<Failure>& failure, base::Instant now) {
  auto node = flights.extract(id);
  if (node.empty()) return;
  Flight& flight = node.mapped();
  if (flight.collected.starts_with(byte_order_mark)) flight.collected.erase(0, byte_order_mark.size());
  switch (flight.role) {
    case Role::post:
      return post_ended(std::move(flight), failure, now);
    case Role::resume:
      return resume_ended(std::move(flight), failure, now);
    case Role::standing:
      standing_ended(std::move(flight), failure, now);
      return settled(now);
    case Role::sse:
      return sse_ended(flight, failure);
    case Role::sse_post:
      return sse_post_ended(std::move(flight), failure, now);
    case Role::farewell:
    case Role::left:
      return;
    case Role::modern:
      return modern_ended(std::move(flight), failure, now);
    case Role::listing:
      return listing_ended(id, std::move(flight), failure, now);
  }
}

// What nobody has taken to begin it needs no Abandon.
void StreamableClient::State::abandon_all() {
  std::set<RequestId> never_begun;
  for (const ClientOutput& output : outbox) {
    if (const auto* request = std::get_if<Request>(&output)) never_begun.insert(request->id);
  }
  std::erase_if(outbox, [](const ClientOutput& output) { return std::holds_alternative<Request>(output); });
  for (const auto& [id, flight] : flights) {
    if (!never_begun.contains(id)) outbox.emplace_back(Abandon{id});
  }
  flights.clear();
  calls.clear();
  reopenings.clear();
  queued.clear();
  settled_by.reset();
  awaiting_tools.clear();
  listing.reset();
  refused_first.reset();
  endpoint_due.reset();
  silent_by.reset();
}

void StreamableClient::State::down(std::string why) {
  abandon_all();
  mode = Mode::over;
  outbox.emplace_back(Down{std::move(why)});
}

void StreamableClient::State::close(base::Instant now) {
  if (mode == Mode::over) return;
  std::erase_if(outbox, [](const ClientOutput& output) {
    return !std::holds_alternative<Request>(output) && !std::holds_alternative<Abandon>(output);
  });
  abandon_all();
  mode = Mode::over;
  if (identity.session.empty()) return;
  Flight farewell{.role = Role::farewell};
  farewell.stream.identity = identity;
  begin(std::move(farewell), now);
}

StreamableClient::StreamableClient(ClientOptions options, base::Instant now)
    : state_(new State{{.options = std::move(options)}}) {
  if (state_->options.kind == Kind::sse) state_->look_for_endpoint(now);
  if (state_->options.kind == Kind::streamable) state_->mode = State::Mode::streamable;
}
StreamableClient::~StreamableClient() = default;
StreamableClient::StreamableClient(StreamableClient&&) noexcept = default;
StreamableClient& StreamableClient::operator=(StreamableClient&&) noexcept = default;

void StreamableClient::send(proto::Message message, base::Instant now) {
  state_->send(std::move(message), now);
}
void StreamableClient::close(base::Instant now) {
  state_->close(now);
}
void StreamableClient::head(RequestId id, int status, const proto::HttpFields& fields, base::Instant now) {
  state_->head(id, status, fields, now);
}
void StreamableClient::body(RequestId id, std::string_view bytes, base::Instant now) {
  state_->body(id, bytes, now);
}
void StreamableClient::ended(RequestId id, const std::optional<Failure>& failure, base::Instant now) {
  state_->ended(id, failure, now);
}
std::optional<base::Instant> StreamableClient::deadline() const {
  return state_->deadline();
}
void StreamableClient::tick(base::Instant now) {
  state_->tick(now);
}
std::vector<ClientOutput>& StreamableClient::outbox() {
  return state_->outbox;
}

}  // namespace transport
