// A server's questions to a client: to whom they go, and what the server hears when they can go to nobody.
//
// On a shared stdio channel nothing says which call a question belongs to. A related task decides; else the
// only session that has calls in flight; else, where only one session has ever been there, that one.
// Otherwise Hearth does not guess: the question is refused, and from then on calls of this server take turns
// by session, so that the next one is certain.
#include <set>

#include "broker/calls/calls.h"
#include "broker/questions/asks.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::CallState;
using core::Instance;
using core::Mode;
using core::Session;
using proto::Code;
using proto::Method;

namespace {

// The parties that a question without a task may be meant for. No call that is over is among them: while one
// may still be asking, the question waits (held_questions.cpp).
using Candidates = std::set<Party>;

// Its client has been told what it asks, and has not brought the answers.
bool away(const Call& call) {
  return call.state == CallState::parked || call.state == CallState::returning;
}

template <class F>
void each_that_may_ask(const Instance& instance, F&& f) {
  using enum CallState;
  for (const core::CallId id : instance.calls.ids_of({sent, parked, returning})) f(*instance.calls.find(id));
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
  if (found.size() != 1 || !found.begin()->call) return nullptr;
  return instance.calls.find(found.begin()->call);
}

// It could be a call's that is over, or the one party's that it would go to.
bool is_unsure(State& state, Instance& instance, const Scanned& message, Method method) {
  if (method == Method::roots_list || message.envelope.related_task.present()) return false;
  if (instance.talk.held_questions.size() >= core::limits::asks_per_session) return false;
  const Candidates found = candidates(state, instance);
  if (found.size() != 1) return false;
  // Its own stream tells which call it is about, or the session there is only one.
  const bool told = found.begin()->call && found.begin()->call == state.heard_on;
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
// (calls/shared_answers.cpp). Nor over HTTP: each session has a conversation of its own there, and streams
// say whose call a question belongs to.
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
  for (const core::HeldQuestion& held : instance.talk.held_questions) {
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
    const core::Task* task = std::as_const(instance.talk.tasks).find(related);
    if (task == nullptr) {
      decline(state, instance, question, "it belongs to a task that no session owns");
      return;
    }
    target = task->owner;
  } else {
    const Candidates found = candidates(state, instance);
    if (found.size() > 1) {
      become_interactive(state, instance);
      const std::string said = decline(state, instance, question,
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
      decline(state, instance, question, "the client whose call it belongs to cannot answer such questions");
      return;
    }
  }
  Session* session = state.sessions.find(target);
  const bool greeted =
      session != nullptr && (session->phase == core::Phase::answered || session->phase == core::Phase::ready);
  if (!greeted || session->instance != instance.id) {
    decline(state, instance, question, "no session has a call in flight that it could belong to");
  } else if (!core::may_be_asked(session->capabilities, method, question.mode)) {
    decline(state, instance, question, "the client of the session cannot answer such questions");
  } else {
    if (related.empty()) note_asking(state, instance, {session->id});
    pass_on(state, *session, instance, message, question);
  }
}

}  // namespace

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
    instance.talk.held_questions.push_back({message.bytes, until});
  } else {
    put(state, instance, message, method);
  }
}

}  // namespace broker
