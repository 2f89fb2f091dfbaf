// The steps of a script, each an object whose first key is the verb:
//
//   {"hold": KEY, "drop": true}   wait until KEY is released (for good); "drop": forgotten when cancelled
//   {"release": KEY}              let everything go that waits for KEY, now and later
//   {"answer": RESULT}            answer the call now; what follows happens after the answer
//   {"text": TEXT} {"size": N}    the same with a text, with a text of N bytes
//   {"error": ERROR}              the same with an error
//   {"silence": true}             never answer
//   {"progress": N, "token": T, "from": F}   N notifications, for the call's own token or for T
//   {"log": LEVEL, "data": D, "times": N}
//   {"list_changed": "tools", "times": N}
//   {"updated": URI, "times": N}
//   {"notify": METHOD, "params": P}
//   {"ask": METHOD, "params": P, "id": I}   ask the client, wait for its answer; "go_on": true does not wait
//   {"raw": TEXT} {"hex": HEX}    bytes on stdout; $ID stands for the call's id, $TOKEN for its token
//   {"chunk": N} {"split": N}     see Output
//   {"stderr": TEXT, "times": N}
//   {"set_tools": ARRAY}
//   {"exit": N} {"signal": N}
//   {"stop_reading": true} {"start_reading": true} {"close_stdout": true} {"close_stdin": true}
//   {"fork": KIND}                leave a descendant (see below); its pid is recorded and collected
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "server.h"

namespace fake {
namespace {

constexpr unsigned descendant_seconds_max = 300;

std::string unhex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::strtol(std::string(digits.substr(i, 2)).c_str(), nullptr, 16));
  }
  return out;
}

std::string text_of_size(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('0' + i % 10);
  return text;
}

