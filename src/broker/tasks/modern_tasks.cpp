// Tasks of the extension of 2026-07-28, between a modern client and a modern server: they go through, and
// whoever is not the principal a task was made for does not find it.
#include "broker/interests/interests.h"
#include "broker/tasks/tasks.h"
#include "core/tasks.h"
#include "face/to_modern_client.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {

using core::Call;
using core::Instance;
using core::Session;
using proto::Code;

bool may_name_task(State& state, Session& session, const Instance& instance, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  const auto refuse = [&](Code code, std::string_view sentence) {
    state.reply(session, id, proto::error_text(id, code, sentence, {session.server, false}));
    return false;
  };
  if (!instance.known.offers_tasks) return refuse(Code::method_not_found, "Method not found");
  if (!face::declares_tasks(message.of(message.envelope.meta))) {
    state.reply(session, id, proto::error_text(id, face::missing_capability(face::tasks_required)));
    return false;
  }
  const std::string task = proto::json::unquoted(message.of(message.envelope.task_id));
  // A legacy server's task is its session's (legacy_server_for_modern_client.cpp).
  if (instance.era == proto::Era::modern &&
      state.task_owners.hidden_from(session.principal, session.server, task))
    return refuse(Code::invalid_params, "Task not found");
  return true;
}

void note_modern_task(State& state, const Call& call, const Scanned& message) {
  if (message.of(message.envelope.result_type) != R"("task")") return;
  const Session* session = state.sessions.find(call.session);
  const std::string_view task = proto::member(message.of(message.envelope.result), "taskId");
  if (session == nullptr || !task.starts_with('"')) return;
  state.task_owners.created(session->server, proto::json::unquoted(task), session->principal);
}

void task_told(State& state, Instance& instance, const Scanned& message) {
  tell_task(state, instance, proto::json::unquoted(message.of(message.envelope.task_id)),
            message.of(message.envelope.params));
}

void tell_task(State& state, Instance& instance, const std::string& task, std::string_view params) {
  const bool ended = core::task_ended(params);
  bool wanted = false;
  for (auto& [call, listen] : instance.listens) {
    if (!listen.begun || !listen.filter.tasks.contains(task)) continue;
    wanted = true;
    listen.tasks_told[task] = params;
    if (ended) listen.filter.tasks.erase(task);  // It will not be told of again, nor be asked for.
    flush_listen(state, instance, listen);
  }
  if (!wanted) ++instance.dropped;
}

}  // namespace broker
