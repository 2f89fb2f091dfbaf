// Calls: filed under an id of ours, sent when the server can take them, answered under the client's own id.
#include "broker/calls/calls.h"

#include "broker/calls/effects.h"
#include "broker/calls/waiting.h"
#include "broker/life/life.h"
#include "core/limits.h"
#include "face/tasks.h"
#include "face/to_modern_client.h"
#include "face/to_modern_server.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Purpose;
using core::Session;
using proto::Message;
using proto::Span;

// More than a client does to find out what there is.
bool uses_the_server(proto::Method method) {
  return !proto::lists(method) && method != proto::Method::server_discover &&
         method != proto::Method::subscriptions_listen && method != proto::Method::logging_set_level;
}

constexpr std::size_t long_names = 1024;  // Bytes. Shorter ones are bounded by the number of calls.

Call& file(State& state, Session& session, Instance& instance, const Scanned& message, proto::Method method,
           const Asked& asked) {
  const std::string_view id = message.of(message.envelope.id);
  Call& call = instance.calls.insert({.wire_id = {},
                                      .session = session.id,
                                      .state = {},
                                      .method = method,
                                      .task = message.envelope.task && asked.era == proto::Era::legacy,
                                      .era = asked.era,
                                      .abilities = asked.abilities,
                                      .level = asked.level,
                                      .lacking = {},
                                      .client_id = std::string(id),
                                      .token = std::string(message.of(message.envelope.progress_token)),
                                      .uri = proto::json::unquoted(message.of(message.envelope.task_id)),
                                      .tool = {},
                                      .original = {},
                                      .charge = {},
                                      .journal_slot = note_call(state, session, id)});
  // A client may give names as long as a message.
  const std::size_t names = call.client_id.size() + call.token.size() + call.uri.size();
  if (names > long_names) call.charge = session.account.charge(core::Kept::request, names);
  session.calls.insert(id, call.wire_id);
  session.has_called |= uses_the_server(method);
  if (has_many_calls(session)) pause(state, session, core::Pause::calls);
  return call;
}

void refuse_canceller(State& state, Session& session, const Instance& instance, const Scanned& message,
                      const core::Full& full) {
  const std::string_view id = message.of(message.envelope.id);
  const std::string sentence = "may still be running calls that were cancelled a moment ago: " + full.text() +
                               "; make the call again in half a minute";
  state.reply(session, id, proto::error_text(id, error_about(instance, sentence, true)));
}

}  // namespace

bool has_many_calls(const Session& session) {
  return session.calls.size() >= core::limits::calls_per_session || session.account.over(core::Kept::request);
}

void reads_again(State& state, Session& session) {
  if (session.calls.size() < core::limits::calls_per_session_resume && !has_many_calls(session))
    resume(state, session, core::Pause::calls);
}

void keep_request(State& state, Call& call, const base::Bytes& request) {
  Session& session = state.sessions.at(call.session);
  call.original = request;
  call.charge = session.account.charge(core::Kept::request, request.text.size());
  if (has_many_calls(session)) pause(state, session, core::Pause::calls);
}

void send_now(State& state, Instance& instance, Call& call, const Scanned& message) {
  const core::CallId wire_id = call.wire_id;
  instance.calls.become(call, core::Sent{});
  ++instance.calls_total;
  instance.use.last = state.now;
  call.effect = may_have_effect(instance, call, message);
  if (call.effect) effect_noted(state, instance);
  if (call.level && instance.era == proto::Era::legacy) level_step(state, instance);
  // level_step() may insert a call and move this one; look it up again.
  state.send(instance.id, for_server(state, instance, *instance.calls.find(wire_id), message));
}

namespace {

bool knows_tasks(proto::Method method) {
  return method == proto::Method::tools_call || method == proto::Method::tasks_get ||
         method == proto::Method::tasks_cancel;
}

Message to_modern_server(State& state, const Instance& instance, Call& call, const Scanned& message,
                         const std::string& number) {
  const Session& session = state.sessions.at(call.session);
  keep_request(state, call, message.bytes);
  call.level = session.level;
  const bool tasks = instance.known.offers_tasks && knows_tasks(call.method);
  const std::string claim = tasks ? face::claim_with_tasks(session.claim) : session.claim;
  const face::Extra extra{.claim = claim,
                          .token = call.token.empty() ? std::string_view() : number,
                          .level = session.level,
                          .responses = {},
                          .request_state = {}};
  return Message(proto::request_text(number, message.of(message.envelope.method),
                                     face::modern_params(message.of(message.envelope.params), extra)));
}

}  // namespace

namespace {

bool becomes_task(const Instance& instance, const Call& call, std::string_view raw_params) {
  if (!instance.known.offers_tasks || call.method != proto::Method::tools_call ||
      instance.talk.task_tools.empty())
    return false;
  const auto tool = instance.talk.task_tools.find(proto::json::unquoted(proto::member(raw_params, "name")));
  return tool != instance.talk.task_tools.end() && (call.abilities.tasks || tool->second);
}

}  // namespace

