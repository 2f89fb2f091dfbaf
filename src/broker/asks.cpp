// A server's questions to a client: to whom they go, and what the server hears when they can go to nobody.
//
// On a shared stdio channel nothing says which call a question belongs to. A related task decides; else the
// only session that has calls in flight; else, where only one session has ever been there, that one.
// Otherwise Hearth does not guess: the question is refused, and from then on calls of this server take turns
// by session, so that the next one is certain.
#include <algorithm>
#include <charconv>
#include <set>

#include "broker/state.h"
#include "core/limits.h"
#include "face/content.h"
#include "face/legacy_server.h"
#include "proto/json.h"

namespace broker {
namespace {

using core::Ask;
using core::Call;
using core::CallState;
using core::Instance;
using core::Mode;
using core::Session;
using proto::Code;
using proto::Method;

struct Question {
  std::string_view raw_id;
  Method method = Method::other;
  Mode mode = Mode::none;
  std::string elicitation_id;
};

// What a server hears when nobody can answer. A question that it was told may be asked is answered as a
// person would who closes the window; one that it was not is an error.
void decline(State& state, const Instance& instance, Method method, std::string_view raw_id,
             std::string_view why) {
  if (method == Method::elicitation_create) {
    state.send(instance.id, proto::result_text(raw_id, R"({"action":"cancel"})"));
    return;
  }
  const Code code = method == Method::sampling_create_message ? Code::rejected : Code::method_not_found;
  state.send(instance.id, proto::error_text(raw_id, code, "hearth: " + std::string(why)));
}

void refuse(State& state, Instance& instance, const Question& question, std::string_view why) {
  state.log(Severity::info,
            instance.spec.name + ": a question of the server was declined: " + std::string(why));
  decline(state, instance, question.method, question.raw_id, why);
}

Question question_of(const Scanned& message, Method method) {
  Question question{.raw_id = message.of(message.envelope.id), .method = method, .elicitation_id = {}};
  if (method != Method::elicitation_create) return question;
  const proto::json::Document document = proto::json::parse(message.of(message.envelope.params));
  question.mode = Mode::form;
  if (document.root && document.root->string_or("mode", "form") == "url") {
    question.mode = Mode::url;
    question.elicitation_id = document.root->string_or("elicitationId", "");
  }
  return question;
}

// The sessions that a question without a task may be meant for. A call that was cancelled a moment ago may
// still be asking: that makes a question uncertain, but nobody is asked on behalf of a call that he has given
// up.
struct Candidates {
  std::set<Party> live;
  std::set<Party> all;  // Those with ghosts, too.
};

// Its client has been told what it asks, and has not brought the answers.
bool away(const Call& call) {
  return call.state == CallState::parked || call.state == CallState::returning;
}

Candidates candidates(State& state, Instance& instance) {
  Candidates found;
  // Over HTTP the stream may tell.
  const Call* heard_on = instance.calls.find(state.heard_on);
  if (heard_on != nullptr && heard_on->era == proto::Era::modern &&
      (heard_on->state == CallState::sent || away(*heard_on))) {
    found.live = found.all = {party_of(*heard_on)};
    return found;
  }
  // While it waits for answers a call asks nothing further, so these come into question only if no other
  // does.
  std::set<Party> waiting;
  instance.calls.each([&](const Call& call) {
    if (call.purpose != core::Purpose::forwarded || !proto::may_ask(call.method)) return;
    const bool live = call.state == CallState::sent;
    if (away(call)) waiting.insert(party_of(call));
    if (live) found.live.insert(party_of(call));
    if (live || core::ghost(call, state.now)) found.all.insert(party_of(call));
  });
  if (found.all.empty() && !waiting.empty()) found.live = found.all = std::move(waiting);
  if (found.all.empty() && instance.sessions_ever == 1 && instance.sessions.size() == 1) {
    found.live.insert({instance.sessions.front()});
  }
  return found;
}

// As a client declares it.
std::string required(Method method, Mode mode) {
  if (method == Method::sampling_create_message) return R"({"sampling":{}})";
  if (method == Method::roots_list) return R"({"roots":{}})";
  if (method != Method::elicitation_create) return {};
  return mode == Mode::url ? R"({"elicitation":{"url":{}}})" : R"({"elicitation":{"form":{}}})";
}

// The modern call that a question without a task certainly belongs to.
Call* modern_call(State& state, Instance& instance) {
  const Candidates found = candidates(state, instance);
  if (found.all.size() != 1 || found.live.empty()) return nullptr;
  return found.live.begin()->call != 0 ? instance.calls.find(found.live.begin()->call) : nullptr;
}

void become_interactive(State& state, Instance& instance) {
  if (instance.interactive) return;
  instance.interactive = true;
  const bool split = instance.spec.interactive == core::Interactive::split;
  state.log(
      Severity::warning,
      instance.spec.name + ": asked a question while several sessions had calls in flight; " +
          (split ? "further sessions get a process of their own" : "its calls now take turns by session"));
}

bool asked_already(State& state, const Instance& instance, std::string_view raw_id) {
  for (const auto& [park_id, park] : state.parks.all) {
    if (park.instance == instance.id &&
        std::ranges::find(park.asks, raw_id, &core::ParkedAsk::server_id) != park.asks.end())
      return true;
  }
  for (const SessionId id : instance.sessions) {
    for (const auto& [ask_id, ask] : state.sessions.at(id).asks) {
      if (ask.server_id == raw_id) return true;
    }
  }
  return false;
}

void pass_on(State& state, Session& session, Instance& instance, const Scanned& message,
             const Question& question) {
  if (session.asks.size() >= core::limits::asks_per_session) {
    refuse(state, instance, question, "the session has too many unanswered questions");
    return;
  }
  if (!question.elicitation_id.empty()) {
    core::remember_elicitation(instance, question.elicitation_id, session.id);
  }
  const std::string_view params = message.of(message.envelope.params);
  const auto changed = face::question_for(session.revision, question.method, params);
  if (!changed) {
    state.send(instance.id,
               proto::error_text(question.raw_id, Code::invalid_params, "hearth: " + changed.error()));
    return;
  }
  const std::int64_t id = new_ask(state, session, instance,
                                  {.server_id = std::string(question.raw_id),
                                   .method = question.method,
                                   .token = std::string(message.of(message.envelope.progress_token)),
                                   .due = state.now + instance.spec.timing.ask_timeout});
  proto::Message out(message.bytes);
  if (*changed) {
    out = proto::Message(
        proto::request_text(std::to_string(id), message.of(message.envelope.method), **changed));
  } else {
    out.splice(message.envelope.id, std::to_string(id));
  }
  state.send_about(session.id, std::move(out), concerned_call(state, session, instance));
}

std::map<std::int64_t, Ask>::iterator ask_of(Session& session, std::string_view raw_id) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(raw_id.data(), raw_id.data() + raw_id.size(), id);
  if (error != std::errc() || end != raw_id.data() + raw_id.size()) return session.asks.end();
  return session.asks.find(id);
}

void put(State& state, Instance& instance, const Scanned& message, Method method) {
  const Question question = question_of(message, method);
  if (asked_already(state, instance, question.raw_id)) {
    state.send(instance.id,
               proto::error_text({}, Code::invalid_request,
                                 "hearth: a request re-used the id of one that is still running"));
    return;
  }
  if (task_asks_modern_client(state, instance, message, method, question.mode)) return;
  const std::string related = proto::json::unquoted(message.of(message.envelope.related_task));
  Call* const modern = related.empty() ? modern_call(state, instance) : nullptr;
  if (modern != nullptr && proto::input_request(method) &&
      core::may_be_asked(modern->abilities, method, question.mode))
    return park_ask(state, instance, *modern, message, method);
  if (modern != nullptr && method == Method::roots_list) modern->lacking = required(method, question.mode);
  if (method == Method::roots_list) {
    server_asks_roots(state, instance, question.raw_id);
    return;
  }
  SessionId target;
  if (!related.empty()) {
    const core::Task* task = std::as_const(instance.tasks).find(related);
    if (task == nullptr) {
      refuse(state, instance, question, "it belongs to a task that no session owns");
      return;
    }
    target = task->owner;
  } else {
    const Candidates found = candidates(state, instance);
    if (found.all.size() > 1) {
      become_interactive(state, instance);
      refuse(state, instance, question, "it could be meant for several sessions");
      return;
    }
    if (!found.live.empty()) target = found.live.begin()->session;
    if (modern != nullptr) {
      modern->lacking = required(method, question.mode);
      refuse(state, instance, question, "the client whose call it belongs to cannot answer such questions");
      return;
    }
  }
  Session* session = state.sessions.find(target);
  const bool greeted =
      session != nullptr && (session->phase == core::Phase::answered || session->phase == core::Phase::ready);
  if (!greeted || session->instance != instance.id) {
    refuse(state, instance, question, "no session has a call in flight that it could belong to");
  } else if (!core::may_be_asked(session->capabilities, method, question.mode)) {
    refuse(state, instance, question, "the client of the session cannot answer such questions");
  } else {
    pass_on(state, *session, instance, message, question);
  }
}

}  // namespace

