#include "transport/inbound/desk.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "proto/envelope.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/rpc.h"
#include "save/elsewhere.h"
#include "transport/inbound/held_posts.h"
#include "transport/inbound/refusal.h"
#include "transport/inbound/saving.h"
#include "transport/inbound/streams.h"

namespace transport {
namespace {

using proto::Code;
using proto::Message;
using proto::Method;

// Of the answer to a request that nothing else was said about. What a server's handler says of a request
// that reached it is no matter of HTTP's.
int status_of(const Message& message, const proto::Envelope& envelope) {
  const std::string_view code = proto::member(envelope.error.in(message.bytes().text), "code");
  const auto is = [&](Code which) { return code == std::to_string(static_cast<int>(which)); };
  if (is(Code::method_not_found)) return 404;
  const bool refused = is(Code::parse_error) || is(Code::invalid_request) || is(Code::header_mismatch) ||
                       is(Code::missing_client_capability) || is(Code::unsupported_version);
  return refused ? 400 : 200;
}

// With all that was spliced into it among the bytes that are read.
std::pair<Message, proto::Envelope> as_it_stands(const Message& message) {
  Message whole(message.text());
  const auto envelope = proto::scan(whole.bytes().text);
  return {std::move(whole), envelope.value_or(proto::Envelope{})};
}

std::string cursor_of(const ModernCall& call) {
  if (call.method != Method::tools_list) return {};
  return std::string(proto::member(call.envelope.params.in(call.line.text), "cursor"));
}

struct Call {
  ExchangeId exchange = 0;
  std::string client_id;  // Raw.
  std::string cursor;     // Raw; of a tools/list.
  Method method = Method::other;
  bool streaming = false;
  base::Instant silent_since;
  static constexpr std::size_t fields = 6;
};

}  // namespace

struct Desk::State {
  State() = default;
  State(DeskOptions given, ParamHeaders& known) : options(given), params{&known} {}

  using Calls = std::map<std::string, Call, std::less<>>;

  std::string wrong_with(const ModernCall& call) const;
  void deliver(const std::string& id, base::Bytes line);
  void become_stream(Call& call, base::Instant now);
  void say(Call& call, Message message, base::Instant now);
  void answered(const Message& message, const proto::Envelope& envelope, base::Instant now);
  void told(const Message& message, std::string_view concerns, base::Instant now);
  base::Instant due_of(const Call& call) const;
  void wants(base::Instant when) { due = due ? std::min(*due, when) : when; }

  struct HeldLine {
    std::string id;
    base::Bytes line;
    static constexpr std::size_t fields = 2;
  };

  DeskOptions options;
  save::Elsewhere<ParamHeaders> params;
  std::vector<Output> outbox;
  Calls calls;  // In flight, by the id that the broker knows.
  std::map<ExchangeId, std::string> by_exchange;
  std::uint64_t ids_given = 0;
  std::optional<base::Instant> due;  // Of the first call that has something due, or earlier.
  bool holding = false;
  std::deque<HeldLine> held;
  std::size_t held_bytes = 0;

