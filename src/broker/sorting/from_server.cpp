// What servers say: every line of an instance is sorted here. What no table says belongs to a session reaches
// none.
#include "broker/calls/calls.h"
#include "broker/calls/effects.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/servers/servers.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "face/content.h"
#include "face/tasks.h"
#include "face/to_modern_server.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/minted_id.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Dropped;
using core::Instance;
using core::Purpose;
using core::Session;
using proto::Kind;
using proto::Message;
using proto::Method;

// A URL elicitation can also be asked for by an error; its completion concerns the session that got the
// error.
void note_elicitations(Instance& instance, SessionId session, std::string_view raw_error) {
  if (raw_error.find("-32042") == std::string_view::npos) return;
  const std::string_view list = proto::member(proto::member(raw_error, "data"), "elicitations");
  proto::each_item(list, [&](std::string_view item) {
    const std::string id = proto::text_of(item, "elicitationId");
    if (!id.empty()) core::remember_elicitation(instance.talk, id, session);
  });
}

// The answer to a call that means more to us than its bytes say. Returns the message to send on.
Message with_its_meaning(State& state, Instance& instance, const Call& call, const Scanned& message,
                         Message out) {
  const std::string_view result = message.of(message.envelope.result);
  if (message.envelope.error.present())
    note_elicitations(instance, call.session, message.of(message.envelope.error));
  if (call.task && !result.empty()) {
    const std::string id = core::created_task_of(result);
    if (!id.empty()) {
      const std::int64_t token = call.token.empty() ? 0 : call.wire_id.value;
      task_created(state, instance, id, {.owner = call.session, .token = token, .client_token = call.token});
    }
  }
  if (proto::lists(call.method)) instance.cursors.issued(core::next_cursor_of(result));
  if (call.method == Method::tasks_list && !result.empty()) {
    return Message(proto::result_text(call.client_id, instance.talk.tasks.own_only(result, call.session)));
  }
  return out;
}

// A modern server's answer to a legacy client: taken down to what that knows.
void legacy_answer(State& state, Instance& instance, core::CallId wire_id, const Scanned& message) {
  const std::string_view type = message.of(message.envelope.result_type);
  Call* call = instance.calls.find(wire_id);
  if (type == R"("input_required")" && call->state == CallState::sent)
    return begin_round(state, instance, *call, message);
  const proto::Method method = call->method;
  const std::string_view result = message.of(message.envelope.result);
  const Session* session = state.sessions.find(call->session);
  const bool wants_task = call->task && instance.known.offers_tasks && session != nullptr;
  if (method == Method::tasks_get || method == Method::tasks_cancel)
    return modern_task_answered(state, instance, wire_id, message);
  if (type == R"("task")" && call->state == CallState::sent)
    return modern_server_made_task(state, instance, *call, result);
  if (message.envelope.error.present()) {
    const face::LegacyError error = face::legacy_error(message.of(message.envelope.error), method);
    if (error.is_result && wants_task) return task_done_at_once(state, instance, *call, error.raw);
    if (error.is_result) return answer(state, instance, wire_id, error.raw);
    return fail(state, instance, wire_id, error.raw);
  }
  if (!type.empty() && type != R"("complete")") {
    return fail(
        state, instance, wire_id,
        error_about(instance, "gave a result of a kind that is not known: " + std::string(type), false));
  }
  if (proto::lists(method)) instance.cursors.issued(core::next_cursor_of(result));
  if (wants_task) return task_done_at_once(state, instance, *call, result);
  const auto changed =
      session != nullptr ? face::content_for(session->revision, method, result) : std::nullopt;
  std::string older = face::legacy_result(changed ? *changed : result);
  if (method == Method::tools_list && instance.known.offers_tasks) older = face::with_task_support(older);
  answer(state, instance, wire_id, std::move(older));
}

// An answer that a client of an earlier revision than its server's could not read; absent: it can.
std::optional<std::string> for_older_client(const State& state, const Call& call, const Scanned& message) {
  const Session* session = state.sessions.find(call.session);
  if (session == nullptr || session->revision >= proto::newest_legacy || call.era == proto::Era::modern)
    return std::nullopt;
  const auto changed = face::content_for(session->revision, call.method, message.of(message.envelope.result));
  return changed ? std::optional(proto::result_text(call.client_id, *changed)) : std::nullopt;
}

void forwarded_answer(State& state, Instance& instance, core::CallId wire_id, const Scanned& message) {
  const std::vector<core::CallId> others =
      also_answered(state, instance, *instance.calls.find(wire_id), message);
  pass_answer(state, instance, wire_id, message);
  for (const core::CallId other : others) pass_answer(state, instance, other, message);
  if (!instance.talk.held_questions.empty()) put_held_questions(state, instance);
  if (!instance.waiting.empty()) drain_waiting(state, instance);
}

