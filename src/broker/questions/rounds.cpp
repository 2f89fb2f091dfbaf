// A modern server that wants to know something first: its legacy client is asked, as by a legacy server, and
// the call is made again with the answers.
#include "broker/calls/calls.h"
#include "broker/calls/one_call.h"
#include "broker/questions/questions.h"
#include "core/limits.h"
#include "face/content.h"
#include "face/to_modern_server.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Ask;
using core::Call;
using core::CallState;
using core::Instance;
using core::Round;
using core::Session;
using proto::Method;

// A failed tool is for the model to see; whatever else fails is for the client. So is a call that was to
// become a task: its client expects a task, or an error.
void give_up(State& state, Instance& instance, core::CallId wire_id, std::string_view sentence) {
  const Call* call = instance.calls.find(wire_id);
  const bool wants_task = call->task && instance.known.offers_tasks;
  if (call->method == Method::tools_call && !wants_task) {
    const std::string whole = "hearth: server " + instance.spec.name + ": " + std::string(sentence);
    answer(state, instance, wire_id, face::failed_call(whole));
  } else {
    fail(state, instance, wire_id, error_about(instance, sentence, false));
  }
}

// What 2025-11-25 requires and 2026-07-28 has not.
std::string params_for_client(const face::InputRequest& request, core::AskId ask) {
  if (request.mode != core::Mode::url) return request.params;
  return proto::with_members(request.params, R"("elicitationId":"hearth-)" + ask.text() + '"',
                             {"elicitationId"});
}

void ask_client(State& state, Session& session, Instance& instance, const Call& call, Round& round,
                const face::InputRequest& request) {
  const core::AskId id = new_ask(state, session, instance,
                                 {.server_id = {},
                                  .method = request.method,
                                  .token = {},
                                  .call = call.wire_id,
                                  .due = state.now + instance.spec.timing.ask_timeout});
  round.pending[id] = request.key;
  state.send_about(session.id,
                   proto::Message(proto::request_text(id.text(), proto::name_of(request.method),
                                                      params_for_client(request, id))),
                   session.many_streams ? call.client_id : std::string());
}

}  // namespace

// The same call under a new id.
void make_again(State& state, Instance& instance, core::CallId wire_id) {
  const Round round = std::move(instance.rounds.at(wire_id));
  instance.rounds.erase(wire_id);
  if (waits_for_others(state, instance, *instance.calls.find(wire_id))) {
    Round& held = instance.rounds[wire_id] = round;
    held.due.reset();
    held.waits = true;
    return;
  }
  Call taken = instance.calls.take(wire_id);
  Session& session = state.sessions.at(taken.session);
  session.calls.erase(taken.client_id, wire_id);
  Call& call = instance.calls.insert(std::move(taken), core::Sent{});
  session.calls.insert(call.client_id, call.wire_id);
  if (auto held = session.held_back.progress.extract(wire_id)) {
    held.key() = call.wire_id;
    session.held_back.progress.insert(std::move(held));
  }
  call.level = session.level;
  instance.rounds[call.wire_id] = {
      .count = round.count, .state = {}, .pending = {}, .answers = {}, .due = {}, .waits = false};
  const auto envelope = proto::scan(call.original.text);
  ensure(envelope.has_value());
  const Scanned original{call.original, *envelope};
  const std::string number = call.wire_id.text();
  const std::string responses = round.answers.empty() ? std::string() : '{' + round.answers + '}';
  const face::Extra extra{.claim = session.claim,
                          .token = call.token.empty() ? std::string_view() : number,
                          .level = session.level,
                          .responses = responses,
                          .request_state = round.state};
  state.send(instance.id, proto::request_text(number, original.of(envelope->method),
                                              face::modern_params(original.of(envelope->params), extra)));
}

void begin_round(State& state, Instance& instance, Call& call, const Scanned& message) {
  const core::CallId wire_id = call.wire_id;
  Session& session = state.sessions.at(call.session);
  auto wanted = face::read_input_required(message.of(message.envelope.result));
  if (!wanted) return give_up(state, instance, wire_id, wanted.error());
  if (!proto::may_ask(call.method))
    return give_up(state, instance, wire_id, "asked for input where the protocol allows no questions");
  Round& round = instance.rounds[wire_id];
  round.due.reset();
  if (++round.count > core::limits::rounds_most) {
    return give_up(state, instance, wire_id,
                   "asked for input more than " + std::to_string(core::limits::rounds_most) + " times");
  }
  for (face::InputRequest& request : wanted->requests) {
    const proto::Revision words = face::questions_of(session.revision, session.capabilities, request.method);
    const auto changed = face::question_for(words, request.method, request.params);
    if (!changed) return give_up(state, instance, wire_id, "asked for input, but " + changed.error());
    if (*changed) request.params = **changed;
    if (!core::may_be_asked(session.capabilities, request.method, request.mode))
      return give_up(state, instance, wire_id, "asked for input that the client has not said it can give");
  }
  round.state = wanted->state;
  if (wanted->requests.empty()) round.due = state.now + core::limits::round_pause;
  ask_in_round(state, instance, call, wanted->requests);
}

void ask_in_round(State& state, Instance& instance, Call& call,
                  const std::vector<face::InputRequest>& requests) {
  Session& session = state.sessions.at(call.session);
  Round& round = instance.rounds[call.wire_id];
  if (call.state != CallState::following) instance.calls.become(call, core::Asking{});
  round.answers.clear();
  for (const face::InputRequest& request : requests)
    ask_client(state, session, instance, call, round, request);
}

std::optional<std::string> round_answered(State& state, Instance& instance, core::AskId ask, const Ask& what,
                                          std::string_view raw_result) {
  const auto found = instance.rounds.find(*what.call);
  if (found == instance.rounds.end()) return std::nullopt;
  Round& round = found->second;
  const auto pending = round.pending.find(ask);
  if (pending == round.pending.end()) return std::nullopt;
  const std::string result = raw_result.empty() ? face::unanswered(what.method) : std::string(raw_result);
  if (result.empty()) {
    give_up(state, instance, *what.call, "asked for input, and the client gave none");
    return std::nullopt;
  }
  if (!round.answers.empty()) round.answers += ',';
  round.answers.append("\"").append(pending->second).append("\":").append(result);
  round.pending.erase(pending);
  if (!round.pending.empty()) return std::nullopt;
  return '{' + round.answers + '}';
}

void rounds_go_on(State& state, Instance& instance) {
  std::vector<core::CallId> held;
  for (const auto& [call, round] : instance.rounds) {
    if (round.waits) held.push_back(call);
  }
  for (const core::CallId call : held) make_again(state, instance, call);
}

std::optional<base::Instant> rounds_deadline(const Instance& instance) {
  std::optional<base::Instant> first;
  for (const auto& [call, round] : instance.rounds) {
    if (round.due && (!first || *round.due < *first)) first = round.due;
  }
  return first;
}

void rounds_tick(State& state, Instance& instance) {
  std::vector<core::CallId> due;
  for (const auto& [call, round] : instance.rounds) {
    if (round.due && *round.due <= state.now) due.push_back(call);
  }
  for (const core::CallId call : due) make_again(state, instance, call);
}

}  // namespace broker