  static constexpr std::size_t fields = 10;
};

// The fields that repeat arguments of the tool that is called.
std::string Desk::State::wrong_with(const ModernCall& call) const {
  if (call.method != Method::tools_call) return {};
  const std::string_view given = call.envelope.params.in(call.line.text);
  return params->mismatch(proto::json::unquoted(proto::member(given, "name")),
                          proto::member(given, "arguments"), call.fields);
}

void Desk::State::deliver(const std::string& id, base::Bytes line) {
  if (!holding) {
    outbox.emplace_back(Deliver{std::move(line)});
    return;
  }
  held_bytes += line.size();
  held.push_back({id, std::move(line)});
}

base::Instant Desk::State::due_of(const Call& call) const {
  return call.silent_since + (call.streaming ? options.comment_every : options.stream_after);
}

void Desk::State::become_stream(Call& call, base::Instant now) {
  if (std::exchange(call.streaming, true)) return;
  outbox.emplace_back(BeginStream{call.exchange, {}});
  call.silent_since = now;
  wants(due_of(call));
}

void Desk::State::say(Call& call, Message message, base::Instant now) {
  become_stream(call, now);
  outbox.emplace_back(StreamText{call.exchange, event_text(std::move(message), std::nullopt)});
  call.silent_since = now;
}

void Desk::State::answered(const Message& message, const proto::Envelope& envelope, base::Instant now) {
  const auto found = calls.find(message.standing_at(envelope.id));
  if (found == calls.end()) return;
  const std::string id = found->first;
  Call call = std::move(found->second);
  calls.erase(found);
  by_exchange.erase(call.exchange);
  // Where what was put into it counts. Results of calls, which may be long, are not among these.
  const bool read_again =
      envelope.error.present() || call.method == Method::subscriptions_listen || !message.has_room_for(1);
  auto [own, read] = read_again ? as_it_stands(message) : std::pair(message, envelope);
  if (call.method == Method::tools_list && read.result.present())
    params->learn(read.result.in(own.bytes().text), call.cursor);
  own.restate(read.id, call.client_id);
  if (own.standing_at(read.subscription) == id) own.restate(read.subscription, call.client_id);
  if (!call.streaming) {
    const int status = status_of(own, read);
    if (status == 200) {
      outbox.emplace_back(AnswerMessage{call.exchange, {}, std::move(own)});
    } else {
      outbox.emplace_back(Answer{call.exchange, proto::json_answer(status, own.text())});
    }
    return;
  }
  say(call, std::move(own), now);
  outbox.emplace_back(EndStream{call.exchange});
}

void Desk::State::told(const Message& message, std::string_view concerns, base::Instant now) {
  const auto found = calls.find(concerns);
  if (found == calls.end()) return;
  auto [own, read] = as_it_stands(message);
  if (own.standing_at(read.subscription) == concerns) own.restate(read.subscription, found->second.client_id);
  say(found->second, std::move(own), now);
}

Desk::Desk(DeskOptions options, ParamHeaders& params) : state_(std::make_unique<State>(options, params)) {}
Desk::Desk() : state_(std::make_unique<State>()) {}
Desk::~Desk() = default;
Desk::Desk(Desk&&) noexcept = default;
Desk& Desk::operator=(Desk&&) noexcept = default;

void Desk::follow(DeskOptions options, ParamHeaders& params) {
  state_->options = options;
  state_->params = {&params};
}

void Desk::request(ExchangeId exchange, ModernCall call, base::Instant now) {
  State& state = *state_;
  const bool no_room =
      state.holding && (state.held.size() >= HeldPosts::count_max ||
                        (!state.held.empty() && state.held_bytes + call.line.size() > HeldPosts::bytes_max));
  if (no_room || state.calls.size() >= state.options.in_flight_max) {
    state.outbox.emplace_back(Answer{exchange, busy()});
    return;
  }
  const std::string_view client_id = call.envelope.id.in(call.line.text);
  if (const std::string wrong = state.wrong_with(call); !wrong.empty()) {
    state.outbox.emplace_back(Answer{exchange, header_mismatch(client_id, wrong)});
    return;
  }
  std::string id = std::to_string(++state.ids_given);
  Message line(call.line);
  line.splice(call.envelope.id, id);
  state.deliver(id, base::Bytes::copy(line.text()));
  const Call& opened = state.calls
                           .emplace(id, Call{.exchange = exchange,
                                             .client_id = std::string(client_id),
                                             .cursor = cursor_of(call),
                                             .method = call.method,
                                             .silent_since = now})
                           .first->second;
  state.wants(state.due_of(opened));
  state.by_exchange.emplace(exchange, std::move(id));
}

void Desk::gone(ExchangeId exchange, base::Instant /*now*/) {
  State& state = *state_;
  const auto found = state.by_exchange.find(exchange);
  if (found == state.by_exchange.end()) return;
  const std::string id = std::move(found->second);
  state.by_exchange.erase(found);
  state.calls.erase(id);
  const auto held = std::ranges::find(state.held, id, &State::HeldLine::id);
  if (held != state.held.end()) {
    state.held_bytes -= held->line.size();
    state.held.erase(held);
    return;
  }
  state.outbox.emplace_back(Deliver{base::Bytes::copy(
      proto::notification_text(proto::name_of(Method::cancelled), R"({"requestId":)" + id + '}'))});
}

void Desk::send(const Message& message, std::string_view concerns, base::Instant now) {
  const auto envelope = proto::scan(message.bytes().text);
  if (!envelope) return;
  if (envelope->kind == proto::Kind::response) {
    state_->answered(message, *envelope, now);
  } else if (envelope->kind == proto::Kind::notification) {
    state_->told(message, concerns, now);
  }
}

void Desk::hold() {
  state_->holding = true;
}

void Desk::release(base::Instant /*now*/) {
  State& state = *state_;
  state.holding = false;
  state.held_bytes = 0;
  for (State::HeldLine& one : std::exchange(state.held, {}))
    state.outbox.emplace_back(Deliver{std::move(one.line)});
}

std::optional<base::Instant> Desk::deadline() const {
  return state_->calls.empty() ? std::nullopt : state_->due;
}

void Desk::tick(base::Instant now) {
  State& state = *state_;
  if (!state.due || now < *state.due) return;
  state.due.reset();
  for (auto& [id, call] : state.calls) {
    if (state.due_of(call) <= now) {
      if (call.streaming) state.outbox.emplace_back(StreamText{call.exchange, keep_alive()});
      state.become_stream(call, now);
      call.silent_since = now;
    }
    state.wants(state.due_of(call));
  }
}

std::vector<Output>& Desk::outbox() {
  return state_->outbox;
}

bool Desk::connected() const {
  return !state_->calls.empty();
}

}  // namespace transport

namespace save {

void Codec<transport::Desk>::write(Writer& writer, const transport::Desk& desk) {
  save::write(writer, *desk.state_);
}
void Codec<transport::Desk>::read(Reader& reader, transport::Desk& desk) {
  save::read(reader, *desk.state_);
}

}  // namespace save
