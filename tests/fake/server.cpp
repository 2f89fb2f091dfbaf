#include "server.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace fake {
namespace {

constexpr unsigned life_seconds_max = 300;  // A test that lost sight of a server must not leave it for ever.
constexpr std::size_t seen_bytes_max = 65536;
constexpr std::string_view every_capability =
    R"({"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},)"
    R"("prompts":{"listChanged":true},"logging":{},"completions":{},)"
    R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}})";

int count_records(const std::string& dir) {
  int count = 0;
  DIR* open_dir = opendir(dir.c_str());
  if (open_dir == nullptr) return 0;
  while (const dirent* entry = readdir(open_dir))
    count += std::string_view(entry->d_name).ends_with(".record");
  closedir(open_dir);
  return count;
}

int listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A socket that has its name can be connected to, so it gets it once it listens.
  const std::string bound = path + ".new";
  if (bound.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, bound.c_str(), bound.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 64) != 0)
    return -1;
  return rename(bound.c_str(), path.c_str()) == 0 ? fd : -1;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out = "[";
  for (const std::string& part : parts) out += (out.size() > 1 ? "," : "") + part;
  return out + "]";
}

std::string open_descriptors() {
  std::vector<std::string> open;
  for (int fd = 0; fd < 1024; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) open.push_back(std::to_string(fd));
  }
  return joined(open);
}

// What a child could inherit that it should not: the mask and the ignored signals.
std::string signals() {
  std::vector<std::string> blocked, ignored;
  sigset_t mask;
  sigprocmask(SIG_BLOCK, nullptr, &mask);
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action{};
    sigaction(signal, nullptr, &action);
    if (sigismember(&mask, signal) == 1) blocked.push_back(std::to_string(signal));
    if (action.sa_handler == SIG_IGN) ignored.push_back(std::to_string(signal));
  }
  return "\"blocked\":" + joined(blocked) + ",\"ignored\":" + joined(ignored);
}

std::string text_result(std::string_view text) {
  return "{\"content\":[{\"type\":\"text\",\"text\":" + quoted(text) + "}]}";
}

std::string raw_of(const Json& json, std::string_view key) {
  const Json* found = json.find(key);
  return found ? std::string(found->raw) : std::string();
}

bool is_level(std::string_view name) {
  constexpr std::array names = {"debug", "info",     "notice", "warning",
                                "error", "critical", "alert",  "emergency"};
  return std::ranges::find(names, name) != names.end();
}

volatile sig_atomic_t term_seen = 0;

}  // namespace

Source received(std::string& text) {
  auto source = std::make_shared<Received>();
  source->text = std::move(text);
  auto json = parse(source->text);
  if (!json) {
    text = std::move(source->text);
    return nullptr;
  }
  source->json = std::move(*json);
  return source;
}

Server::Server(Options options)
    : options_(std::move(options)),
      record_(options_.dir.empty() ? "" : options_.dir + "/" + std::to_string(getpid()) + ".record") {
  if (options_.capabilities.empty()) options_.capabilities = every_capability;
}

void Server::start_reports() {
  char directory[4096] = "";
  if (getcwd(directory, sizeof directory) == nullptr) directory[0] = '\0';
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (is_utf8(*variable)) variables.push_back(quoted(*variable));
  }
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  record_.event("start", "\"at\":" + std::to_string(now.tv_sec * 1000000000 + now.tv_nsec) + ",\"pid\":" +
                             std::to_string(getpid()) + ",\"group\":" + std::to_string(getpgrp()) +
                             ",\"session\":" + std::to_string(getsid(0)) + ",\"cwd\":" + quoted(directory) +
                             ",\"descriptors\":" + open_descriptors() + "," + signals() +
                             ",\"environment\":" + joined(variables));
}

