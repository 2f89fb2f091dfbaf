// A server's questions to a client: to whom they go, and what the server hears when they can go to nobody.
//
// On a shared stdio channel nothing says which call a question belongs to. A related task decides; else the
// only session that has calls in flight; else, where only one session has ever been there, that one.
// Otherwise Hearth does not guess: the question is refused, and from then on calls of this server take turns
// by session, so that the next one is certain.
#include <algorithm>
#include <set>

#include "broker/apart.h"
#include "broker/parking.h"
#include "core/limits.h"
#include "face/content.h"
#include "face/legacy_server.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/minted_id.h"

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
  std::string name;  // Of the method.
  Method method = Method::other;
  Mode mode = Mode::none;
  std::string elicitation_id;
};

// What a server hears when nobody can answer. A question that it was told may be asked is answered as a
// person would who closes the window; one that it was not is an error.
std::string declined(Method method, std::string_view raw_id, std::string_view why) {
  if (method == Method::elicitation_create) return proto::result_text(raw_id, R"({"action":"cancel"})");
  const Code code = method == Method::sampling_create_message ? Code::rejected : Code::method_not_found;
  return proto::error_text(raw_id, code, "hearth: " + std::string(why));
}

// Ids are as long as their makers like.
std::string shortened(std::string_view raw_id) {
  constexpr std::size_t most = 40;
  return raw_id.size() <= most ? std::string(raw_id) : std::string(raw_id.substr(0, most)) + "...";
}

// Returns what was said about it.
std::string refuse(State& state, Instance& instance, const Question& question, std::string_view why) {
  const std::string sentence = instance.spec.name + ": declined " + question.name + " (id " +
                               shortened(question.raw_id) + "): " + std::string(why);
  state.log(Severity::info, sentence);
  state.send(instance.id, declined(question.method, question.raw_id, sentence));
  return sentence;
}

Question question_of(const Scanned& message, Method method) {
  Question question{.raw_id = message.of(message.envelope.id),
                    .name = proto::json::unquoted(message.of(message.envelope.method)),
                    .method = method,
                    .elicitation_id = {}};
  if (method != Method::elicitation_create) return question;
  const auto [mode, id] = proto::members(message.of(message.envelope.params), {"mode", "elicitationId"});
  question.mode = Mode::form;
  if (proto::string_in(mode) == "url") {
    question.mode = Mode::url;
    question.elicitation_id = proto::string_in(id).value_or("");
  }
  return question;
}

// The parties that a question without a task may be meant for. No call that is over is among them: while one
// may still be asking, the question waits (endings.cpp).
using Candidates = std::set<Party>;

// Its client has been told what it asks, and has not brought the answers.
bool away(const Call& call) {
  return call.state == CallState::parked || call.state == CallState::returning;
}

template <class F>
void each_that_may_ask(const Instance& instance, F&& f) {
  using enum CallState;
  for (const std::int64_t id : instance.calls.ids_of({sent, parked, returning})) f(*instance.calls.find(id));
}

Candidates candidates(State& state, Instance& instance) {
  Candidates found;
  // Over HTTP the stream may tell.
  const Call* heard_on = instance.calls.find(state.heard_on);
  if (heard_on != nullptr && heard_on->era == proto::Era::modern &&
      (heard_on->state == CallState::sent || away(*heard_on))) {
    return {party_of(*heard_on)};
  }
  // While it waits for answers a call asks nothing further, so these come into question only if no other
  // does.
  std::set<Party> waiting;
  each_that_may_ask(instance, [&](const Call& call) {
    if (call.purpose != core::Purpose::forwarded || !proto::may_ask(call.method)) return;
    const bool asked = away(call) || in_dialog(state, instance, party_of(call));
    if (asked) {
      waiting.insert(party_of(call));
    } else {
      found.insert(party_of(call));
    }
  });
  if (found.empty() && !waiting.empty()) found = std::move(waiting);
  if (found.empty() && instance.sessions_ever == 1 && instance.sessions.size() == 1)
    found.insert({instance.sessions.front()});
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
  if (found.size() != 1 || found.begin()->call == 0) return nullptr;
  return instance.calls.find(found.begin()->call);
}

// It could be a call's that is over, or the one party's that it would go to.
bool is_unsure(State& state, Instance& instance, const Scanned& message, Method method) {
  if (method == Method::roots_list || message.envelope.related_task.present()) return false;
  if (instance.held_questions.size() >= core::limits::asks_per_session) return false;
  const Candidates found = candidates(state, instance);
  if (found.size() != 1) return false;
  // Its own stream tells which call it is about, or the session there is only one.
  const bool told = found.begin()->call != 0 && found.begin()->call == state.heard_on;
  return !told && another_is_ending(state, instance, *found.begin());
}

