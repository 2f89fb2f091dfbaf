// Tasks of an invented server of 2026-07-28: it answers a call with a task,
// says how that stands when it is asked, and may want to know something, use
// the task's id again, or lose the task.
#include <array>

#include "sim/server.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

bool Server::make_task(const std::string& id, Open& open) {
  Random& random = world.random;
  Call& call = *open.call;
  if (call.method != "tools/call" || !random.permille(world.options.tasks)) return false;
  std::string name = "T" + std::to_string(number) + "-" + id;
  if (random.permille(world.options.reuses_task)) {
    for (auto& [other, made] : made_tasks_) {
      if (made.call->client != call.client || made.status != "working") continue;
      name = other;
      made.call->error_is_fine = true;
      made.call->displaced_by = &call;
      open_.erase(made.open);
      break;
    }
  }
  constexpr std::array<std::string_view, 8> intervals{
      "", "", "100", "0", "-9223372036854775808", "9223372036854775807", "1e300", "\"soon\""};
  MadeTask& made = made_tasks_[name] = {.call = &call, .open = id, .interval = {}, .wanted = {}};
  if (const std::string_view said = random.pick(intervals); !said.empty())
    made.interval = ",\"pollIntervalMs\":" + std::string(said);
  const std::string result = "{\"resultType\":\"task\"," + state_of(name, made) + "}";
  if (call.wants_task) {
    call.task_id = name;
    call.payload = result;
  }
  open.followed = true;
  write({.kind = ServerLine::Kind::task, .calls = {&call}, .name = name, .text = result_line(id, result)});
  plan_task(name, call);
  return true;
}

void Server::plan_task(const std::string& name, const Call& call) {
  Random& random = world.random;
  const base::Duration wait = random.about(world.options.work * 4);
  const bool wants = random.permille(world.options.wants);
  const bool vanishes = random.permille(world.options.loses_task);
  world.schedule.after(wait, [this, name, wants, vanishes, &call] {
    const auto found = made_tasks_.find(name);
    if (found == made_tasks_.end() || found->second.call != &call || !running) return;
    if (vanishes && !world.kind) return lose_task(found->second);
    if (wants && !world.kind && want_for_task(found->second)) return;
    end_task(found->second);
  });
}

// From now on it does not know the task, and says so or says nothing.
void Server::lose_task(MadeTask& made) {
  constexpr std::array<std::string_view, 3> answers{"error", "{}", "{\"resultType\":\"complete\"}"};
  made.lost = world.random.pick(answers);
  made.call->error_is_fine = true;
  open_.erase(made.open);
}

// Asked once. False: there is nobody to ask.
bool Server::want_for_task(MadeTask& made) {
  Call& call = *made.call;
  if (made.status != "working" || !world.clients[static_cast<std::size_t>(call.client)].can_form)
    return false;
  Ask& ask = wanted_ask(call, "elicitation/create", false);
  call.wanted = {{.key = "k0", .method = ask.method, .ask = &ask}};
  made.status = "input_required";
  made.wanted =
      ",\"inputRequests\":{\"k0\":{\"method\":\"elicitation/"
      "create\",\"params\":{" +
      marker_of(ask) + "," + marker_of(call) + "}}}";
  return true;
}

void Server::end_task(MadeTask& made) {
  if (!made.lost.empty() || (made.status != "working" && made.status != "input_required")) return;
  made.wanted.clear();
  const bool failed = !world.kind && world.random.permille(world.options.error);
  made.status = failed ? "failed" : "completed";
  Call& call = *made.call;
  call.outcome = failed ? "{\"code\":-32000,\"message\":\"no\",\"data\":{" + marker_of(call) + "}}"
                        : "{\"content\":[]," + marker_of(call) + "}";
}

void Server::end_tasks() {
  for (auto& [name, made] : made_tasks_) end_task(made);
}

std::string Server::state_of(const std::string& name, const MadeTask& made) const {
  std::string text = "\"taskId\":\"" + name + "\",\"status\":\"" + made.status + "\",\"ttlMs\":60000";
  text += made.interval + made.wanted;
  if (made.status == "completed") text += ",\"result\":" + made.call->outcome;
  if (made.status == "failed") text += ",\"error\":" + made.call->outcome;
  return text;
}

// `call`: of a client; absent: Hearth asks itself.
void Server::take_about_task(const Read& message, const std::string& id, const std::string& method,
                             Call* call) {
  const auto* params = message.find("params");
  const std::string name(params == nullptr ? "" : params->string_or("taskId", ""));
  const auto found = made_tasks_.find(name);
  ServerLine line{.kind = call != nullptr ? ServerLine::Kind::answer : ServerLine::Kind::other};
  if (call != nullptr) line.calls = {call};
  if (found == made_tasks_.end() || found->second.lost == "error") {
    line.error = call != nullptr;
    line.text = error_line(id, -32602, "");
  } else if (method == "tasks/get") {
    line.text = result_line(id, look_at(name, found->second, line));
  } else {
    line.text = result_line(id, "{\"resultType\":\"complete\"}");
    MadeTask& made = found->second;
    const bool works = made.status == "working" || made.status == "input_required";
    if (method == "tasks/cancel" && works) {
      made.status = "cancelled";
      made.wanted.clear();
      open_.erase(made.open);
    }
    if (method == "tasks/update" && made.status == "input_required") {
      made.status = "working";
      made.wanted.clear();
      plan_task(name, *made.call);
    }
  }
  world.schedule.after(world.random.about(world.options.work),
                       [this, line = std::move(line)] { write(line); });
}

std::string Server::look_at(const std::string& name, MadeTask& made, ServerLine& line) {
  if (!made.lost.empty()) return made.lost;
  Call& call = *made.call;
  const bool over = made.status == "completed" || made.status == "failed";
  if (over && !call.wants_task && line.calls.empty()) {
    line = {
        .kind = ServerLine::Kind::answer, .calls = {&call}, .name = name, .error = made.status == "failed"};
    call.payload = call.outcome;
    call.server_done = true;
    open_.erase(made.open);
  } else if (!made.wanted.empty()) {
    line.kind = line.calls.empty() ? ServerLine::Kind::task_asks : line.kind;
    if (line.calls.empty()) line.calls = {&call};
  }
  return "{\"resultType\":\"complete\"," + state_of(name, made) + "}";
}

}  // namespace sim