void server_answer(State& state, Instance& instance, const Scanned& message) {
  Call* call = call_of(instance, message.of(message.envelope.id));
  if (call == nullptr) return drop(state, instance, message, Dropped::answer, "an answer to an unknown call");
  const core::CallId wire_id = call->wire_id;
  switch (call->purpose) {
    case Purpose::forwarded:
      has_answered(state, instance, *call, message);
      forwarded_answer(state, instance, wire_id, message);
      return;
    case Purpose::initialize:
      finish(state, instance, wire_id);
      instance_greeted(state, instance, message);
      return;
    case Purpose::discover:
      finish(state, instance, wire_id);
      instance_discovered(state, instance, wire_id, message);
      return;
    case Purpose::listen:
      finish(state, instance, wire_id);
      upstream_ended(state, instance, wire_id, message);
      return;
    case Purpose::task_tools:
      finish(state, instance, wire_id);
      task_tools_listed(state, instance, message);
      return;
    case Purpose::task_poll:
      effect_noted(state, instance);
      task_polled(state, instance, finish(state, instance, wire_id), message);
      return;
    case Purpose::task_result:
      effect_noted(state, instance);
      task_fetched(state, instance, finish(state, instance, wire_id), message);
      return;
    case Purpose::task_told:
      finish(state, instance, wire_id);  // The task itself tells what came of it.
      return;
    case Purpose::subscribe:
    case Purpose::unsubscribe:
      subscription_answered(state, instance, finish(state, instance, wire_id), message);
      return;
    case Purpose::set_level:
      finish(state, instance, wire_id);
      level_answered(state, instance, message);
      return;
  }
}

// The server works on it: it has not answered, or with a task that is followed.
bool makes_progress(const Call& call) {
  return call.state == CallState::sent || call.state == CallState::following;
}

void progress(State& state, Instance& instance, const Scanned& message) {
  const std::optional<std::int64_t> token = proto::minted_id(message.of(message.envelope.progress_token));
  const Call* call = token ? instance.calls.find(core::CallId(*token)) : nullptr;
  SessionId owner;
  std::string client_token;
  std::string concerns;
  if (call != nullptr && makes_progress(*call) && !call->token.empty()) {
    owner = call->session;
    client_token = call->token;
    concerns = call->client_id;
  } else if (const core::Task* task = token && *token != 0 ? instance.talk.tasks.by_token(*token) : nullptr) {
    owner = task->owner;
    client_token = task->client_token;
  }
  Session* session = state.sessions.find(owner);
  if (session == nullptr)
    return drop(state, instance, message, Dropped::progress, "progress of an unknown call");
  Message out(message.bytes);
  out.splice(message.envelope.progress_token, std::move(client_token));
  if (session->blocked) {
    session->held_back.progress[core::CallId(*token)] = out.text();
  } else {
    state.send_about(owner, std::move(out), std::move(concerns));
  }
}

// To the one session it concerns, if it is there.
void to_owner(State& state, Instance& instance, SessionId owner, const Scanned& message) {
  const Session* session = state.sessions.find(owner);
  if (session == nullptr)
    return drop(state, instance, message, Dropped::notice, "a notification that belongs to no session");
  state.send_about(owner, Message(message.bytes), concerned_call(state, *session, instance));
}

void task_status(State& state, Instance& instance, const Scanned& message) {
  const std::string id = proto::json::unquoted(message.of(message.envelope.task_id));
  const core::Task* task = std::as_const(instance.talk.tasks).find(id);
  if (task != nullptr && task->bridged) return bridged_task_status(state, instance, message);
  to_owner(state, instance, task != nullptr ? task->owner : SessionId{}, message);
  if (core::task_ended(message.of(message.envelope.params))) instance.talk.tasks.ended(id);
}

void elicitation_complete(State& state, Instance& instance, const Scanned& message) {
  const std::string id = proto::text_of(message.of(message.envelope.params), "elicitationId");
  SessionId owner;
  for (const auto& [known, session] : instance.talk.elicitations) {
    if (known == id) owner = session;
  }
  to_owner(state, instance, owner, message);
}

// Told on a listen that another has replaced, which tells it as well. Over HTTP it may not: what was said
// before that began comes by another stream.
bool told_twice(const Instance& instance, const Scanned& message) {
  if (instance.spec.link != core::Link::stdio) return false;
  const std::optional<std::int64_t> listen = proto::minted_id(message.of(message.envelope.subscription));
  if (!listen || instance.era != proto::Era::modern) return false;
  const core::CallId told_on(*listen);
  return told_on != instance.talk.upstream.call && told_on != instance.talk.upstream.opening;
}

