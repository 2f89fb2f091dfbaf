// What the client of a Streamable HTTP session does: POSTs, streams that it opens or resumes, DELETE.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "proto/method.h"
#include "transport/inbound/admission.h"
#include "transport/inbound/refusal.h"
#include "transport/inbound/streamable_state.h"

namespace transport {
namespace {

using proto::HttpRequest;
using proto::Message;
using proto::Method;

}  // namespace

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

}  // namespace transport
