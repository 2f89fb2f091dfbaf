#include "sim/server.h"

#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

Server::Server(World& in, int its_number, broker::StartInstance started, std::size_t its_family)
    : world(in),
      number(its_number),
      start(std::move(started)),
      family(its_family),
      speaks(in.families[its_family].era_varies ? invented_speaks(in.random)
                                                : in.families[its_family].speaks),
      key(share_key(start)),
      begun(in.schedule.now()),
      life(in.hands.life()) {
  silent_ = world.random.permille(world.options.silent_start);
  refuses_ = world.random.permille(world.options.refuses);
  next_ask_ = static_cast<int>(world.random.below(3));
}

void Server::run() {
  running = true;
  if (world.random.permille(world.options.dies_on_start)) {
    world.schedule.after(world.random.about(world.options.work), [this] { crash(); });
  }
  if (world.random.permille(world.options.garbage)) write_other("npm WARN deprecated {\"x\"");
  if (world.random.permille(world.options.garbage)) write_other("{not json");
  plan_hum();
  read_some();
}

void Server::read_some() {
  if (read_planned_ || !reading || !running || input.empty()) return;
  read_planned_ = true;
  world.schedule.after(world.random.about(world.options.wire), [this] {
    read_planned_ = false;
    if (!reading || !running) return;
    for (std::size_t lines = world.random.between(1, 4); lines > 0 && !input.empty() && running; --lines) {
      const std::string text = std::move(input.front());
      input.pop_front();
      input_bytes -= text.size();
      take(text);
    }
    if (running) world.hands.server_has_read(*this);
    read_some();
  });
}

void Server::take(const std::string& text) {
  const Read message(text);
  if (!message.sound()) return world.checker.broken("a server is sent sound JSON only", text);
  const std::string method = message.method();
  const std::string id = message.raw(message.find("id"));
  if (method.empty()) return take_answer(message);
  if (id.empty()) return take_notice(message, method);
  take_request(message, text, id, method);
}

void Server::take_request(const Read& message, const std::string& text, const std::string& id,
                          const std::string& method) {
  if (method == "initialize") return take_initialize(message, id);
  if (method == "server/discover") return take_discover(id);
  if (method == "subscriptions/listen") return take_listen(message, id);
  const auto reply = [this, id](std::string result) {
    world.schedule.after(world.random.about(world.options.work), [this, id, result = std::move(result)] {
      write({.kind = ServerLine::Kind::other, .text = result_line(id, result)});
    });
  };
  if (method == "ping") return reply("{}");
  if (method == "logging/setLevel") return reply("{}");
  if (method == "resources/subscribe" || method == "resources/unsubscribe") {
    const std::string uri = std::string(message.find("params")->string_or("uri", ""));
    const bool refused = method == "resources/subscribe" && world.random.permille(world.options.error);
    if (method == "resources/subscribe" && !refused) watched_.insert(uri);
    if (method == "resources/unsubscribe") watched_.erase(uri);
    if (!refused) return reply("{}");
    return write(
        {.kind = ServerLine::Kind::other, .name = id, .error = true, .text = error_line(id, -32002, "")});
  }
  const auto found = sent.find(id);
  if (method.starts_with("tasks/") && era_of(message) == Era::modern)
    return take_about_task(message, id, method, found == sent.end() ? nullptr : found->second);
  if (found != sent.end()) return take_call(message, id, *found->second);
  if (const auto asked = inquiries.find(id); asked != inquiries.end()) return take_inquiry(*asked->second);
  world.checker.broken("a server is sent nothing of unknown origin", text);
}

base::Duration Server::greeting_time() {
  Random& random = world.random;
  base::Duration wait = random.about(world.options.work);
  if (random.permille(world.options.slow_start)) wait += std::chrono::seconds(random.between(1, 90));
  for (int i = 0; i < 3 && wait > std::chrono::seconds(2); ++i) {
    world.schedule.after(wait / 4 * (i + 1), [this] {
      if (running) world.hands.give(broker::InstanceSpoke{start.instance});
    });
  }
  return wait;
}