std::int64_t new_ask(State& /*state*/, Session& session, Instance& instance, Ask ask) {
  const std::int64_t id = session.next_ask++;
  instance.ask_dues.insert({ask.due, session.id, id});
  session.asks.emplace(id, std::move(ask));
  return id;
}

void server_ask(State& state, Instance& instance, const Scanned& message, Method method) {
  // A modern one must not, and may not be answered; one that is being stopped is not spoken to any more.
  if (instance.era == proto::Era::modern || instance.life == core::Life::stopping) {
    ++instance.dropped;
    return;
  }
  if (method == Method::ping) {
    state.send(instance.id, proto::result_text(message.of(message.envelope.id), "{}"));
    return;
  }
  put(state, instance, message, method);
  part_reads(state, instance, method);
}

void server_cancels_ask(State& state, Instance& instance, const Scanned& message) {
  const proto::Span named = message.envelope.request_id;
  std::erase(instance.roots.waiting, std::string(message.of(named)));
  if (server_cancels_parked(state, instance, message.of(named))) return;
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    for (auto ask = session.asks.begin(); ask != session.asks.end(); ++ask) {
      if (ask->second.server_id != message.of(named)) continue;
      proto::Message out(message.bytes);
      out.splice(named, std::to_string(ask->first));
      state.send(id, std::move(out));
      session.asks.erase(ask);
      return;
    }
  }
}