int Server::run() {
  start_reports();
  alarm(life_seconds_max);
  signal(SIGPIPE, SIG_IGN);
  if (options_.ignore_term) {
    struct sigaction action{};
    action.sa_handler = [](int) { term_seen = 1; };
    sigaction(SIGTERM, &action, nullptr);
  }
  if (!options_.words.empty()) write_all(STDERR_FILENO, options_.words + '\n');
  if (options_.exit_at_start >= 0 && count_records(options_.dir) <= options_.exits)
    return options_.exit_at_start;
  if (!options_.dir.empty()) listener_ = listen_at(options_.dir + "/" + std::to_string(getpid()) + ".sock");
  if (!options_.banner.empty()) out_.bytes(options_.banner);

  for (;;) {
    std::vector<pollfd> fds = {{reading_ ? STDIN_FILENO : -1, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Control& control : controls_) fds.push_back({control.fd, POLLIN, 0});
    const bool murmuring = options_.murmur_ms > 0 && !initialized_;
    const int ready = poll(fds.data(), fds.size(), murmuring ? options_.murmur_ms : -1);
    if (ready == 0) write_all(STDERR_FILENO, "still starting\n");
    if (term_seen) {
      term_seen = 0;
      record_.event("term");
      note("(term)");
    }
    if (ready <= 0) continue;
    for (std::size_t i = fds.size(); i-- > 2;) {
      if (fds[i].revents != 0) read_control(i - 2);
    }
    if (fds[1].revents != 0) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) controls_.push_back({fd, ""});
    }
    if (reading_ && fds[0].revents != 0) read_stdin();
  }
}

void Server::read_stdin() {
  static char buffer[1 << 16];
  const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    record_.event("eof", "\"unfinished\":" + std::to_string(unread_.size()));
    note("(eof)");
    if (!options_.ignore_eof) _exit(0);
    reading_ = false;
    return;
  }
  // Searching only what is new keeps 100 MiB linear.
  std::string_view fresh(buffer, static_cast<std::size_t>(count));
  for (std::size_t end = 0; (end = fresh.find('\n')) != std::string_view::npos;
       fresh.remove_prefix(end + 1)) {
    unread_ += fresh.substr(0, end);
    on_line(std::exchange(unread_, {}));
  }
  unread_ += fresh;
}

void Server::on_line(std::string line) {
  const Source source = received(line);
  if (!source) {
    record_.received(line, false);
    note("(bad)");
    return;
  }
  record_.received(source->text, true);
  seen_.push_back(source->text.substr(0, seen_bytes_max));
  if (source->json.type == Json::Type::array) {
    for (const Json& message : source->json.items) on_message(source, message);
  } else {
    on_message(source, source->json);
  }
  check_waits();
}

void Server::on_message(const Source& source, const Json& message) {
  const std::string method = message.text_or("method", "");
  if (method.empty()) return on_response(message);
  if (message.has("id")) return on_request(source, message, method);
  on_notification(message, method);
}

void Server::on_notification(const Json& message, const std::string& method) {
  if (method == "notifications/initialized" && !options_.after_initialized.empty()) {
    auto run = std::make_unique<Run>();
    std::string steps = options_.after_initialized;
    run->source = received(steps);
    if (!run->source) std::abort();
    run->steps = &run->source->json.items;
    start(std::move(run));
  }
  if (method == "notifications/cancelled") {
    const Json* params = message.find("params");
    const std::string id = params ? raw_of(*params, "requestId") : "";
    std::erase_if(held_, [&](const auto& held) {
      return held.second->dropped_when_cancelled && held.second->id == id;
    });
  }
}

void Server::on_response(const Json& message) {
  const auto found = asking_.find(raw_of(message, "id"));
  if (found == asking_.end()) return;
  RunPtr run = std::move(found->second);
  asking_.erase(found);
  run->collected.emplace_back(message.raw);
  start(std::move(run));
}

void Server::on_request(const Source& source, const Json& message, const std::string& method) {
  static const Json nothing;
  const std::string id = raw_of(message, "id");
  const Json& params = message.has("params") ? *message.find("params") : nothing;
  if (method == "initialize") return initialize(id, params);
  if (method == "server/discover") return discover(id);
  if (method.starts_with("tasks/")) return on_task_request(id, method, params);

  auto run = std::make_unique<Run>();
  run->source = source;
  run->id = id;
  if (const Json* meta = params.find("_meta")) {
    run->token = raw_of(*meta, "progressToken");
    if (const Json* steps = meta->find("fake/steps")) run->steps = &steps->items;
  }
  if (method == "tools/call") return call_tool(source, params, std::move(run));
  if (method == "resources/subscribe" && params.text_or("uri", "").starts_with("fake://refused")) {
    return refuse(id, -32602, "no such resource");
  }
  if (method == "logging/setLevel" && !is_level(params.text_or("level", ""))) {
    return refuse(id, -32602, "no such level");
  }
  run->result = simple_result(method, params);
  if (run->result.empty()) return refuse(id, -32601, "Method not found");
  start(std::move(run));
}

