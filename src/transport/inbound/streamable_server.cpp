#include "transport/inbound/streamable_server.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/envelope.h"
#include "proto/members.h"
#include "proto/method.h"
#include "transport/inbound/saving.h"
#include "transport/inbound/streamable_state.h"

namespace transport {
namespace {

using proto::HttpAnswer;
using proto::Message;
using proto::Method;

Worth worth_of(Method method) {
  switch (method) {
    case Method::message:
      return Worth::log_line;
    case Method::progress:
      return Worth::progress;
    case Method::tools_list_changed:
    case Method::prompts_list_changed:
    case Method::resources_list_changed:
      return Worth::list_change;
    default:
      return Worth::notice;
  }
}

}  // namespace

std::optional<proto::Revision> named_revision(std::string_view raw_object) {
  return proto::revision_of(proto::text_of(raw_object, "protocolVersion"));
}

void StreamableServer::State::begin_at(base::Instant now) {
  if (!begun) earlier.begin(now);
  begun = true;
}

void StreamableServer::State::speaks(proto::Revision with) {
  if (with >= proto::Revision::r2025_11_25) streams.begin_with_id();
}

void StreamableServer::State::answer(ExchangeId exchange, HttpAnswer with) {
  if (exchange != 0) outbox.emplace_back(Answer{exchange, std::move(with)});
}

proto::HttpFields StreamableServer::State::head_of(const Post& post) const {
  proto::HttpFields head;
  if (post.initialize && !failed) head.add("mcp-session-id", options.session_id);
  return head;
}

void StreamableServer::State::answer_whole(Post& post) {
  // Nothing is left to be said when everything was cancelled. Neither JSON nor an error would be right.
  if (post.answers.empty()) {
    outbox.emplace_back(BeginStream{post.exchange, head_of(post)});
    outbox.emplace_back(EndStream{post.exchange});
    return;
  }
  if (post.answers.size() == 1 && !post.batch) {
    outbox.emplace_back(AnswerMessage{post.exchange, head_of(post), std::move(post.answers.front().message)});
    return;
  }
  std::string body;
  std::size_t size = 2;
  for (const Event& event : post.answers) size += event.message.size() + 1;
  body.reserve(size);
  for (const Event& event : post.answers) {
    if (!body.empty()) body += ',';
    event.message.each_piece([&](std::string_view piece) { body += piece; });
  }
  if (post.batch) body = '[' + body + ']';
  HttpAnswer whole = proto::json_answer(200, std::move(body));
  for (const auto& [name, value] : head_of(post).all) whole.fields.add(name, value);
  answer(post.exchange, std::move(whole));
}

void StreamableServer::State::become_stream(Number number, Post& post, base::Instant now) {
  streams.begin(number);
  streams.connect(number, post.exchange, head_of(post), now);
  waiting.erase(post.exchange);
  post.exchange = 0;
  post.streaming = true;
  for (Event& event : post.answers) streams.say(number, std::move(event), now);
  post.answers.clear();
}

void StreamableServer::State::streams_due(base::Instant now) {
  stream_due.reset();
  for (auto& [number, post] : posts) {
    if (post.exchange == 0) continue;
    const base::Instant when = post.opened + options.stream_after;
    if (when <= now) {
      become_stream(number, post, now);
    } else if (!stream_due || when < *stream_due) {
      stream_due = when;
    }
  }
}

void StreamableServer::State::complete(Number number, base::Instant now) {
  const auto found = posts.find(number);
  Post& post = found->second;
  if (post.streaming) {
    streams.end(number, now);
  } else if (!post.lost()) {
    waiting.erase(post.exchange);
    answer_whole(post);
  }
  posts.erase(found);
}

StreamableServer::State::Post* StreamableServer::State::post_of(std::string_view raw_id) {
  const auto found = calls.find(raw_id);
  return found == calls.end() ? nullptr : &posts.at(found->second);
}

void StreamableServer::State::answered(std::string_view raw_id, const Message& message,
                                       const proto::Envelope& envelope, base::Instant now) {
  const auto found = calls.find(raw_id);
  if (found == calls.end()) {
    if (options.life > 0) earlier.answered(raw_id, message, now);
    return;
  }
  const Number number = found->second;
  Post& post = posts.at(number);
  if (post.initialize) initialized_with(message, envelope);
  Event event{message, Worth::answer, found->first};
  calls.erase(found);
  if (post.streaming) {
    streams.say(number, std::move(event), now);
  } else if (!post.lost()) {
    post.answers.push_back(std::move(event));
  }
  if (--post.unanswered == 0) complete(number, now);
}

void StreamableServer::State::initialized_with(const Message& message, const proto::Envelope& envelope) {
  failed = !envelope.result.present();
  if (!failed) revision = named_revision(envelope.result.in(message.bytes().text));
  if (revision) speaks(*revision);
}

std::optional<Streams::Number> StreamableServer::State::newest_open() const {
  for (auto at = posts.rbegin(); at != posts.rend(); ++at) {
    if (at->second.exchange != 0 || streams.connected(at->first)) return at->first;
  }
  return std::nullopt;
}

void StreamableServer::State::asks(Event event, std::string_view concerns, base::Instant now) {
  const Post* about = post_of(concerns);
  Number to = standalone;
  if (about != nullptr && !about->lost()) {
    to = calls.find(concerns)->second;
  } else if (!streams.connected(standalone)) {
    to = newest_open().value_or(standalone);
  }
  if (to != standalone && !posts.at(to).streaming) become_stream(to, posts.at(to), now);
  streams.say(to, std::move(event), now);
}

void StreamableServer::State::tells(Event event, std::string_view concerns, base::Instant now) {
  Post* about = post_of(concerns);
  if (about == nullptr) return streams.say(standalone, std::move(event), now);
  if (about->lost()) return;
  const Number to = calls.find(concerns)->second;
  if (!about->streaming) become_stream(to, *about, now);
  streams.say(to, std::move(event), now);
}

StreamableServer::StreamableServer(StreamableOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
StreamableServer::~StreamableServer() = default;
StreamableServer::StreamableServer(StreamableServer&&) noexcept = default;
StreamableServer& StreamableServer::operator=(StreamableServer&&) noexcept = default;

void StreamableServer::request(ExchangeId exchange, proto::HttpRequest request, base::Instant now) {
  state_->begin_at(now);
  state_->on(exchange, std::move(request), now);
}

void StreamableServer::gone(ExchangeId exchange, base::Instant now) {
  State& state = *state_;
  state.begin_at(now);
  if (state.streams.gone(exchange)) return;
  if (const auto found = state.waiting.find(exchange); found != state.waiting.end()) {
    state.posts.at(found->second).exchange = 0;
    state.waiting.erase(found);
  }
  state.held.gone(exchange);
}

void StreamableServer::send(const proto::Message& message, std::string_view concerns, base::Instant now) {
  State& state = *state_;
  state.begin_at(now);
  if (state.over) return;
  const auto envelope = proto::scan(message.bytes().text);
  if (!envelope) {
    // An error about what could not be read, with null for an id: nobody's answer.
    state.tells({message, Worth::notice, {}}, concerns, now);
  } else if (envelope->kind == proto::Kind::response) {
    state.answered(message.standing_at(envelope->id), message, *envelope, now);
  } else if (envelope->kind == proto::Kind::request) {
    state.asks({message, Worth::ask, {}}, concerns, now);
  } else {
    const Method method = proto::method_of(envelope->method.in(message.bytes().text));
    state.tells({message, worth_of(method), {}}, concerns, now);
  }
}

void StreamableServer::hold() {
  state_->holding = true;
}

void StreamableServer::release(base::Instant now) {
  State& state = *state_;
  state.holding = false;
  for (auto& one : state.held.take()) state.on(one.exchange, std::move(one.request), now);
}

std::optional<base::Instant> StreamableServer::deadline() const {
  if (state_->over) return std::nullopt;
  std::optional<base::Instant> first = state_->stream_due;
  for (const auto& when : {state_->streams.deadline(), state_->earlier.deadline()}) {
    if (when && (!first || *when < *first)) first = when;
  }
  return first;
}

void StreamableServer::tick(base::Instant now) {
  State& state = *state_;
  if (state.stream_due && *state.stream_due <= now) state.streams_due(now);
  state.streams.tick(now);
  state.earlier.tick(now);
}

std::vector<Output>& StreamableServer::outbox() {
  return state_->outbox;
}

std::optional<proto::Revision> StreamableServer::revision() const {
  return state_->revision;
}

bool StreamableServer::failed() const {
  return state_->failed;
}

bool StreamableServer::connected() const {
  return !state_->waiting.empty() || state_->streams.any_connected() || state_->held.any_connected();
}

void StreamableServer::follow(StreamableOptions options) {
  const StreamableOptions& agreed = state_->options;
  options.session_id = agreed.session_id;
  options.life = agreed.life;
  options.revision = agreed.revision;
  state_->streams.follow(State::of_streams(options));
  state_->options = std::move(options);
}

}  // namespace transport

namespace save {

void Codec<transport::StreamableServer>::write(Writer& writer, const transport::StreamableServer& server) {
  save::write(writer, *server.state_);
}
void Codec<transport::StreamableServer>::read(Reader& reader, transport::StreamableServer& server) {
  save::read(reader, *server.state_);
}

}  // namespace save
