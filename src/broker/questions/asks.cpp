// Questions of a legacy server that are put to a client, and how the server hears that nobody answers.
#include "broker/questions/asks.h"

#include "broker/calls/calls.h"
#include "broker/questions/questions.h"
#include "core/limits.h"
#include "face/content.h"
#include "face/to_legacy_server.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Ask;
using core::Instance;
using core::Mode;
using core::Session;
using proto::Code;
using proto::Method;

core::AskId new_ask(State& state, Session& session, Instance& instance, Ask ask) {
  // Its client answers by the id alone.
  Session& of_client = session.remnant_of ? state.sessions.at(*session.remnant_of) : session;
  const core::AskId id = of_client.next_ask++;
  if (session.input_ended) ask.due = state.now;
  instance.times.ask_dues.insert({ask.due, session.id, id});
  session.asks.emplace(id, std::move(ask));
  return id;
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
      state.send(id, face::cancelled_notice(ask_id.text(), "the server has ended"));
    }
  }
  instance.times.ask_dues.clear();
}

std::string declined(Method method, std::string_view raw_id, std::string_view why) {
  if (method == Method::elicitation_create) return proto::result_text(raw_id, R"({"action":"cancel"})");
  const Code code = method == Method::sampling_create_message ? Code::rejected : Code::method_not_found;
  return proto::error_text(raw_id, code, "hearth: " + std::string(why));
}

std::string shortened(std::string_view raw_id) {
  constexpr std::size_t most = 40;
  return raw_id.size() <= most ? std::string(raw_id) : std::string(raw_id.substr(0, most)) + "...";
}

std::string decline(State& state, Instance& instance, const Question& question, std::string_view why) {
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

void pass_on(State& state, Session& session, Instance& instance, const Scanned& message,
             const Question& question) {
  const std::size_t bytes = question.raw_id.size() + message.of(message.envelope.progress_token).size();
  if (const auto full = session.account.full(core::Kept::question, {1, bytes})) {
    decline(state, instance, question, full->text());
    return;
  }
  if (!question.elicitation_id.empty()) {
    core::remember_elicitation(instance.talk, question.elicitation_id, session.id);
  }
  const std::string_view params = message.of(message.envelope.params);
  const proto::Revision words = face::questions_of(session.revision, session.capabilities, question.method);
  const auto changed = face::question_for(words, question.method, params);
  if (!changed) {
    state.send(instance.id,
               proto::error_text(question.raw_id, Code::invalid_params, "hearth: " + changed.error()));
    return;
  }
  const core::AskId id = new_ask(state, session, instance,
                                 {.server_id = std::string(question.raw_id),
                                  .method = question.method,
                                  .token = std::string(message.of(message.envelope.progress_token)),
                                  .due = state.now + instance.spec.timing.ask_timeout,
                                  .by_task = message.envelope.related_task.present(),
                                  .charge = session.account.charge(core::Kept::question, bytes)});
  proto::Message out(message.bytes);
  if (*changed) {
    out = proto::Message(proto::request_text(id.text(), message.of(message.envelope.method), **changed));
  } else {
    out.splice(message.envelope.id, id.text());
  }
  state.send_about(session.id, std::move(out), concerned_call(state, session, instance));
  dialog_begins(state, instance);
}

}  // namespace broker
