// What an invented server says, because of a call or of its own accord.
#include <algorithm>
#include <array>

#include "core/limits.h"
#include "sim/server.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr std::array<std::string_view, 3> lists{"notifications/tools/list_changed",
                                                "notifications/prompts/list_changed",
                                                "notifications/resources/list_changed"};

std::string proc(int number) {
  return "\"proc\":\"p" + std::to_string(number) + "\"";
}

}  // namespace

void Server::answer(const std::string& id) {
  const auto found = open_.find(id);
  if (found == open_.end() || !running) return;
  if (found->second.followed) return;
  Call& call = *found->second.call;
  Random& random = world.random;
  const bool twice = !world.kind && random.permille(world.options.twice);
  if (!world.kind && random.permille(world.options.bad_answer) && misanswer(id, call)) return;
  const Era spoken = found->second.era;
  if (found->second.may_be_task && !world.kind && make_task(id, found->second)) return;
  const bool wants = spoken == Era::modern && !world.kind && random.permille(world.options.wants);
  if (wants && want_input(id, found->second)) return;
  const bool task = call.wants_task && spoken == Era::legacy;
  const bool error = !task && random.permille(world.options.error);
  const std::string payload = error ? std::string() : result_of(call, id, spoken);
  // Codes that mean something else in the other era.
  constexpr std::array<int, 6> codes{-32000, -32000, -32000, -32002, -32021, -32022};
  const int code = error ? random.pick(codes) : 0;
  const std::string text = error ? error_line(id, code, marker_of(call)) : result_line(id, payload);
  const Read message(text);
  call.payload = message.raw(message.find(error ? "error" : "result"));
  call.server_done = true;
  if (task) {
    call.task_id = "t" + std::to_string(number) + "-" + id;
    tasks_[call.task_id] = {.call = &call, .status = "working", .waiting = {}};
    world.schedule.after(random.about(world.options.work * 4),
                         [this, task = call.task_id] { finish_task(task); });
  }
  const std::string token = found->second.token;
  if (!task) open_.erase(found);
  write({.kind = ServerLine::Kind::answer, .calls = {&call}, .error = error, .text = text});
  if (twice) write({.kind = ServerLine::Kind::other, .text = text});
  if (!token.empty() && !task && random.permille(world.options.stray_progress)) {
    write_other(notice_line("notifications/progress",
                            "\"progressToken\":" + token + ",\"progress\":99," + marker_of(call)));
  }
  if (task) open_.erase(id);
}

// An answer that is no good, in one of several ways. False: not for this call.
bool Server::misanswer(const std::string& id, Call& call) {
  if (call.wants_task) return false;
  Random& random = world.random;
  const auto wrong_then_right = [&](std::string text) {
    write_other(std::move(text));
    return false;
  };
  const std::string sound = "{" + marker_of(call) + "}";
  switch (random.below(7)) {
    case 0:
      break;
    case 1:  // Some servers keep ids as text, or as floating point numbers.
      open_.erase(id);
      call.server_done = true;
      call.payload = sound;
      write({.kind = ServerLine::Kind::answer,
             .calls = {&call},
             .text = result_line(random.permille(500) ? "\"" + id + "\"" : id + ".0", sound)});
      return true;
    case 2:
      return wrong_then_right(result_line(std::to_string(900000 + random.below(1000)), sound));
    case 3:
      return wrong_then_right(result_line("null", sound));
    case 4:
      call.error_is_fine = true;  // It may count as the answer, since it names the call.
      return wrong_then_right("{\"jsonrpc\":\"2.0\",\"id\":" + id + "}");
    case 5: {
      open_.erase(id);
      call.server_done = call.error_is_fine = true;
      const std::string text =
          result_line(id, "{\"x\":\"" + std::string(world.options.message_max + 10, 'z') + "\"}");
      write({.kind = ServerLine::Kind::answer, .calls = {&call}, .error = true, .text = text});
      return true;
    }
    default: {  // Two in one array, as a confused server of 2025-03-26 might.
      open_.erase(id);
      call.server_done = true;
      call.payload = sound;
      const std::string text =
          "[" + result_line(id, sound) + "," + notice_line("notifications/acme/x", "") + "]";
      write({.kind = ServerLine::Kind::answer, .calls = {&call}, .text = text});
      return true;
    }
  }
  open_.erase(id);
  call.server_done = call.error_is_fine = true;
  write({.kind = ServerLine::Kind::answer,
         .calls = {&call},
         .error = true,
         .text = result_line(id, "{\"x\":\"\xc3\x28\"}")});
  return true;
}

