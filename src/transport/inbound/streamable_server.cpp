#include "transport/inbound/streamable_server.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "proto/envelope.h"
#include "proto/members.h"
#include "proto/method.h"
#include "transport/inbound/admission.h"
#include "transport/inbound/earlier_lives.h"
#include "transport/inbound/event_log.h"
#include "transport/inbound/held_posts.h"
#include "transport/inbound/posted.h"
#include "transport/inbound/refusal.h"
#include "transport/inbound/streams.h"

namespace transport {
namespace {

using Number = Streams::Number;
using proto::HttpAnswer;
using proto::HttpRequest;
using proto::Message;
using proto::Method;

constexpr Number standalone = 0;

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

// The revision that the parameters or the result of initialize name.
std::optional<proto::Revision> named_revision(std::string_view raw_object) {
  return proto::revision_of(proto::text_of(raw_object, "protocolVersion"));
}

// One POST of requests that are not all answered.
struct Post {
  ExchangeId exchange = 0;  // That waits for an answer as a whole.
  bool streaming = false;   // It is a stream, connected or not.
  bool initialize = false;
  bool batch = false;
  base::Instant opened;
  std::size_t unanswered = 0;
  std::vector<Event> answers = {};  // That go out together.

  bool lost() const { return exchange == 0 && !streaming; }
};

}  // namespace

struct StreamableServer::State {
  explicit State(StreamableOptions given)
      : options(std::move(given)),
        revision(options.revision),
        asked_to_initialize(revision.has_value()),
        streams({.life = options.life,
                 .poll_after = options.poll_after,
                 .retry = options.retry,
                 .comment_every = options.comment_every,
                 .resume_for = options.resume_for,
                 .log_bytes_max = options.log_bytes_max},
                outbox),
        earlier(streams, numbers, options.resume_for) {
    streams.begin(standalone);
    if (revision) speaks(*revision);
  }

  // Towards the client.
  void answer(ExchangeId exchange, HttpAnswer with);
  void answer_whole(Post& post);
  void become_stream(Number number, Post& post, base::Instant now);
  void streams_due(base::Instant now);
  void complete(Number number, base::Instant now);
  proto::HttpFields head_of(const Post& post) const;

  // What the client does.
  void on(ExchangeId exchange, HttpRequest request, base::Instant now);
  void posted(ExchangeId exchange, HttpRequest request, base::Instant now);
  bool reuses_an_id(const Posted& posted) const;
  void open(ExchangeId exchange, const Posted& posted, base::Instant now);
  void cancelled(std::string_view raw_id, base::Instant now);
  void got(ExchangeId exchange, const HttpRequest& request, base::Instant now);
  void deleted(ExchangeId exchange);

  // What the broker says.
  void answered(std::string_view raw_id, const Message& message, const proto::Envelope& envelope,
                base::Instant now);
  void initialized_with(const Message& message, const proto::Envelope& envelope);
  void asks(Event event, std::string_view concerns, base::Instant now);
  void tells(Event event, std::string_view concerns, base::Instant now);
  std::optional<Number> newest_open() const;
  Post* post_of(std::string_view raw_id);

  void begin_at(base::Instant now);
  void speaks(proto::Revision with);

  StreamableOptions options;
  std::vector<Output> outbox;
  std::optional<proto::Revision> revision;
  bool asked_to_initialize = false;
  bool failed = false;
  bool over = false;
  bool begun = false;
  bool holding = false;
  HeldPosts held;