void client_answer(State& state, Session& session, Instance& instance, const Scanned& message) {
  const auto found = ask_of(session, message.of(message.envelope.id));
  if (found == session.asks.end()) {
    state.log(Severity::debug, session.server + ": an answer to a question that was not asked was dropped");
    return;
  }
  const std::int64_t id = found->first;
  const Ask ask = std::move(found->second);
  session.asks.erase(found);
  if (ask.call != 0) {
    round_answered(state, session, instance, id, ask, message.of(message.envelope.result));
    return;
  }
  if (ask.for_roots()) {
    roots_answered(state, session, instance, message.of(message.envelope.result));
    return;
  }
  proto::Message out(message.bytes);
  out.splice(message.envelope.id, ask.server_id);
  state.send(instance.id, std::move(out));
}

void ask_due(State& state, Instance& instance, const Instance::AskDue& due) {
  Session* session = state.sessions.find(due.session);
  const auto found = session != nullptr ? session->asks.find(due.ask) : decltype(session->asks.end()){};
  if (session == nullptr || found == session->asks.end()) return;
  const Ask ask = std::move(found->second);
  session->asks.erase(found);
  state.send(session->id, face::cancelled_notice(std::to_string(due.ask), "no answer in time"));
  if (ask.call != 0) {
    round_answered(state, *session, instance, due.ask, ask, {});
  } else if (ask.for_roots()) {
    roots_answered(state, *session, instance, {});
  } else {
    decline(state, instance, ask.method, ask.server_id, "the client did not answer in time");
  }
}

void refuse_asks(State& state, Session& session, Instance& instance) {
  for (const auto& [id, ask] : std::exchange(session.asks, {})) {
    if (!ask.server_id.empty()) decline(state, instance, ask.method, ask.server_id, "the session has ended");
  }
}

void withdraw_asks(State& state, Instance& instance) {
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    for (const auto& [ask_id, ask] : std::exchange(session.asks, {})) {
      state.send(id, face::cancelled_notice(std::to_string(ask_id), "the server has ended"));
    }
  }
  instance.ask_dues.clear();
}

}  // namespace broker