std::string Server::result_of(const Call& call, const std::string& id, Era spoken) {
  const bool modern = spoken == Era::modern;
  std::string mine = marker_of(call) + "," + proc(number);
  if (modern) mine += ",\"resultType\":\"complete\"";
  const bool kept = modern && (call.method.ends_with("/list") || call.method == "resources/read");
  if (kept) mine += ",\"ttlMs\":" + std::to_string(world.random.below(3)) + ",\"cacheScope\":\"private\"";
  if (call.method == "tools/list") return "{\"tools\":[{\"name\":\"t\"}]," + mine + "}";
  if (call.wants_task && !modern) {
    return "{\"task\":{\"taskId\":\"t" + std::to_string(number) + "-" + id + "\",\"status\":\"working\"}," +
           mine + "}";
  }
  if (call.method == "tasks/list" && !modern) {
    std::string text = "{\"tasks\":[";
    for (const auto& [name, task] : tasks_) text += (text.back() == '[' ? "" : ",") + task_text(name, task);
    return text + "]}";
  }
  if (const auto task = tasks_.find(call.task); task != tasks_.end()) {
    std::string text = task_text(task->first, task->second);
    return "{" + mine + "," + text.substr(1);
  }
  std::string pad;
  if (world.random.permille(100)) pad = std::string(world.random.below(world.options.message_max / 2), 'w');
  return "{\"content\":[{\"type\":\"text\",\"text\":\"" + pad + "\u2028\"}]," + mine + "}";
}

std::string Server::task_text(const std::string& id, const Task& task) const {
  return "{\"taskId\":\"" + id + "\",\"status\":\"" + task.status + "\"," + marker_of(*task.call) + "}";
}

void Server::finish_task(const std::string& task_id) {
  const auto found = tasks_.find(task_id);
  if (found == tasks_.end() || !running) return;
  Task& task = found->second;
  if (task.status == "working") {
    task.status = "completed";
    const std::string text = task_text(task_id, task);
    write_other(notice_line("notifications/tasks/status", text.substr(1, text.size() - 2)));
  }
  for (const std::string& id : std::exchange(task.waiting, {})) answer(id);
}

void Server::plan_progress(const std::string& id, base::Duration within) {
  for (std::size_t i = world.random.between(1, 4); i > 0; --i) {
    const auto moment =
        static_cast<base::Duration::rep>(world.random.below(static_cast<std::size_t>(within.count()) + 1));
    world.schedule.after(base::Duration(moment), [this, id, i] {
      const auto found = open_.find(id);
      if (found == open_.end() || !running) return;
      if (found->second.token.empty()) return stray_progress();
      write({.kind = ServerLine::Kind::progress,
             .calls = {found->second.call},
             .text = notice_line("notifications/progress", "\"progressToken\":" + found->second.token +
                                                               ",\"progress\":" + std::to_string(5 - i) +
                                                               "," + marker_of(*found->second.call))});
    });
  }
}

void Server::plan_ask(const std::string& id, base::Duration within) {
  const auto moment =
      static_cast<base::Duration::rep>(world.random.below(static_cast<std::size_t>(within.count()) + 1));
  world.schedule.after(base::Duration(moment), [this, id] {
    const auto found = open_.find(id);
    // A question that was none of a call's may be taken for this one's, which then waits and is not expected
    // to ask.
    const bool alone =
        std::ranges::none_of(asked_, [](const auto& entry) { return entry.second->owner == nullptr; });
    // A call that waits for an answer asks nothing further.
    const bool waits = found != open_.end() && std::ranges::any_of(asked_, [&](const auto& entry) {
                         return entry.second->owner == found->second.call && !entry.second->by_task;
                       });
    if (found != open_.end() && alone && !waits && may_speak()) ask(found->second.call, "");
  });
}