void become_interactive(State& state, Instance& instance) {
  if (!std::exchange(instance.spec.asks, true))
    state.outbox.push_back(NoteAsks{instance.spec.program, instance.spec.args});
  if (std::exchange(instance.interactive, true)) return;
  const bool split = instance.spec.interactive == core::Interactive::split;
  state.log(Severity::info, instance.spec.name + ": has asked a client something; " +
                                (split ? "further sessions get a process of their own"
                                       : "its calls take turns from now on, so that its next question is "
                                         "certain"));
}

// From its first question on, also for those who start it later. Not because of a read: those are parted
// (shared_answers.cpp). Nor over HTTP: each session has a conversation of its own there, and streams say
// whose call a question belongs to.
void note_asking(State& state, Instance& instance, const Party& party) {
  if (instance.spec.link != core::Link::stdio) return;
  const bool works = instance.calls.any(CallState::sent, [&](const Call& call) {
    return call.purpose == core::Purpose::forwarded && proto::may_ask(call.method) &&
           call.method != Method::resources_read && party_of(call) == party;
  });
  if (works) become_interactive(state, instance);
}

// The calls that a question could belong to, for people.
std::string calls_of(const State& state, const Instance& instance, const Candidates& parties) {
  constexpr std::size_t most = 4;
  std::vector<std::string> named;
  each_that_may_ask(instance, [&](const Call& call) {
    const bool asks = call.purpose == core::Purpose::forwarded && proto::may_ask(call.method) &&
                      parties.contains(party_of(call));
    const Session* session = asks ? state.sessions.find(call.session) : nullptr;
    if (session == nullptr) return;
    std::string one =
        call.method == Method::other ? "the call " : std::string(proto::name_of(call.method)) + ' ';
    one += call.client_id.empty() ? "that waits for its client" : shortened(call.client_id);
    one += " of " + (session->client.empty() ? "a client" : session->client);
    if (session->client_pid != 0) one += " (process " + std::to_string(session->client_pid) + ')';
    named.push_back(std::move(one));
  });
  std::string text;
  for (std::size_t i = 0; i < named.size() && i < most; ++i) {
    const bool last = i + 1 == named.size() && i != 0;
    text += (last ? " or " : i == 0 ? "" : ", ") + named[i];
  }
  if (named.size() > most) text += " or " + std::to_string(named.size() - most) + " more";
  return text;
}

bool asked_already(State& state, const Instance& instance, std::string_view raw_id) {
  for (const core::HeldQuestion& held : instance.held_questions) {
    const auto envelope = proto::scan(held.bytes.text);
    if (envelope && envelope->id.in(held.bytes.text) == raw_id) return true;
  }
  if (state.parks.has_question(instance.id, raw_id)) return true;
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
  const proto::Revision words = face::questions_of(session.revision, session.capabilities, question.method);
  const auto changed = face::question_for(words, question.method, params);
  if (!changed) {
    state.send(instance.id,
               proto::error_text(question.raw_id, Code::invalid_params, "hearth: " + changed.error()));
    return;
  }
  const std::int64_t id = new_ask(state, session, instance,
                                  {.server_id = std::string(question.raw_id),
                                   .method = question.method,
                                   .token = std::string(message.of(message.envelope.progress_token)),
                                   .due = state.now + instance.spec.timing.ask_timeout,
                                   .by_task = message.envelope.related_task.present()});
  proto::Message out(message.bytes);
  if (*changed) {
    out = proto::Message(
        proto::request_text(std::to_string(id), message.of(message.envelope.method), **changed));
  } else {
    out.splice(message.envelope.id, std::to_string(id));
  }
  state.send_about(session.id, std::move(out), concerned_call(state, session, instance));
  dialog_begins(state, instance);
}

std::map<std::int64_t, Ask>::iterator ask_of(Session& session, std::string_view raw_id) {
  const auto id = proto::minted_id(raw_id);
  return id ? session.asks.find(*id) : session.asks.end();
}

