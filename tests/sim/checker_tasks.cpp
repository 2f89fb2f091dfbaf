// What must hold for tasks of a server of 2026-07-28 whose client is a legacy
// one, so that Hearth follows them.
#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

void Checker::task_made(Server& server, const ServerLine& line) {
  Call& call = *line.calls.front();
  if (call.wants_task) first_of(call).live = false;
  const auto before = server.tasks.find(line.name);
  const bool followed = before != server.tasks.end() && !before->second.too_late &&
                        !before->second.call->cancelled && !before->second.call->answered;
  if (call.cancelled && followed) return;  // The broker knows the name from a call that still waits.
  // One that was cancelled while this was on its way has had its cancellation.
  server.tasks[line.name] = {.call = &call, .too_late = call.cancelled, .looked_at = now()};
}

void Checker::task_asks(const ServerLine& line) {
  Call& call = *line.calls.front();
  for (const Wanted& wanted : call.wanted) wanted.ask->fed = true;
  call.asking = !call.wants_task && !call.cancelled;
}

// A request about a task that no client made.
void Checker::about_task(Server& server, const Read& message, const std::string& text) {
  const std::string method = message.method();
  const auto found = server.tasks.find(std::string(message.find("params")->string_or("taskId", "")));
  if (found == server.tasks.end()) return broken("a server is asked about tasks that it has made", text);
  TaskSeen& task = found->second;
  Call& call = *task.call;
  if (method == "tasks/update") {
    call.asking = false;
    return check_brought(call, message, text);
  }
  if (method == "tasks/cancel") {
    if (std::exchange(task.told, true)) broken("a task is cancelled once", text);
    if (!call.wants_task && !call.cancelled) broken("a task is cancelled when nobody waits for it", text);
    return;
  }
  if (method != "tasks/get") return broken("a server is sent nothing of unknown origin", text);
  const base::Duration pause = now() - std::exchange(task.looked_at, now());
  if (call.wants_task) return;  // Its client may want to know at any time.
  if (call.cancelled || call.answered) broken("a task that nobody waits for is not looked at", text);
  if (pause < core::limits::task_poll_least)
    broken("a server is not asked without pause how a task is", text);
}

void Checker::settled_tasks(const Server& server) {
  for (const auto& [name, task] : server.tasks) {
    const bool left = task.call->cancelled && !task.call->server_done && !task.call->wants_task;
    if (left && !task.told && !task.too_late)
      broken("a server is told that nobody waits for its task", name + ": " + task.call->text);
  }
}

void Checker::progress_heard(const Server& server, const ServerLine& line) {
  const Call& call = *line.calls.front();
  const Client& client = world_.clients[static_cast<std::size_t>(call.client)];
  const auto followed = std::ranges::any_of(
      server.tasks, [&](const auto& entry) { return entry.second.call == &call && !entry.second.told; });
  const bool waits = followed && !call.wants_task && !call.cancelled && !call.answered && client.session;
  if (!waits || !call.fed || call.fed_in != world_.hands.life() || world_.hands.blocked(client)) return;
  if (world_.hands.server_of(client) != &server || server.stopping) return;
  if (call.progress_told == 0) broken("progress of a followed task reaches its client", line.text);
}

// What a task that is carried over to the other era looks like, or came to.
bool Checker::fits_task(const Call& call, const Read& message, const std::string& payload) const {
  const Read said(call.payload);
  if (call.method == "tools/call") {
    const auto* task = message.find("task", "result");
    if (task == nullptr) return false;
    const std::string name(said.sound() ? said.root()->string_or("taskId", "") : "");
    return name.empty() || task->string_or("taskId", "") == name;
  }
  if (call.method != "tasks/result") return message.find("taskId", "result") != nullptr;
  const Read given(payload);
  return std::ranges::any_of(world_.truth.calls, [&](const Call& made) {
    if (made.client != call.client || made.task_id != call.task) return false;
    // Its id may have become another call's since.
    for (const Call* by = &made; by != nullptr; by = by->displaced_by) {
      const bool its = named_numbers(payload, "marker") == named_numbers(by->outcome, "marker");
      if (!by->outcome.empty() && its) return true;
    }
    return false;
  });
}

}  // namespace sim