void Server::initialize(const std::string& id, const Json& params) {
  const std::string revision =
      options_.revision.empty() ? params.text_or("protocolVersion", "2025-11-25") : options_.revision;
  auto run = std::make_unique<Run>();
  run->id = id;
  run->result = "{\"protocolVersion\":" + quoted(revision) + ",\"capabilities\":" + options_.capabilities +
                R"(,"serverInfo":{"name":"fake","version":"1.0"},"instructions":"Do as the script says."})";
  if (options_.initialize == "exit") _exit(3);
  if (options_.initialize == "silence") return;
  if (options_.initialize == "error") return refuse(id, -32603, "not today");
  if (options_.initialize == "hold" && !released_.contains("initialize")) {
    held_.emplace("initialize", std::move(run));
    return;
  }
  initialized_ = true;
  start(std::move(run));
}

void Server::discover(const std::string& id) {
  if (options_.discover == "silence") return;
  if (options_.discover == "exit") _exit(4);
  if (options_.discover != "result")
    return refuse(id, std::strtol(options_.discover.c_str(), nullptr, 10), "no such method");
  answer(id, "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":" +
                 options_.capabilities + R"(,"ttlMs":0,"cacheScope":"private"})");
}

std::string Server::list_tools(const std::string& cursor) const {
  std::vector<std::string> all;
  if (!tools_.empty()) return "{\"tools\":" + tools_ + "}";
  const auto add = [&](const std::string& name) {
    all.push_back("{\"name\":" + quoted(name) +
                  R"(,"inputSchema":{"type":"object"},"execution":{"taskSupport":"optional"}})");
  };
  for (const char* name : {"echo", "do", "reflect", "count", "length"}) add(name);
  for (int i = 0; i < options_.tools; ++i) add("tool_" + std::to_string(i));
  if (options_.page == 0) return "{\"tools\":" + joined(all) + "}";

  const auto size = static_cast<std::size_t>(options_.page);
  const auto from =
      std::min(cursor.empty() ? 0 : static_cast<std::size_t>(std::strtol(cursor.c_str() + 1, nullptr, 10)),
               all.size());
  const auto to = std::min(from + size, all.size());
  const std::vector<std::string> page(all.begin() + static_cast<long>(from),
                                      all.begin() + static_cast<long>(to));
  const std::string next = to < all.size() ? ",\"nextCursor\":\"p" + std::to_string(to) + "\"" : "";
  return "{\"tools\":" + joined(page) + next + "}";
}

std::string Server::simple_result(const std::string& method, const Json& params) {
  if (method == "ping" || method == "logging/setLevel") return "{}";
  if (method == "resources/subscribe" || method == "resources/unsubscribe") return "{}";
  if (method == "tools/list") return list_tools(params.text_or("cursor", ""));
  if (method == "resources/list") return R"({"resources":[{"uri":"fake://a","name":"a"}]})";
  if (method == "resources/templates/list") return R"({"resourceTemplates":[]})";
  if (method == "resources/read") {
    return "{\"contents\":[{\"uri\":" + quoted(params.text_or("uri", "")) + R"(,"text":"content"}]})";
  }
  if (method == "prompts/list") return R"({"prompts":[{"name":"p"}]})";
  if (method == "prompts/get") {
    return R"({"messages":[{"role":"user","content":{"type":"text","text":"prompt"}}]})";
  }
  if (method == "completion/complete") return R"({"completion":{"values":["one","two"]}})";
  if (method.starts_with("fake/")) {
    return "{\"method\":" + quoted(method) +
           ",\"params\":" + (params.raw.empty() ? "null" : std::string(params.raw)) + "}";
  }
  return "";
}

void Server::call_tool(const Source& source, const Json& params, RunPtr run) {
  static const Json nothing;
  const std::string name = params.text_or("name", "");
  const Json& arguments = params.has("arguments") ? *params.find("arguments") : nothing;
  if (name == "do") {
    if (const Json* steps = arguments.find("steps")) run->steps = &steps->items;
  } else if (name == "echo") {
    run->result = text_result(arguments.text_or("text", ""));
  } else if (name == "reflect") {
    run->result = text_result(source->text);
  } else if (name == "count") {
    run->result = text_result(std::to_string(++counters_[arguments.text_or("key", "")]));
  } else if (name == "length") {
    run->result = text_result(std::to_string(arguments.text_or("text", "").size()));
  } else {
    return refuse(run->id, -32602, "Unknown tool: " + name);
  }
  if (params.has("task")) {
    Task task;
    task.id = "task-" + std::to_string(++tasks_made_);
    run->task = task.id;
    answer(run->id, "{\"task\":" + task_json(task) + "}");
    tasks_[task.id] = std::move(task);
  }
  start(std::move(run));
}

