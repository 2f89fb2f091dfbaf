#include "app/http/session_registry.h"

#include <algorithm>

#include "app/http/registry_entry.h"
#include "base/cases.h"
#include "proto/journal.h"

namespace app {
namespace {

// Bytes queued for a client before the broker holds back what can be held back, and before it gives the
// client up: as for the pipes of others.
constexpr std::size_t queued_soft = std::size_t{256} << 10;
constexpr std::size_t queued_hard = std::size_t{64} << 20;

// Far more than any client says of itself.
constexpr std::size_t initialize_max = std::size_t{64} << 10;

// When a client whose stream broke tries to resume it. The SDKs try twice and then leave the call unanswered:
// a daemon that died has this long, twice, to be there again. Where clients are sent away to poll they are
// told the transport's own time.
constexpr base::Duration retry_after = std::chrono::seconds(3);

proto::HttpAnswer refusal(int status, proto::Code code, std::string_view sentence) {
  return session_refusal(status, {}, code, sentence);
}

}  // namespace

proto::HttpAnswer session_refusal(int status, std::string_view raw_id, proto::Code code,
                                  std::string_view sentence) {
  return proto::json_answer(status, proto::error_text(raw_id, code, "hearth: " + std::string(sentence)));
}

SessionRegistry::SessionRegistry(Hands hands, std::string directory, HttpSettings settings)
    : hands_(std::move(hands)), files_(std::move(directory)), settings_(std::move(settings)) {}

SessionRegistry::~SessionRegistry() = default;

std::optional<SessionRegistry::Target> SessionRegistry::target_of(const proto::HttpRequest& request,
                                                                  proto::HttpAnswer& refused) const {
  Target target;
  target.streamable = request.path.starts_with("/mcp/");
  target.server = proto::percent_decoded(std::string_view(request.path).substr(5));
  proto::query_value(request.query, "project", target.project);
  proto::query_value(request.query, "session", target.post_id);
  if (target.server.empty() || target.server.contains('/')) {
    refused = proto::problem(404, "there is no " + request.path + "; a server is at /mcp/NAME or /sse/NAME");
    return std::nullopt;
  }
  if (!target.project.empty() && !target.project.starts_with('/')) {
    refused = proto::problem(
        400, "\"project\" must be the absolute path of a directory, not \"" + target.project + '"');
    return std::nullopt;
  }
  return target;
}

void SessionRegistry::request(transport::ExchangeId exchange, proto::HttpRequest request,
                              const std::string& caller, base::Instant now) {
  proto::HttpAnswer refused;
  const std::optional<Target> target = target_of(request, refused);
  if (!target) {
    hands_.front.answer(exchange, refused);
  } else if (target->streamable) {
    streamable(exchange, std::move(request), *target, caller, now);
  } else {
    sse(exchange, std::move(request), *target, caller, now);
  }
}

void SessionRegistry::streamable(transport::ExchangeId exchange, proto::HttpRequest request,
                                 const Target& target, const std::string& caller, base::Instant now) {
  transport::Judgement judgement = transport::judge(request);
  if (const auto* answer = std::get_if<proto::HttpAnswer>(&judgement))
    return hands_.front.answer(exchange, *answer);
  if (auto* call = std::get_if<transport::ModernCall>(&judgement))
    return at_desk(exchange, std::move(*call), target, caller, now);
  const std::string public_id(request.fields.get("mcp-session-id"));
  Session* session = public_id.empty() ? nullptr : find(public_id, target, caller);
  if (session != nullptr && begins_anew(*session, request)) {
    if (!std::get<transport::StreamableServer>(session->transport).connected()) end(*session);
    session = nullptr;
  }
  if (session == nullptr) {
    transport::Admission admission = transport::admit(request);
    if (const auto* answer = std::get_if<proto::HttpAnswer>(&admission)) {
      const auto unknown = [] { return refusal(404, proto::Code{-32001}, "Session not found"); };
      return hands_.front.answer(exchange, public_id.empty() ? *answer : unknown());
    }
    session = open(exchange, target, caller, now);
    if (session == nullptr) return;
  }
  begin(*session, exchange);
  std::get<transport::StreamableServer>(session->transport).request(exchange, std::move(request), now);
  settle(*session, now);
}

// A client that starts its conversation again may still send the id of the session that it had before.
bool SessionRegistry::begins_anew(const Session& session, const proto::HttpRequest& request) {
  const bool streamable = std::holds_alternative<transport::StreamableServer>(session.transport);
  const bool likely = request.body.size() <= initialize_max && request.body.contains("\"initialize\"");
  return streamable && likely && std::holds_alternative<transport::NewSession>(transport::admit(request));
}

void SessionRegistry::begin(Session& session, transport::ExchangeId exchange) {
  by_exchange_[exchange] = session.id;
  session.exchanges.push_back(exchange);
  session.ends_at.reset();
  if (std::exchange(session.away, false)) hands_.feed(broker::SessionBack{session.id});
}

SessionRegistry::Session* SessionRegistry::open(transport::ExchangeId exchange, const Target& target,
                                                const std::string& caller, base::Instant now) {
  std::optional<core::ServerSpec> spec = admitted(exchange, target);
  if (!spec) return nullptr;
  const std::string public_id = SessionFiles::new_id();
  SessionRecord record{
      .server = target.server, .project = target.project, .caller = caller, .revision = {}, .sse_client = {}};
  auto page = keep(public_id, record, now);
  auto session = std::make_unique<Session>(public_id, std::move(record),
                                           transport::StreamableServer(options(public_id)), std::move(page));
  return &announce(std::move(session), std::move(*spec));
}

// What is to be run for a new session; if there cannot be one, the exchange has been answered.
std::optional<core::ServerSpec> SessionRegistry::admitted(transport::ExchangeId exchange,
                                                          const Target& target) {
  auto spec = hands_.resolve(target.server, target.project);
  if (!spec) {
    hands_.front.answer(exchange, refusal(404, proto::Code::invalid_request, spec.error().what));
    return std::nullopt;
  }
  if (make_room()) return std::move(*spec);
  hands_.front.answer(exchange, refusal(503, proto::Code::internal_error,
                                        "too many sessions (limit " + std::to_string(sessions_max) +
                                            "), and a client is connected to each; close some of the "
                                            "clients (hearth status lists them)"));
  return std::nullopt;
}

bool SessionRegistry::make_room() {
  if (by_public_id_.size() < sessions_max) return true;
  return end_longest_away([](const Session& session) { return !session.is_desk(); });
}

// Many clients never say that they are done, so the session that has been away longest is forgotten.
bool SessionRegistry::end_longest_away(const std::function<bool(const Session&)>& among) {
  Session* longest = nullptr;
  sessions_.each([&](Session& session) {
    if (!session.ends_at || session.over || !among(session)) return;
    if (longest == nullptr || *session.ends_at < *longest->ends_at) longest = &session;
  });
  if (longest == nullptr) return false;
  end(*longest);
  return true;
}

// From here on nobody finds it; the broker closes it.
void SessionRegistry::end(Session& session) {
  if (std::exchange(session.over, true)) return;
  by_public_id_.erase(session.public_id);
  desks_.forget(session.id);
  hands_.feed(broker::SessionClosed{session.id});
}

transport::StreamableOptions SessionRegistry::options(const std::string& public_id) const {
  transport::StreamableOptions chosen;
  chosen.session_id = public_id;
  if (!settings_.poll_after) chosen.retry = retry_after;
  chosen.stream_after = settings_.stream_after;
  chosen.poll_after = settings_.poll_after;
  return chosen;
}

SessionRegistry::Session& SessionRegistry::announce(std::unique_ptr<Session> session, core::ServerSpec spec) {
  const core::SessionId id = hands_.admit();
  session->id = id;
  if (!session->is_desk()) by_public_id_[session->public_id] = id;
  const std::span<std::byte> journal = session->page ? session->page->bytes() : std::span<std::byte>();
  Session& announced = sessions_.put(id, std::move(session));
  // Sessions by the local socket belong to this user, like those on stdio: their principal is empty.
  std::string principal = announced.record.caller == local_caller ? std::string() : announced.record.caller;
  hands_.feed(broker::SessionOpened{id, std::move(spec), journal, 0, true, std::move(principal)});
  return announced;
}

SessionRegistry::Session* SessionRegistry::find(const std::string& public_id, const Target& target,
                                                const std::string& caller) {
  const auto known = by_public_id_.find(public_id);
  if (known == by_public_id_.end()) return find_kept(public_id, target, caller);
  Session* session = sessions_.find(known->second);
  if (session == nullptr || session->record.server != target.server || session->record.caller != caller)
    return nullptr;
  const bool right_way =
      target.streamable == std::holds_alternative<transport::StreamableServer>(session->transport);
  return right_way ? session : nullptr;
}

void SessionRegistry::gone(transport::ExchangeId exchange, base::Instant now) {
  const auto known = by_exchange_.find(exchange);
  if (known == by_exchange_.end()) return;
  Session* session = sessions_.find(known->second);
  by_exchange_.erase(known);
  if (session == nullptr) return;
  std::erase(session->exchanges, exchange);
  session->with([&](auto& transport) { transport.gone(exchange, now); });
  settle(*session, now);
}

void SessionRegistry::each(
    const std::function<void(core::SessionId, const std::string&, const std::string&)>& visit) const {
  sessions_.each([&](const Session& session) {
    if (!session.over) visit(session.id, session.record.server, session.record.project);
  });
}

void SessionRegistry::send(broker::SendToSession& action, base::Instant now) {
  Session* session = sessions_.find(action.session);
  if (session == nullptr) return;
  if (auto* streamable = std::get_if<transport::StreamableServer>(&session->transport)) {
    streamable->send(action.message, action.concerns, now);
  } else if (auto* desk = std::get_if<transport::Desk>(&session->transport)) {
    desk->send(action.message, action.concerns, now);
  } else {
    std::get<transport::SseServer>(session->transport).send(action.message, now);
  }
  // From here on it is the event log that owes it.
  if (action.ends_call && session->page) proto::Journal(session->page->bytes()).call_ended(*action.ends_call);
  settle(*session, now);
}

void SessionRegistry::hold(core::SessionId id) {
  if (Session* session = sessions_.find(id)) session->with([](auto& transport) { transport.hold(); });
}

void SessionRegistry::release(core::SessionId id, base::Instant now) {
  Session* session = sessions_.find(id);
  if (session == nullptr) return;
  session->with([&](auto& transport) { transport.release(now); });
  settle(*session, now);
}

// Does what the transport has left to do, which may leave more.
void SessionRegistry::settle(Session& session, base::Instant now) {
  const core::SessionId id = session.id;
  while (!session.with([](auto& transport) -> bool { return transport.outbox().empty(); })) {
    std::vector<transport::Output> outputs;
    session.with([&](auto& transport) { std::swap(outputs, transport.outbox()); });
    for (transport::Output& output : outputs) carry_out(session, output);
    if (sessions_.find(id) == nullptr) return;
  }
  note_use(session, now);
  put_on_agenda(session);
}

// What has moved to a later time is noticed when the earlier one comes.
void SessionRegistry::put_on_agenda(Session& session) {
  std::optional<base::Instant> due = session.with([](auto& transport) { return transport.deadline(); });
  if (session.ends_at && !session.over && (!due || *session.ends_at < *due)) due = session.ends_at;
  if (!due || (session.on_agenda && *session.on_agenda <= *due)) return;
  agenda_.move(session.id, std::exchange(session.on_agenda, due), due);
}

void SessionRegistry::carry_out(Session& session, transport::Output& output) {
  const auto finished = [&](transport::ExchangeId exchange) {
    by_exchange_.erase(exchange);
    std::erase(session.exchanges, exchange);
  };
  std::visit(
      base::Cases{
          [&](transport::Deliver& deliver) {
            const std::size_t length = deliver.message.size();
            hands_.feed(broker::SessionLine{session.id,
                                            {.bytes = std::move(deliver.message), .length = length, .id = {}},
                                            deliver.envelope});
          },
          [&](transport::Answer& answer) {
            hands_.front.answer(answer.exchange, std::move(answer.answer));
            finished(answer.exchange);
          },
          [&](transport::AnswerMessage& answer) {
            hands_.front.answer(answer.exchange, answer.fields, std::move(answer.message));
            finished(answer.exchange);
          },
          [&](transport::BeginStream& begin) { hands_.front.begin_stream(begin.exchange, begin.fields); },
          [&](transport::StreamText& text) {
            hands_.front.stream(text.exchange, std::move(text.text));
            if (!std::exchange(session.queueing, true)) queueing_.push_back(session.id);
          },
          [&](transport::EndStream& end) {
            hands_.front.end_stream(end.exchange);
            finished(end.exchange);
          },
          [&](transport::Over&) { end(session); },
      },
      output);
}

void SessionRegistry::close(core::SessionId id) {
  std::unique_ptr<Session> session = sessions_.take(id);
  if (session == nullptr) return;
  by_public_id_.erase(session->public_id);
  agenda_.move(id, session->on_agenda, std::nullopt);
  desks_.forget(id);
  for (const transport::ExchangeId exchange : session->exchanges) {
    by_exchange_.erase(exchange);
    hands_.front.drop(exchange);
  }
  // A client of HTTP+SSE whose connection broke may open another.
  const bool may_return = session->over && std::holds_alternative<transport::SseServer>(session->transport);
  if (session->page && may_return) files_.update(session->public_id, session->record);
  if (session->page && !may_return) files_.forget(session->public_id);
  if (!session->is_desk()) return;
  const SessionRecord record = std::move(session->record);
  session.reset();
  desks_.give_back_params(record.server, record.project);
}

void SessionRegistry::report_queues(base::Instant now) {
  std::vector<broker::Event> news;
  std::vector<transport::ExchangeId> stuck;
  std::erase_if(queueing_, [&](core::SessionId id) {
    Session* session = sessions_.find(id);
    if (session == nullptr) return true;
    std::size_t queued = 0;
    for (const transport::ExchangeId exchange : session->exchanges)
      queued += hands_.front.queued_bytes(exchange);
    if (session->is_desk()) {
      note_stuck(*session, stuck);
    } else if (queued > queued_hard) {
      news.push_back(broker::SessionOverflowed{id, queued});
    } else if (queued > queued_soft && !session->congested) {
      session->congested = true;
      news.push_back(broker::SessionBlocked{id});
    } else if (queued == 0 && session->congested) {
      session->congested = false;
      news.push_back(broker::SessionUnblocked{id});
    }
    session->queueing = queued > 0;
    return !session->queueing;
  });
  for (broker::Event& event : news) hands_.feed(std::move(event));
  for (const transport::ExchangeId exchange : stuck) {
    hands_.front.drop(exchange);
    gone(exchange, now);
  }
}

std::optional<base::Instant> SessionRegistry::deadline() const {
  const std::optional<base::Instant> first = agenda_.first();
  return first && look_at_ ? std::min(*first, *look_at_) : first ? first : look_at_;
}

void SessionRegistry::tick(base::Instant now) {
  if (look_at_ && now >= *look_at_) look_through_files(now);
  // What they put on the agenda meanwhile is for the next time.
  for (const core::SessionId id : agenda_.due(now)) {
    Session* session = sessions_.find(id);
    if (session == nullptr) continue;
    agenda_.move(id, std::exchange(session->on_agenda, std::nullopt), std::nullopt);
    if (session->ends_at && *session->ends_at <= now && !session->over) {
      end(*session);
      continue;
    }
    session->with([&](auto& transport) { transport.tick(now); });
    settle(*session, now);
  }
}

}  // namespace app
