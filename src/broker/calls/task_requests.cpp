// Requests of our own about a task: how it stands, what it came to, that it is wanted no more.
#include "broker/calls/calls.h"
#include "face/tasks.h"
#include "face/to_modern_server.h"
#include "proto/json.h"

namespace broker {

using core::Call;
using core::Instance;
using core::Purpose;
using core::Session;
using core::Task;
using proto::Method;

namespace {

std::string id_params(std::string_view id) {
  return R"({"taskId":)" + proto::json::quoted(id) + '}';
}

}  // namespace

void ask_about_task(State& state, Instance& instance, Purpose purpose, Method method, const std::string& id,
                    SessionId owner, std::string_view responses) {
  const core::CallId call = own_call(instance, purpose, id);
  std::string params = id_params(id);
  const Session* session = state.sessions.find(owner);
  if (instance.era == proto::Era::modern) {
    const std::string own = face::own_claim(state.options.version, instance.first);
    const std::string claim =
        face::claim_with_tasks(session != nullptr && !session->claim.empty() ? session->claim : own);
    params = face::modern_params(
        params, {.claim = claim, .token = {}, .level = {}, .responses = responses, .request_state = {}});
  }
  state.send(instance.id, proto::request_text(call.text(), proto::name_of(method), params));
}

void cancel_task(State& state, Instance& instance, const std::string& id, Task& task) {
  task.poll_due.reset();
  task.waiters.clear();
  if (std::exchange(task.left, true) || instance.life != core::Life::ready) return;
  ask_about_task(state, instance, Purpose::task_told, Method::tasks_cancel, id, task.owner);
}

bool leave_task(State& state, Instance& instance, const Call& call) {
  Task* task = call.method == Method::tools_call ? instance.talk.tasks.find(call.uri) : nullptr;
  if (task == nullptr) return false;
  cancel_task(state, instance, call.uri, *task);
  return true;
}

}  // namespace broker