Message for_server(State& state, const Instance& instance, Call& call, const Scanned& message) {
  const std::string number = call.wire_id.text();
  const bool modern = instance.era == proto::Era::modern;
  if (modern && call.era == proto::Era::legacy)
    return to_modern_server(state, instance, call, message, number);
  if (!modern && call.era == proto::Era::modern) {
    keep_request(state, call, message.bytes);
    std::string params = face::legacy_params(message.of(message.envelope.params), number);
    call.task = becomes_task(instance, call, params);
    if (call.task) params = proto::with_members(params, R"("task":{})");
    return Message(proto::request_text(number, message.of(message.envelope.method), params));
  }
  Message out(message.bytes);
  const Span id = message.envelope.id;
  const Span token = message.envelope.progress_token;
  if (token.present() && token.at < id.at) out.splice(token, number);
  out.splice(id, number);
  if (token.present() && token.at > id.at) out.splice(token, number);
  if (proto::null_params(message.bytes.text, message.envelope)) out.restate(message.envelope.params, "{}");
  return out;
}

void forward_call(State& state, Session& session, Instance& instance, const Scanned& message,
                  proto::Method method, const Asked& asked) {
  if (const auto full = cancels_too_fast(state, instance, session))
    return refuse_canceller(state, session, instance, message, *full);
  Call& call = file(state, session, instance, message, method, asked);
  const core::CallId wire_id = call.wire_id;
  identify(state, call, message);
  if (kills_its_server(state, instance, wire_id)) return;
  const bool ready = instance.life == core::Life::ready && may_reach(session, instance);
  if (ready && !must_wait_its_turn(state, instance, call)) {
    if (!answered_by_another(state, instance, call, message)) send_now(state, instance, call, message);
    return;
  }
  wait_there(state, session, instance, wire_id, Message(message.bytes));
  if (!may_reach(session, instance))
    state.notices.push_back(RootsUnknown{session.id, std::string(message.of(message.envelope.id))});
  if (!wake(state, instance)) fail(state, instance, wire_id, error_about(instance, instance.trouble, true));
}

void go_alone(State& state, Instance& instance, Call& call) {
  const base::Bytes bytes = call.state.as<core::Joined>().request;
  instance.calls.become(call, core::Queued{});
  const bool reaches = may_reach(state.sessions.at(call.session), instance);
  if (instance.life != core::Life::ready || !reaches || must_wait_its_turn(state, instance, call)) {
    wait_there(state, state.sessions.at(call.session), instance, call.wire_id, Message(bytes));
    return;
  }
  const auto envelope = proto::scan(bytes.text);
  ensure(envelope.has_value());
  send_now(state, instance, call, {bytes, *envelope});
}

core::CallId hold_call(State& state, Session& session, Instance& instance, const Scanned& message,
                       proto::Method method, const Asked& asked) {
  Call& call = file(state, session, instance, message, method, asked);
  instance.calls.become(call, core::Held{});
  return call.wire_id;
}

Attached attach(State& state, Session& session, Instance& instance, Call& call, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  call.session = session.id;
  call.client_id = id;
  keep_request(state, call, call.original);
  // The server was given a token only if the first request had one.
  const auto first = proto::scan(call.original.text);
  if (first && first->progress_token.present()) call.token = message.of(message.envelope.progress_token);
  call.journal_slot = note_call(state, session, id);
  session.calls.insert(id, call.wire_id);
  if (!must_wait_its_turn(state, instance, call)) {
    instance.calls.become(call, core::Sent{});
    return Attached::has_its_turn;
  }
  instance.calls.become(call, core::Returning{});
  wait_there(state, session, instance, call.wire_id, Message(message.bytes));
  return Attached::waits;
}

void detach(State& state, Instance& instance, Call& call) {
  Session* session = state.sessions.find(call.session);
  if (call.state == CallState::returning) no_longer_queued(state, session, instance, call.wire_id);
  if (session != nullptr) {
    session->calls.erase(call.client_id, call.wire_id);
    session->held_back.progress.erase(call.wire_id);
  }
  call.charge = {};  // It counts with its park; its client, which has to come back, is read.
  if (session != nullptr) reads_again(state, *session);
  instance.calls.become(call, core::Parked{});
  call.client_id.clear();
  call.token.clear();
  call.journal_slot.reset();
}

void forward_notice(State& state, Session& session, Instance& instance, const Scanned& message) {
  if (instance.era == proto::Era::modern) return;  // It knows none but the cancellation of a call.
  switch (instance.life) {
    case core::Life::ready:
      if (may_reach(session, instance)) return state.send(instance.id, Message(message.bytes));
      wait_there(state, session, instance, std::nullopt, Message(message.bytes));
      return;
    case core::Life::starting:
    case core::Life::greeting:
    case core::Life::backing_off:
      wait_there(state, session, instance, std::nullopt, Message(message.bytes));
      return;
    case core::Life::stopped:
    case core::Life::stopping:
      return;  // It was meant for the process that is gone, and is no reason to start another.
  }
}

core::CallId own_call(Instance& instance, Purpose purpose, std::string uri) {
  Call call;
  call.purpose = purpose;
  call.uri = std::move(uri);
  return instance.calls.insert(std::move(call), core::Sent{}).wire_id;
}

}  // namespace broker