std::string text_outcome(std::string_view text) {
  return "\"result\":{\"content\":[{\"type\":\"text\",\"text\":" + quoted(text) + "}]}";
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

void Server::start(RunPtr run) {
  while (run->steps != nullptr && run->next < run->steps->size()) {
    switch (step(run, (*run->steps)[run->next++])) {
      case Next::go_on:
        break;
      case Next::parked:
        return;
      case Next::over:
        return;
    }
  }
  if (!run->result.empty()) return finish(*run, "\"result\":" + run->result);
  std::string all = "[";
  for (const std::string& one : run->collected) all += (all.size() > 1 ? "," : "") + one;
  finish(*run, text_outcome(all + "]"));
}

Server::Next Server::step(RunPtr& run, const Json& step) {
  if (step.members.empty()) return Next::go_on;
  const auto& [verb, what] = step.members.front();
  if (verb == "hold") {
    const std::string key = what.text();
    if (released_.contains(key)) return Next::go_on;
    run->dropped_when_cancelled = step.has("drop");
    record_.event("hold", "\"key\":" + quoted(key));
    held_.emplace(key, std::move(run));
    note("(hold " + key + ")");
    return Next::parked;
  }
  if (verb == "ask") return ask(run, what, step);
  if (verb == "silence") return Next::over;
  return speak(*run, verb, what, step);
}

Server::Next Server::speak(Run& run, const std::string& verb, const Json& what, const Json& step) {
  const long times = step.number_or("times", 1);
  if (verb == "answer") {
    finish(run, "\"result\":" + std::string(what.raw));
  } else if (verb == "text") {
    finish(run, text_outcome(what.text()));
  } else if (verb == "size") {
    finish(run, text_outcome(text_of_size(static_cast<std::size_t>(what.number()))));
  } else if (verb == "error") {
    finish(run, "\"error\":" + std::string(what.raw));
  } else if (verb == "progress") {
    const Json* token = step.find("token");
    const std::string raw = token ? std::string(token->raw) : run.token;
    const long from = step.number_or("from", 1);
    for (long i = 0; i < what.number() && !raw.empty(); ++i) {
      notify("notifications/progress",
             "{\"progressToken\":" + raw + ",\"progress\":" + std::to_string(from + i) + "}");
    }
  } else if (verb == "log") {
    const std::string data = step.has("data") ? std::string(step.find("data")->raw) : "\"words\"";
    for (long i = 0; i < times; ++i) {
      notify("notifications/message", "{\"level\":" + std::string(what.raw) + ",\"data\":" + data + "}");
    }
  } else if (verb == "list_changed") {
    for (long i = 0; i < times; ++i) notify("notifications/" + what.text() + "/list_changed", "");
  } else if (verb == "updated") {
    for (long i = 0; i < times; ++i)
      notify("notifications/resources/updated", "{\"uri\":" + quoted(what.text()) + "}");
  } else if (verb == "notify") {
    notify(what.text(), step.has("params") ? filled_in(std::string(step.find("params")->raw), run) : "");
  } else if (verb == "release") {
    release(what.text());
  } else if (verb == "set_tools") {
    tools_ = what.raw;
  } else {
    return misbehave(run, verb, what, step);
  }
  return Next::go_on;
}

Server::Next Server::misbehave(Run& run, const std::string& verb, const Json& what, const Json& step) {
  if (verb == "raw") {
    out_.bytes(filled_in(what.text(), run));
  } else if (verb == "hex") {
    out_.bytes(filled_in(unhex(what.text()), run));
  } else if (verb == "chunk") {
    out_.chunk(static_cast<std::size_t>(what.number()));
  } else if (verb == "split") {
    out_.split_next(static_cast<std::size_t>(what.number()));
  } else if (verb == "stderr") {
    for (long i = 0; i < step.number_or("times", 1); ++i) write_all(STDERR_FILENO, what.text());
  } else if (verb == "exit") {
    _exit(static_cast<int>(what.number()));
  } else if (verb == "signal") {
    signal(static_cast<int>(what.number()), SIG_DFL);
    raise(static_cast<int>(what.number()));
  } else if (verb == "stop_reading") {
    reading_ = false;
  } else if (verb == "start_reading") {
    reading_ = true;
  } else if (verb == "close_stdout") {
    close(STDOUT_FILENO);
  } else if (verb == "close_stdin") {
    reading_ = false;
    close(STDIN_FILENO);
  } else if (verb == "fork") {
    fork_descendant(run, what.text());
  } else {
    finish(run, "\"error\":{\"code\":-32602,\"message\":" + quoted("unknown step " + verb) + "}");
    return Next::over;
  }
  return Next::go_on;
}

Server::Next Server::ask(RunPtr& run, const Json& what, const Json& step) {
  const std::string id = step.has("id") ? std::string(step.find("id")->raw) : std::to_string(asks_++);
  std::string params = step.has("params") ? std::string(step.find("params")->raw) : "{}";
  params = filled_in(std::move(params), *run);
  record_.event("ask", "\"id\":" + id + ",\"method\":" + std::string(what.raw));
  const std::string line = "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":" + std::string(what.raw) +
                           (params == "{}" ? "" : ",\"params\":" + params) + "}";
  const bool go_on = step.has("go_on");
  if (!go_on) asking_[id] = std::move(run);
  out_.line(line);
  return go_on ? Next::go_on : Next::parked;
}

void Server::release(const std::string& key) {
  released_.insert(key);
  if (key == "initialize") initialized_ = true;
  std::vector<RunPtr> freed;
  const auto [from, to] = held_.equal_range(key);
  for (auto held = from; held != to; ++held) freed.push_back(std::move(held->second));
  held_.erase(from, to);
  for (RunPtr& run : freed) start(std::move(run));
}

// "plain" keeps group and session, "session" calls setsid, "double" is orphaned at once, "stubborn" is all of
// this and ignores SIGTERM and SIGHUP besides. All of them hold on to stdout, so that the pipe does not end
// with the server.
void Server::fork_descendant(Run& run, const std::string& kind) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    if (kind != "plain") setsid();
    if (kind == "stubborn") {
      signal(SIGTERM, SIG_IGN);
      signal(SIGHUP, SIG_IGN);
    }
    if ((kind == "double" || kind == "stubborn") && fork() != 0) _exit(0);
    const pid_t own = getpid();
    write_all(ends[1], std::string_view(reinterpret_cast<const char*>(&own), sizeof own));
    for (int fd = 3; fd < 256; ++fd) close(fd);
    close(STDIN_FILENO);
    alarm(descendant_seconds_max);
    for (;;) pause();
  }
  pid_t descendant = 0;
  if (read(ends[0], &descendant, sizeof descendant) != sizeof descendant) std::abort();
  if (kind == "double" || kind == "stubborn") waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  record_.event("fork", "\"pid\":" + std::to_string(descendant) + ",\"kind\":" + quoted(kind));
  run.collected.push_back(std::to_string(descendant));
}

void Server::notify(std::string_view method, std::string_view params) {
  std::string line = "{\"jsonrpc\":\"2.0\",\"method\":" + quoted(method);
  if (!params.empty()) line += ",\"params\":" + std::string(params);
  out_.line(line + "}");
}

std::string Server::filled_in(std::string text, const Run& run) {
  replace_all(text, "$ID", run.id);
  replace_all(text, "$TOKEN", run.token);
  replace_all(text, "$TASK", run.task);
  return text;
}

}  // namespace fake