void Server::take_initialize(const Read& message, const std::string& id) {
  declared_ = message.raw(message.find("capabilities", "params"));
  if (silent_) return;
  if (speaks == Speaks::modern && !refuses_) {
    return write_other(error_line(id, -32022, "\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\""));
  }
  const std::string revision(message.find("params")->string_or("protocolVersion", ""));
  const Family& own = world.families[family];
  if (own.strict && revision != own.revision_most && !refuses_)
    return write({.kind = ServerLine::Kind::initialize, .error = true, .text = error_line(id, -32602, "")});
  const base::Duration wait = greeting_time();
  // A launcher that leaves it to a child: the broker sees another pid, and nothing else changes.
  if (world.random.permille(100)) world.hands.give(broker::InstanceMoved{start.instance, number + 100'000});
  if (world.random.permille(300))
    write_other(notice_line("notifications/message",
                            "\"level\":\"info\",\"data\":{\"proc\":\"p" + std::to_string(number) + "\"}"));
  world.schedule.after(wait, [this, id] {
    const Family& mine = world.families[family];
    std::string result = "{\"protocolVersion\":\"" + mine.revision_most + "\",\"capabilities\":{" +
                         std::string(common_capabilities);
    if (mine.tasks) result += ",\"tasks\":{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}";
    result += "},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}";
    const std::string text = refuses_ ? error_line(id, -32603, "") : result_line(id, result);
    if (refuses_) ++world.families[family].troubles;
    write({.kind = ServerLine::Kind::initialize, .error = refuses_, .text = text});
  });
}

void Server::take_notice(const Read& message, const std::string& method) {
  if (method == "notifications/initialized") initialized_ = true;
  if (method != "notifications/cancelled") return;
  const std::string id = message.raw(message.find("requestId", "params"));
  if (listens_.erase(id) != 0 && world.random.permille(300)) {
    return write({.kind = ServerLine::Kind::listen_ended,
                  .name = id,
                  .text = result_line(id, "{\"resultType\":\"complete\"}")});
  }
  if (open_inquiries_.contains(id) && !world.more.permille(world.options.deaf_to_cancel))
    open_inquiries_.erase(id);
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  if (world.random.permille(world.options.deaf_to_cancel)) return;
  found->second.call->server_done = true;
  open_.erase(found);
}

void Server::take_answer(const Read& message) {
  const auto found = asked_.find(message.raw(message.find("id")));
  if (found == asked_.end()) return;
  const Call* owner = found->second->owner;
  asked_.erase(found);
  if (owner == nullptr || !owner->presses) return;
  world.schedule.after(world.latest.about(world.options.work), [this, owner] { answer(owner->wire_id); });
}

void Server::take_call(const Read& message, const std::string& id, Call& call) {
  Random& random = world.random;
  const Options& options = world.options;
  if (call.method.starts_with("tasks/") && era_of(message) == Era::legacy)
    return take_task_request(message, id, call);
  const auto* meta = message.find("_meta", "params");
  const auto* token = meta == nullptr ? nullptr : meta->find("progressToken");
  const auto* wanted = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/logLevel");
  Open& open = open_[id] = {.call = &call, .token = message.raw(token), .era = era_of(message), .level = {}};
  if (wanted != nullptr) open.level = place_of_level(wanted->text);
  const auto* can = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/clientCapabilities");
  const auto* extensions = can == nullptr ? nullptr : can->find("extensions");
  open.may_be_task = extensions != nullptr && extensions->find("io.modelcontextprotocol/tasks") != nullptr;
  if (random.permille(options.crash)) return crash();
  if (call.lethal && !world.kind) return crash();
  if (call.presses && open.era == Era::legacy && !world.kind) return press(id, call);
  base::Duration wait = random.about(options.work);
  if (random.permille(options.slow)) wait *= 1000;
  if (random.permille(options.progress)) plan_progress(id, wait);
  const bool will_ask = open.era == Era::legacy && random.permille(options.asks);
  if (may_lead_to_questions(call) && will_ask) plan_ask(id, wait);
  if (random.permille(options.never)) return;
  world.schedule.after(wait, [this, id] { answer(id); });
}

void Server::take_task_request(const Read& message, const std::string& id, Call& call) {
  open_[id] = {.call = &call, .token = "", .era = Era::legacy, .level = {}};
  const std::string named = message.find("params") == nullptr
                                ? std::string()
                                : std::string(message.find("params")->string_or("taskId", ""));
  const auto found = tasks_.find(named);
  if (call.method == "tasks/result" && found != tasks_.end() && found->second.status == "working") {
    found->second.waiting.push_back(id);
    return;
  }
  if (call.method == "tasks/cancel" && found != tasks_.end()) {
    found->second.status = "cancelled";
    finish_task(named);
  }
  world.schedule.after(world.random.about(world.options.work), [this, id] { answer(id); });
}

void Server::input_ended() {
  stopping = true;
  base::Duration wait = world.random.about(world.options.work);
  if (world.random.permille(world.options.slow_stop))
    wait += std::chrono::seconds(world.random.between(1, 5));
  world.schedule.after(wait, [this] {
    if (running) world.hands.server_ended(*this, "exited with status 0");
  });
}

void Server::crash() {
  if (!running) return;
  if (!stopping) ++world.families[family].troubles;
  if (world.random.permille(300)) output += "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu";  // Half a line is none.
  world.hands.server_ended(*this, "killed by SIGSEGV");
}

void Server::end_idle() {
  if (!running || stopping || !open_.empty() || !open_inquiries_.empty()) return;
  clean = true;
  ++world.families[family].troubles;  // A call may be on its way to it.
  world.hands.server_ended(*this, "exited with status 0");
}

bool Server::doom(std::size_t how) {
  if (how == 0) return true;
  if (how == 1) silent_ = true;
  if (how == 2) world.schedule.after(world.random.about(world.options.work), [this] { crash(); });
  return false;
}

void Server::turn_kind() {
  if (!running) return;
  reading = true;
  read_some();
  std::vector<std::string> owed;
  for (const auto& [id, open] : open_) owed.push_back(id);
  for (const std::string& id : owed) answer(id);
  for (const std::string& id : std::set(open_inquiries_)) tell(*inquiries.at(id));
  std::vector<std::string> known;
  for (const auto& [id, task] : tasks_) known.push_back(id);
  for (const std::string& id : known) finish_task(id);
  end_tasks();
}

// Only its side of the conversation: what it works at it goes on with.
void Server::forget() {
  initialized_ = silent_ = refuses_ = false;
  watched_.clear();
  asked_.clear();
  level_ = 0;
  world.hands.forget(*this);
}

void Server::pause_reading() {
  reading = false;
  world.schedule.after(world.random.about(world.options.work * 50), [this] {
    reading = true;
    read_some();
  });
}

void Server::write(ServerLine line) {
  if (!running) return;
  Random& random = world.random;
  if (random.permille(10)) output += "\r\n";
  output += line.text;
  output += random.permille(20) ? "\r\n" : "\n";
  records.push_back(std::move(line));
  world.hands.server_wrote(*this);
}

void Server::write_other(std::string text) {
  write({.kind = ServerLine::Kind::other, .text = std::move(text)});
}

}  // namespace sim