  StreamNumbers numbers;
  Streams streams;
  EarlierLives earlier;
  std::map<Number, Post> posts;                      // The newest last.
  std::map<std::string, Number, std::less<>> calls;  // In flight, by raw id.
  std::map<ExchangeId, Number> waiting;              // POSTs whose answer is not a stream.
  std::optional<base::Instant> stream_due;           // When the oldest of them becomes a stream, or earlier.
};

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
  proto::HttpFields fields;
  if (post.initialize && !failed) fields.add("mcp-session-id", options.session_id);
  return fields;
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

void StreamableServer::State::on(ExchangeId exchange, HttpRequest request, base::Instant now) {
  if (over || failed) {
    answer(exchange, no_such_session());
  } else if (request.method == "POST") {
    if (!holding) {
      posted(exchange, std::move(request), now);
    } else if (!held.keep(exchange, std::move(request))) {
      answer(exchange, busy());
    }
  } else if (request.method != "GET" && request.method != "DELETE") {
    answer(exchange, method_refused(streamable_methods));
  } else if (auto no = refused_session(request, options.session_id)) {
    answer(exchange, std::move(*no));
  } else if (request.method == "GET") {
    got(exchange, request, now);
  } else {
    deleted(exchange);
  }
}

void StreamableServer::State::posted(ExchangeId exchange, HttpRequest request, base::Instant now) {
  if (auto no = refused_accept(request)) return answer(exchange, std::move(*no));
  const bool batches = revision == proto::Revision::r2025_03_26;
  auto read =
      read_posted(request.fields, std::move(request.body), batches ? Batches::allowed : Batches::refused);
  if (!read) return answer(exchange, std::move(read.error()));
  if (auto no = refused_claim(*read, proto::Code::header_mismatch)) return answer(exchange, std::move(*no));
  const bool first = !asked_to_initialize && read->parts.front().is_initialize();
  if (!first) {
    if (auto no = refused_session(request, options.session_id)) return answer(exchange, std::move(*no));
  }
  const auto is_request = [](const Posted::Part& part) { return part.envelope.kind == proto::Kind::request; };
  const bool requests = std::ranges::any_of(read->parts, is_request);
  if (requests && reuses_an_id(*read)) {
    return answer(
        exchange,
        refusal(400, Fault::invalid_request,
                "Invalid Request: the id of this request belongs to one that is still running; use another"));
  }
  for (const Posted::Part& part : read->parts) outbox.emplace_back(Deliver{part.line, part.envelope});
  if (requests) {
    open(exchange, *read, now);
  } else {
    answer(exchange, {.status = 202, .fields = {}, .body = {}});
  }
  for (const Posted::Part& part : read->parts) {
    const bool cancels = part.envelope.kind == proto::Kind::notification &&
                         proto::method_of(part.of(part.envelope.method)) == Method::cancelled;
    if (cancels) cancelled(part.of(part.envelope.request_id), now);
  }
}

bool StreamableServer::State::reuses_an_id(const Posted& posted) const {
  if (!posted.batch) {
    const Posted::Part& only = posted.parts.front();
    return calls.contains(only.of(only.envelope.id));
  }
  std::set<std::string_view> seen;
  return std::ranges::any_of(posted.parts, [&](const Posted::Part& part) {
    if (part.envelope.kind != proto::Kind::request) return false;
    const std::string_view id = part.of(part.envelope.id);
    return calls.contains(id) || !seen.insert(id).second;
  });
}

void StreamableServer::State::open(ExchangeId exchange, const Posted& posted, base::Instant now) {
  Post post{.exchange = exchange, .batch = posted.batch, .opened = now};
  std::vector<std::string> ids;
  for (const Posted::Part& part : posted.parts) {
    if (part.envelope.kind == proto::Kind::request) ids.emplace_back(part.of(part.envelope.id));
  }
  const Number number = numbers.next(StreamNumbers::mark_of(ids.front()));
  if (!asked_to_initialize && posted.parts.front().is_initialize()) {
    const Posted::Part& part = posted.parts.front();
    asked_to_initialize = post.initialize = true;
    // Its own stream begins as the revision says that the client asked for: no other is known yet.
    if (const auto wanted = named_revision(part.of(part.envelope.params))) speaks(*wanted);
  }
  post.unanswered = ids.size();
  for (std::string& id : ids) calls.emplace(std::move(id), number);
  if (exchange != 0) waiting[exchange] = number;
  Post& kept = posts.emplace(number, std::move(post)).first->second;
  if (!stream_due) stream_due = now + options.stream_after;
  if (exchange == 0) return;
  // Its client may never open another stream.
  std::vector<Message> asks = streams.take_unsent_asks(standalone);
  if (!asks.empty()) become_stream(number, kept, now);
  for (Message& ask : asks) streams.say(number, {std::move(ask), Worth::ask, {}}, now);
}

// The broker answers it no more. What must not be cancelled is answered all the same.
void StreamableServer::State::cancelled(std::string_view raw_id, base::Instant now) {
  const auto found = calls.find(raw_id);
  if (found == calls.end()) return;
  const Number number = found->second;
  Post& post = posts.at(number);
  if (post.initialize) return;
  calls.erase(found);
  if (--post.unanswered == 0) complete(number, now);
}

void StreamableServer::State::got(ExchangeId exchange, const HttpRequest& request, base::Instant now) {
  if (auto no = refused_accept(request)) return answer(exchange, std::move(*no));
  if (!request.fields.has("last-event-id")) return streams.connect(standalone, exchange, {}, now);
  const auto id = EventId::parse(request.fields.get("last-event-id"));
  if (!id || id->life > options.life) {
    answer(exchange, refusal(400, Fault::refused, "Bad Request: Last-Event-ID is no event of this session"));
  } else if (id->life < options.life && id->stream == standalone) {
    // A client that knows no event of this life has heard nothing of it.
    streams.resume(standalone, 0, exchange, now);
  } else if (id->life < options.life) {
    earlier.resume(*id, exchange, outbox, now);
  } else if (streams.knows(id->stream)) {
    streams.resume(id->stream, id->sequence, exchange, now);
  } else {
    answer(exchange, {.status = 204, .fields = {}, .body = {}});
  }
}

void StreamableServer::State::deleted(ExchangeId exchange) {
  over = true;
  for (const auto& [other, number] : waiting) answer(other, no_such_session());
  for (const HeldPosts::Held& one : held.take()) answer(one.exchange, no_such_session());
  streams.end_all();
  waiting.clear();
  posts.clear();
  calls.clear();
  answer(exchange, {.status = 200, .fields = {}, .body = {}});
  outbox.emplace_back(Over{});
}

Post* StreamableServer::State::post_of(std::string_view raw_id) {
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

std::optional<Number> StreamableServer::State::newest_open() const {
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

}  // namespace transport