void server_notice(State& state, Instance& instance, const Scanned& message) {
  if (told_twice(instance, message)) return;
  switch (proto::method_of(message.of(message.envelope.method))) {
    case Method::progress:
      progress(state, instance, message);
      return;
    case Method::message:
      server_logs(state, instance, message);
      return;
    case Method::cancelled:
      server_cancels_ask(state, instance, message);
      return;
    case Method::tools_list_changed:
      list_changed(state, instance, core::ListKind::tools);
      if (std::exchange(instance.talk.task_tools_asked, false)) want_task_tools(state, instance);
      return;
    case Method::prompts_list_changed:
      list_changed(state, instance, core::ListKind::prompts);
      return;
    case Method::resources_list_changed:
      list_changed(state, instance, core::ListKind::resources);
      return;
    case Method::resources_updated:
      resource_updated(state, instance, message);
      return;
    case Method::subscriptions_acknowledged:
      upstream_acknowledged(state, instance, message);
      return;
    case Method::tasks_status:
      effect_noted(state, instance);
      task_status(state, instance, message);
      return;
    case Method::tasks_notice:
      effect_noted(state, instance);
      task_told(state, instance, message);
      return;
    case Method::elicitation_complete:
      elicitation_complete(state, instance, message);
      return;
    default:
      break;
  }
  // A notice that we do not know can only be passed on where there is nobody else whom it could concern.
  const bool alone = instance.sessions.size() == 1 && instance.sessions_ever == 1;
  to_owner(state, instance, alone ? instance.sessions.front() : SessionId{}, message);
}

void server_message(State& state, Instance& instance, const Scanned& message) {
  if (!proto::good_params(message.bytes.text, message.envelope)) {
    ++instance.dropped;
    if (message.envelope.kind == Kind::request)
      state.send(instance.id, proto::error_text(message.of(message.envelope.id), proto::Code::invalid_request,
                                                "hearth: \"params\" must be an object"));
    return;
  }
  switch (message.envelope.kind) {
    case Kind::request:
      server_ask(state, instance, message, proto::method_of(message.of(message.envelope.method)));
      return;
    case Kind::notification:
      server_notice(state, instance, message);
      return;
    case Kind::response:
      server_answer(state, instance, message);
      return;
    case Kind::batch:
      return;
  }
}

}  // namespace

void pass_answer(State& state, Instance& instance, core::CallId wire_id, const Scanned& message) {
  const bool modern = instance.era == proto::Era::modern;
  if (modern && instance.calls.find(wire_id)->era == proto::Era::legacy)
    return legacy_answer(state, instance, wire_id, message);
  Call& open = *instance.calls.find(wire_id);
  if (!modern && open.method == Method::tools_list)
    learn_task_tools(instance, message.of(message.envelope.result));
  const bool for_modern = !modern && open.era == proto::Era::modern && open.state == CallState::sent;
  if (for_modern && open.task && legacy_server_made_task(state, instance, open, message)) return;
  Call call = finish(state, instance, wire_id);
  instance.forgotten = 0;
  if (!modern && call.era == proto::Era::modern && call.state != CallState::cancelled) {
    modern_answer(state, instance, std::move(call), message);
  } else if (call.state != CallState::cancelled) {
    if (modern) note_modern_task(state, call, message);
    Message out(message.bytes);
    if (const auto older = for_older_client(state, call, message)) out = Message(*older);
    if (call.task || proto::lists(call.method) || message.envelope.error.present()) {
      out = with_its_meaning(state, instance, call, message, std::move(out));
    }
    if (out.bytes().text.data() == message.bytes.text.data()) {
      out.splice(message.envelope.id, std::move(call.client_id));
    }
    state.send_answer(call, std::move(out));
  }
}

void server_line(State& state, Instance& instance, const proto::Line& line) {
  // Also while it stops: what it had begun it may still finish.
  if (instance.life == core::Life::stopped || instance.life == core::Life::backing_off) return;
  if (line.overlong) {
    overlong(state, instance, line);
    return;
  }
  const std::string_view text = line.bytes.text;
  const auto envelope = proto::scan(text);
  if (!envelope) {
    unreadable(state, instance, text, envelope.error());
    return;
  }
  if (envelope->kind != Kind::batch) {
    server_message(state, instance, {line.bytes, *envelope});
    return;
  }
  const InstanceId id = instance.id;
  proto::each_in_batch(text, [&](proto::Span span) {
    const base::Bytes part{span.in(text), line.bytes.owner};
    const auto inner = proto::scan(part.text);
    if (!inner || inner->kind == Kind::batch) return;
    if (Instance* still = state.instances.find(id)) server_message(state, *still, {part, *inner});
  });
}

}  // namespace broker