void Server::ask(const Call* owner, std::string_view task_id) {
  constexpr std::array<std::string_view, 6> methods{
      "elicitation/create", "elicitation/create", "sampling/createMessage", "roots/list", "ping", "acme/ask"};
  Random& random = world.random;
  Ask& made = world.truth.ask(*this, random.pick(methods));
  made.owner = owner;
  made.by_task = !task_id.empty();
  made.id = random.permille(200) ? "\"q" + std::to_string(next_ask_++) + "\"" : std::to_string(next_ask_++);
  std::string members = marker_of(made);
  if (owner != nullptr) members += "," + marker_of(*owner);
  if (made.method == "elicitation/create") {
    made.url = random.permille(200);
    if (made.url)
      members +=
          ",\"mode\":\"url\",\"url\":\"http://x\",\"elicitationId\":\"e" + std::to_string(made.number) + "\"";
  }
  std::string meta;
  if (made.by_task) {
    meta = "\"io.modelcontextprotocol/related-task\":{\"taskId\":\"" + std::string(task_id) + "\"}";
  }
  if (random.permille(300)) {
    made.token = random.permille(500) ? "\"p\"" : std::to_string(random.below(4));
    meta += (meta.empty() ? "" : ",") + std::string("\"progressToken\":") + made.token;
  }
  if (!meta.empty()) members += ",\"_meta\":{" + meta + "}";
  asked_[made.id] = &made;
  write({.kind = ServerLine::Kind::ask, .ask = &made, .text = request_line(made.id, made.method, members)});
  if (!random.permille(100)) return;
  world.schedule.after(random.about(world.options.work), [this, &made] {
    if (!running || !asked_.contains(made.id)) return;
    write({.kind = ServerLine::Kind::cancel,
           .ask = &made,
           .text = notice_line("notifications/cancelled", "\"requestId\":" + made.id)});
  });
}

// A question that its call waits for.
void Server::press(const std::string& id, const Call& owner) {
  world.schedule.after(world.latest.about(world.options.wire), [this, id, &owner] {
    if (!running || !open_.contains(id) || !may_speak()) return;
    Ask& made = world.truth.ask(*this, "elicitation/create");
    made.owner = &owner;
    made.id = std::to_string(next_ask_++);
    asked_[made.id] = &made;
    write({.kind = ServerLine::Kind::ask,
           .ask = &made,
           .text = request_line(made.id, made.method, marker_of(made) + "," + marker_of(owner))});
  });
}

// Somebody who wants news of it does not read.
bool Server::wants_to_flood() const {
  if (world.options.press != Options::Press::updates || flooded_) return false;
  return std::ranges::any_of(world.clients, [&](const Client& client) {
    return client.presses && !client.reading && !client.gone && world.hands.server_of(client) == this;
  });
}

void Server::flood_updates() {
  std::set<std::string> wanted = watched_;
  for (const auto& [id, granted] : listens_) wanted.insert(granted.begin(), granted.end());
  std::erase_if(wanted, [](const std::string& name) { return name.ends_with("/list_changed"); });
  if (wanted.empty()) return;
  flooded_ = true;
  const std::string whole = *wanted.begin();
  const std::size_t times = 2 * world.options.most(core::Kept::update);
  for (std::size_t i = 0; i <= times; ++i) {
    const std::string below =
        "/" + (i == times ? std::string(core::limits::update_held_bytes, 'u') : std::to_string(i));
    if (era == Era::legacy) {
      const std::string uri = whole + below;
      write({.kind = ServerLine::Kind::updated,
             .name = uri,
             .text = notice_line("notifications/resources/updated", "\"uri\":\"" + uri + "\"")});
      continue;
    }
    for (const auto& [id, granted] : listens_) {
      if (granted.contains(whole)) tell_listen(id, whole, below);
    }
  }
}

