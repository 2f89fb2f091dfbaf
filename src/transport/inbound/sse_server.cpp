#include "transport/inbound/sse_server.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "proto/envelope.h"
#include "proto/method.h"
#include "proto/rpc.h"
#include "transport/inbound/held_posts.h"
#include "transport/inbound/posted.h"
#include "transport/inbound/refusal.h"
#include "transport/inbound/saving.h"
#include "transport/inbound/streams.h"

namespace transport {
namespace {

constexpr base::Duration comment_every = std::chrono::seconds(15);

}  // namespace

struct SseServer::State {
  explicit State(Before before = {}) : returning(std::move(before)) {}

  void answer(ExchangeId exchange, proto::HttpAnswer with);
  void posted(ExchangeId exchange, proto::HttpRequest request, base::Instant now);
  void say(proto::Message text, base::Instant now);
  void say_event(std::string text, base::Instant now);
  void take_up(std::string_view call, base::Instant now);

  ExchangeId stream = 0;
  bool over = false;
  bool holding = false;
  bool took_up = false;
  bool begun = false;  // The client has sent initialize, or was taken up without.
  Returning returning;
  base::Instant silent_since;
  HeldPosts held;
  std::vector<Output> outbox;

  static constexpr std::size_t fields = 9;
};

void SseServer::State::answer(ExchangeId exchange, proto::HttpAnswer with) {
  if (exchange != 0) outbox.emplace_back(Answer{exchange, std::move(with)});
}

// The answers go out on the stream, so nothing here depends on what the message is; but 2026-07-28 is not
// spoken on this transport, and a client that tries is told so as an older server would: there is no such
// method.
void SseServer::State::posted(ExchangeId exchange, proto::HttpRequest request, base::Instant now) {
  auto read = read_posted(request.fields, std::move(request.body), Batches::refused);
  if (!read) return answer(exchange, std::move(read.error()));
  for (const Posted::Part& part : read->parts) {
    const bool asks = part.envelope.kind == proto::Kind::request;
    if (!part.envelope.modern) {
      const bool ping = asks && proto::method_of(part.of(part.envelope.method)) == proto::Method::ping;
      if (asks && !ping && !part.is_initialize() && !begun) take_up(part.of(part.envelope.id), now);
      begun |= part.is_initialize();
      outbox.emplace_back(Deliver{part.line, part.envelope});
    } else if (asks) {
      say_event(
          proto::error_text(part.of(part.envelope.id), proto::Code::method_not_found, "Method not found"),
          now);
    }
  }
  proto::HttpAnswer accepted{.status = 202, .fields = {}, .body = "Accepted"};
  accepted.fields.add("content-type", "text/plain");
  answer(exchange, std::move(accepted));
}

void SseServer::State::say(proto::Message text, base::Instant now) {
  silent_since = now;
  outbox.emplace_back(StreamText{stream, std::move(text)});
}

void SseServer::State::say_event(std::string text, base::Instant now) {
  say(event_text(proto::Message(std::move(text)), std::nullopt), now);
}

// `call`: of the client's, that has shown that it was initialized before; raw id, or empty.
void SseServer::State::take_up(std::string_view call, base::Instant now) {
  begun = took_up = true;
  for (std::string& error : returning.errors(call)) say_event(std::move(error), now);
  for (std::string& line : returning.lines())
    outbox.emplace_back(Deliver{base::Bytes::copy(std::move(line))});
}

SseServer::SseServer(ExchangeId stream, std::string endpoint, base::Instant now, Before before)
    : state_(std::make_unique<State>(std::move(before))) {
  state_->stream = stream;
  state_->outbox.emplace_back(BeginStream{stream, {}});
  state_->say(proto::Message("event: endpoint\ndata: " + std::move(endpoint) + "\n\n"), now);
  if (state_->returning.certain()) state_->take_up({}, now);
}
SseServer::SseServer() : state_(std::make_unique<State>()) {}
SseServer::~SseServer() = default;
SseServer::SseServer(SseServer&&) noexcept = default;
SseServer& SseServer::operator=(SseServer&&) noexcept = default;

void SseServer::request(ExchangeId exchange, proto::HttpRequest request, base::Instant now) {
  State& state = *state_;
  if (state.over) {
    state.answer(exchange, no_such_session());
  } else if (request.method != "POST") {
    state.answer(exchange, method_refused("POST"));
  } else if (!state.holding) {
    state.posted(exchange, std::move(request), now);
  } else if (!state.held.keep(exchange, std::move(request))) {
    state.answer(exchange, busy());
  }
}

void SseServer::gone(ExchangeId exchange, base::Instant /*now*/) {
  State& state = *state_;
  state.held.gone(exchange);
  if (exchange != state.stream || state.over) return;
  state.over = true;
  for (const auto& one : state.held.take()) state.answer(one.exchange, no_such_session());
  state.outbox.emplace_back(Over{});
}

void SseServer::send(const proto::Message& message, base::Instant now) {
  if (state_->over) return;
  switch (state_->returning.answers(message)) {
    case Returning::Answer::of_the_client:
      state_->say(event_text(message, std::nullopt), now);
      return;
    case Returning::Answer::refused_initialize:
      state_->begun = false;  // Its next call tries again.
      return;
    case Returning::Answer::of_ours:
      return;
  }
}

void SseServer::hold() {
  state_->holding = true;
}

void SseServer::release(base::Instant now) {
  state_->holding = false;
  for (auto& one : state_->held.take()) state_->posted(one.exchange, std::move(one.request), now);
}

std::optional<base::Instant> SseServer::deadline() const {
  if (state_->over) return std::nullopt;
  return state_->silent_since + comment_every;
}

void SseServer::tick(base::Instant now) {
  if (!state_->over && state_->silent_since + comment_every <= now) state_->say(keep_alive(), now);
}

bool SseServer::took_up() const {
  return state_->took_up;
}

std::vector<Output>& SseServer::outbox() {
  return state_->outbox;
}

}  // namespace transport

namespace save {

void Codec<transport::SseServer>::write(Writer& writer, const transport::SseServer& server) {
  save::write(writer, *server.state_);
}
void Codec<transport::SseServer>::read(Reader& reader, transport::SseServer& server) {
  save::read(reader, *server.state_);
}

}  // namespace save