void put(State& state, Instance& instance, const Scanned& message, Method method) {
  const Question question = question_of(message, method);
  if (task_asks_modern_client(state, instance, message, method, question.mode)) return;
  const std::string related = proto::json::unquoted(message.of(message.envelope.related_task));
  Call* const modern = related.empty() ? modern_call(state, instance) : nullptr;
  if (method == Method::roots_list && keeps_roots_apart(instance)) {
    const Session* caller = modern != nullptr ? &state.sessions.at(modern->session) : nullptr;
    const bool ask = caller != nullptr && modern->abilities.roots && (caller->many_streams || !caller->roots);
    if (ask) park_ask(state, instance, *modern, message, method);
    return asks_for_common_roots(state, instance, ask ? std::string_view() : question.raw_id);
  }
  if (modern != nullptr && proto::input_request(method) &&
      core::may_be_asked(modern->abilities, method, question.mode)) {
    if (method != Method::roots_list) note_asking(state, instance, party_of(*modern));
    return park_ask(state, instance, *modern, message, method);
  }
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
    if (found.size() > 1) {
      become_interactive(state, instance);
      const std::string said = refuse(state, instance, question,
                                      "it could belong to " + calls_of(state, instance, found) +
                                          "; the calls take turns from now on, so make yours again");
      // No client has seen the question: tell the sessions whose calls it may have come from.
      std::set<SessionId> told;
      for (const Party& party : found) {
        if (told.insert(party.session).second) state.outbox.push_back(TellSession{party.session, said});
      }
      return;
    }
    if (!found.empty()) target = found.begin()->session;
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
    if (related.empty()) note_asking(state, instance, {session->id});
    pass_on(state, *session, instance, message, question);
  }
}

}  // namespace

std::int64_t new_ask(State& state, Session& session, Instance& instance, Ask ask) {
  const std::int64_t id = session.next_ask++;
  if (session.input_ended) ask.due = state.now;
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
  if (asked_already(state, instance, message.of(message.envelope.id))) {
    state.send(instance.id,
               proto::error_text(
                   {}, Code::invalid_request,
                   "hearth: the id of this request belongs to one that is still running; use another"));
    return;
  }
  if (is_unsure(state, instance, message, method)) {
    hold_question(state, instance, message);
  } else {
    put(state, instance, message, method);
  }
  part_reads(state, instance, method);
}

void put_again(State& state, Instance& instance, const Scanned& message, base::Instant until) {
  const Method method = proto::method_of(message.of(message.envelope.method));
  if (state.now < until && is_unsure(state, instance, message, method)) {
    instance.held_questions.push_back({message.bytes, until});
  } else {
    put(state, instance, message, method);
  }
}

void server_cancels_ask(State& state, Instance& instance, const Scanned& message) {
  const proto::Span named = message.envelope.request_id;
  std::erase(instance.roots.waiting, std::string(message.of(named)));
  if (server_cancels_parked(state, instance, message.of(named))) return;
  if (drop_held(instance, message.of(named))) return;
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
  if (session.unsettled) reconsider(state, instance);
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
  answer_in_turn(state, session, instance, std::move(out));
}

void ask_due(State& state, Instance& instance, const Instance::AskDue& due) {
  Session* session = state.sessions.find(due.session);
  const auto found = session != nullptr ? session->asks.find(due.ask) : decltype(session->asks.end()){};
  if (session == nullptr || found == session->asks.end()) return;
  const Ask ask = std::move(found->second);
  session->asks.erase(found);
  const bool ended = session->input_ended;
  state.send(session->id, face::cancelled_notice(std::to_string(due.ask),
                                                 ended ? "the input has ended" : "no answer in time"));
  if (ask.call != 0) {
    round_answered(state, *session, instance, due.ask, ask, {});
  } else if (ask.for_roots()) {
    roots_answered(state, *session, instance, {});
  } else {
    const char* why = ended ? "the client has closed its input and answers nothing more"
                            : "the client did not answer in time";
    answer_in_turn(state, *session, instance, proto::Message(declined(ask.method, ask.server_id, why)));
  }
}

void refuse_asks(State& state, Session& session, Instance& instance) {
  for (const auto& [id, ask] : std::exchange(session.asks, {})) {
    if (!ask.server_id.empty())
      state.send(instance.id, declined(ask.method, ask.server_id, "the session has ended"));
  }
}

void withdraw_asks(State& state, Instance& instance) {
  drop_held_answers(state, instance);
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    for (const auto& [ask_id, ask] : std::exchange(session.asks, {})) {
      state.send(id, face::cancelled_notice(std::to_string(ask_id), "the server has ended"));
    }
  }
  instance.ask_dues.clear();
}

}  // namespace broker