std::string Server::task_json(const Task& task) {
  return "{\"taskId\":" + quoted(task.id) + ",\"status\":" + quoted(task.status) +
         R"(,"createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z",)"
         R"("ttl":null,"pollInterval":10})";
}

void Server::on_task_request(const std::string& id, const std::string& method, const Json& params) {
  if (method == "tasks/list") {
    std::vector<std::string> all;
    for (const auto& [name, task] : tasks_) all.push_back(task_json(task));
    return answer(id, "{\"tasks\":" + joined(all) + "}");
  }
  const auto found = tasks_.find(params.text_or("taskId", ""));
  if (found == tasks_.end()) return refuse(id, -32602, "Unknown task");
  Task& task = found->second;
  if (method == "tasks/get") return answer(id, task_json(task));
  if (method == "tasks/cancel") {
    finish_task(task, "cancelled", R"("error":{"code":-32603,"message":"cancelled"})");
    return answer(id, task_json(task));
  }
  if (method != "tasks/result") return refuse(id, -32601, "Method not found");
  task.awaited_by.push_back(id);
  if (!task.outcome.empty()) finish_task(task, task.status, task.outcome);
}

void Server::finish_task(Task& task, std::string status, std::string outcome) {
  task.status = std::move(status);
  task.outcome = std::move(outcome);
  for (const std::string& id : std::exchange(task.awaited_by, {})) {
    out_.line("{\"jsonrpc\":\"2.0\",\"id\":" + id + "," + task.outcome + "}");
  }
}

void Server::answer(const std::string& id, std::string_view result) {
  out_.line("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + std::string(result) + "}");
}

void Server::refuse(const std::string& id, long code, std::string_view text) {
  out_.line("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"error\":{\"code\":" + std::to_string(code) +
            ",\"message\":" + quoted(text) + "}}");
}

void Server::finish(Run& run, std::string_view outcome) {
  if (run.answered) return;
  run.answered = true;
  if (run.control >= 0) {
    write_all(run.control, "{" + std::string(outcome) + "}\n");
  } else if (!run.task.empty()) {
    Task& task = tasks_[run.task];
    if (task.outcome.empty()) finish_task(task, "completed", std::string(outcome));
  } else if (!run.id.empty()) {
    out_.line("{\"jsonrpc\":\"2.0\",\"id\":" + run.id + "," + std::string(outcome) + "}");
  }
}

void Server::read_control(std::size_t index) {
  char buffer[1 << 16];
  const int fd = controls_[index].fd;
  const ssize_t count = read(fd, buffer, sizeof buffer);
  if (count <= 0) {
    std::erase_if(waits_, [&](const Wait& wait) { return wait.control == fd; });
    close(fd);
    controls_.erase(controls_.begin() + static_cast<long>(index));
    return;
  }
  std::string& unread = controls_[index].unread;
  unread.append(buffer, static_cast<std::size_t>(count));
  for (std::size_t end = 0; (end = unread.find('\n')) != std::string::npos;) {
    std::string line = unread.substr(0, end);
    unread.erase(0, end + 1);
    on_control(fd, std::move(line));
  }
}

void Server::on_control(int fd, std::string line) {
  const Source source = received(line);
  if (!source) return write_all(fd, "{\"error\":\"not JSON\"}\n");
  if (const Json* wait = source->json.find("wait")) {
    std::vector<std::string> has;
    for (const Json& text : wait->find("has")->items) has.push_back(text.text());
    waits_.push_back({fd, std::move(has), static_cast<std::size_t>(wait->number_or("count", 1))});
    return check_waits();
  }
  auto run = std::make_unique<Run>();
  run->source = source;
  run->control = fd;
  run->steps = &source->json.find("steps")->items;
  start(std::move(run));
}

void Server::note(std::string line) {
  seen_.push_back(std::move(line));
  check_waits();
}

void Server::check_waits() {
  std::erase_if(waits_, [&](const Wait& wait) {
    const auto count = std::ranges::count_if(seen_, [&](const std::string& line) {
      return std::ranges::all_of(wait.has, [&](const std::string& text) { return line.contains(text); });
    });
    if (static_cast<std::size_t>(count) < wait.count) return false;
    write_all(wait.control, "{\"seen\":" + std::to_string(count) + "}\n");
    return true;
  });
}

}  // namespace fake
