// What clients answer to questions, or do not answer in time, and what servers take back.
#include "broker/calls/calls.h"
#include "broker/questions/asks.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "face/to_legacy_server.h"
#include "proto/minted_id.h"

namespace broker {

using core::Ask;
using core::Instance;
using core::Session;

namespace {

// All that the server wanted to know for the call or its task is there.
void go_on(State& state, Instance& instance, const Ask& ask, const std::optional<std::string>& answers) {
  if (answers && !answers_task(state, instance, *ask.call, *answers)) make_again(state, instance, *ask.call);
}

std::map<core::AskId, Ask>::iterator ask_of(Session& session, std::string_view raw_id) {
  const auto id = proto::minted_id(raw_id);
  return id ? session.asks.find(core::AskId(*id)) : session.asks.end();
}

}  // namespace

void client_answer(State& state, Session& session, Instance& instance, const Scanned& message) {
  const auto found = ask_of(session, message.of(message.envelope.id));
  if (found == session.asks.end()) {
    state.log(Severity::debug, session.server + ": an answer to a question that was not asked was dropped");
    return;
  }
  const core::AskId id = found->first;
  const Ask ask = std::move(found->second);
  session.asks.erase(found);
  if (session.unsettled) reconsider(state, instance);
  if (ask.call) {
    go_on(state, instance, ask,
          round_answered(state, instance, id, ask, message.of(message.envelope.result)));
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

void ask_due(State& state, Instance& instance, const core::Times::AskDue& due) {
  Session* session = state.sessions.find(due.session);
  const auto found = session != nullptr ? session->asks.find(due.ask) : decltype(session->asks.end()){};
  if (session == nullptr || found == session->asks.end()) return;
  const Ask ask = std::move(found->second);
  session->asks.erase(found);
  if (session->unsettled) reconsider(state, instance);
  const bool ended = session->input_ended;
  state.send(session->id,
             face::cancelled_notice(due.ask.text(), ended ? "the input has ended" : "no answer in time"));
  if (ask.call) {
    go_on(state, instance, ask, round_answered(state, instance, due.ask, ask, {}));
  } else if (ask.for_roots()) {
    // One that is about to end needs no server of its own.
    const bool going = ended && session->calls.size() == 0;
    if (going && keeps_roots_apart(instance)) return settle_roots(state, instance);
    roots_answered(state, *session, instance, {});
  } else {
    const char* why = ended ? "the client has closed its input and answers nothing more"
                            : "the client did not answer in time";
    answer_in_turn(state, *session, instance, proto::Message(declined(ask.method, ask.server_id, why)));
  }
}

void server_cancels_ask(State& state, Instance& instance, const Scanned& message) {
  const proto::Span named = message.envelope.request_id;
  std::erase(instance.talk.roots.waiting, std::string(message.of(named)));
  if (server_cancels_parked(state, instance, message.of(named))) return;
  if (drop_held(instance, message.of(named))) return;
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    for (auto ask = session.asks.begin(); ask != session.asks.end(); ++ask) {
      if (ask->second.server_id != message.of(named)) continue;
      proto::Message out(message.bytes);
      out.splice(named, ask->first.text());
      state.send(id, std::move(out));
      session.asks.erase(ask);
      if (session.unsettled) reconsider(state, instance);
      return;
    }
  }
}

}  // namespace broker