void Server::plan_hum() {
  world.schedule.after(world.random.about(world.options.hum), [this] {
    if (!running || world.kind) return;
    if (may_speak() && wants_to_flood()) flood_updates();
    if (initialized_) {
      hum();
    } else if (discovered_) {
      modern_hum();
    }
    if (running) plan_hum();
  });
}

void Server::hum() {
  if (world.more.permille(world.options.forgets) && world.families[family].web) return forget();
  if (world.more.permille(world.options.breaks_off) && world.families[family].web) return crash();
  Random& random = world.random;
  const Options& options = world.options;
  if (random.permille(options.notes)) log_something();
  if (random.permille(options.notes / 2)) change_a_list();
  if (random.permille(options.notes / 2)) update_a_resource();
  if (random.permille(options.stray_notes)) stray_note();
  if (random.permille(options.stray_progress)) stray_progress();
  if (random.permille(options.garbage)) write_other(random.permille(500) ? "Listening on stdio" : "{\"a\":");
  if (random.permille(options.outside_ask)) {
    std::string task;
    const Call* owner = nullptr;
    for (const auto& [id, known] : tasks_) {
      if (known.status == "working" && random.permille(500)) {
        task = id;
        owner = known.call;
      }
    }
    ask(owner, task);
  }
  if (random.permille(options.server_stops_reading)) pause_reading();
  if (random.permille(options.crash_idle)) random.permille(500) ? crash() : end_idle();
}

void Server::log_something() {
  const std::size_t at = world.random.below(levels.size());
  if (at < level_ && world.random.permille(700)) return;
  write_other(notice_line("notifications/message",
                          "\"level\":\"" + std::string(levels[at]) + "\",\"data\":{" + proc(number) + "}"));
}

void Server::change_a_list() {
  const std::string method(world.random.pick(lists));
  for (std::size_t i = world.random.between(1, world.random.permille(100) ? 30 : 2); i > 0; --i) {
    write(
        {.kind = ServerLine::Kind::list_changed, .name = method, .text = notice_line(method, proc(number))});
  }
}

void Server::update_a_resource() {
  std::string uri = "file:///foreign/" + std::to_string(world.random.below(3));
  if (!watched_.empty() && world.random.permille(850)) {
    auto chosen = watched_.begin();
    std::advance(chosen, world.random.below(watched_.size()));
    uri = *chosen + (world.random.permille(250) ? "/sub" : "");
  }
  write({.kind = ServerLine::Kind::updated,
         .name = uri,
         .text = notice_line("notifications/resources/updated", "\"uri\":\"" + uri + "\"")});
}

void Server::stray_note() {
  if (sent.empty()) return;
  auto chosen = sent.begin();
  std::advance(chosen, world.random.below(sent.size()));
  const Call& call = *chosen->second;
  constexpr std::array<std::string_view, 4> methods{"notifications/acme/told", "notifications/tasks/status",
                                                    "notifications/elicitation/complete",
                                                    "notifications/cancelled"};
  write_other(
      notice_line(world.random.pick(methods),
                  "\"taskId\":\"t0\",\"elicitationId\":\"none\",\"requestId\":77777," + marker_of(call)));
}

// A token that never meant anything and never will: one of a call that brought none, or one out of thin air.
void Server::stray_progress() {
  Random& random = world.random;
  std::string token = random.permille(500) ? "\"x\"" : std::to_string(900000 + random.below(30));
  if (!wire_ids.empty() && random.permille(700)) {
    auto chosen = wire_ids.begin();
    std::advance(chosen, random.below(wire_ids.size()));
    token = *chosen;
  }
  if (wire_tokens.contains(token)) return;
  write_other(
      notice_line("notifications/progress", "\"progressToken\":" + token + ",\"progress\":1,\"stray\":true"));
}

}  // namespace sim
