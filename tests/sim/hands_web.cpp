// Servers that speak HTTP: a process that is started, answers, and falls, and a
// conversation in it for each session, which can be broken off or forgotten
// without it.
#include <algorithm>
#include <utility>

#include "sim/hands.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

std::size_t named_level(const std::string& text) {
  const Read message(text);
  const auto* level = message.find("level", "params");
  return level == nullptr ? levels.size() : place_of_level(level->text);
}

}  // namespace

void Hands::start_web(const broker::StartInstance& action, std::size_t family) {
  world_.checker.starting_web(action, family);
  const core::InstanceId id = action.instance;
  webs_[id] = {.family = family};
  const Options& options = world_.options;
  const bool fails = world_.more.permille(options.start_fails);
  const bool silent = world_.more.permille(options.silent_start);
  after(world_.more.about(options.wire), [this, id, fails, silent] {
    if (!webs_.contains(id)) return;
    if (fails) {
      ++world_.families[webs_[id].family].troubles;
      webs_.erase(id);
      return give(broker::InstanceStartFailed{id, "cannot start it: no such file"});
    }
    give(broker::InstanceStarted{id, 5000});
    if (silent) return;
    after(world_.more.about(world_.options.work), [this, id] {
      if (webs_.contains(id) && !webs_[id].stopping) give(broker::InstanceAnswers{id});
    });
    plan_fall(id);
  });
}

// It may end by itself, and its conversations are heard of before that, or
// after.
void Hands::plan_fall(core::InstanceId id) {
  after(world_.more.about(world_.options.hum * 4), [this, id] {
    const auto found = webs_.find(id);
    if (found == webs_.end() || found->second.stopping || world_.kind) return;
    if (!world_.more.permille(world_.options.crash_idle * 4)) return plan_fall(id);
    ++world_.families[found->second.family].troubles;
    for (auto& [channel, link] : servers_) {
      const bool its = link.server->start.channel_of == id;
      if (its && link.server->running && world_.more.permille(500)) link.server->crash();
    }
    web_ends(id, "killed by SIGSEGV");
  });
}

void Hands::stop_web(core::InstanceId id) {
  Web& web = webs_.at(id);
  if (std::exchange(web.stopping, true)) return world_.checker.broken("a process is stopped once", "");
  ++world_.families[web.family].troubles;  // It may have been too slow, or a person's wish.
  after(world_.more.about(world_.options.work), [this, id] { web_ends(id, "exited with status 0"); });
}

void Hands::web_ends(core::InstanceId id, const std::string& how) {
  if (webs_.erase(id) == 0) return;
  give(broker::InstanceExited{id, how, "last words", false});
}

bool Hands::of_a_running_web(const broker::StartInstance& channel) {
  const auto found = webs_.find(*channel.channel_of);
  return found != webs_.end() && !found->second.stopping;
}

// What the server has not read was turned away, and had no effect. What it
// works at it may still answer.
void Hands::forget(Server& server) {
  const auto found = servers_.find(server.start.instance);
  if (found == servers_.end() || server.stopping || !server.running) return;
  ServerLink& link = found->second;
  std::vector<std::string> unread(server.input.begin(), server.input.end());
  unread.insert(unread.end(), link.queue.begin(), link.queue.end());
  server.input.clear();
  server.input_bytes = 0;
  link.queue.clear();
  link.queued = 0;
  std::vector<proto::Message> refused;
  for (const std::string& text : unread) {
    world_.checker.turned_away(server, text);
    refused.emplace_back(text);
  }
  world_.checker.forgot(server);
  give(broker::InstanceForgot{server.start.instance, std::move(refused)});
}

// For a client with many streams it is said on which of its calls' a message
// goes.
void Hands::check_stream(Client& client, const std::string& concerns, const std::string& text) {
  if (!client.many_streams) return;
  const auto markers = named_numbers(text, "marker");
  const bool about_a_call = text.contains("\"notifications/progress\"") &&
                            std::ranges::any_of(client.pending, [&](const auto& entry) {
                              return markers.size() == 1 && first_of(*entry.second).number == markers.front();
                            });
  if (concerns.empty() && about_a_call)
    return world_.checker.broken("a message goes on the stream of the call that it is about", text);
  const bool log = text.contains("\"method\":\"notifications/message\"");
  if (concerns.empty() && log)
    return world_.checker.broken("a log line goes on the stream of a call that wants it", text);
  if (concerns.empty()) return;
  // One id may stand for two calls after the death of a daemon.
  const auto [first, last] = client.pending.equal_range(concerns);
  if (first == last)
    return world_.checker.broken("a message goes on the stream of a call that is open", text);
  if (log) {
    const auto level = named_level(text);
    const bool wanted = std::any_of(first, last, [&](const auto& entry) {
      return entry.second->log_level && level >= *entry.second->log_level;
    });
    if (!wanted) world_.checker.broken("a log line goes on the stream of a call that wants it", text);
  }
  if (!about_a_call) return;
  for (const int number : markers) {
    const bool meant =
        std::any_of(first, last, [&](const auto& entry) { return first_of(*entry.second).number == number; });
    if (!meant) world_.checker.broken("a message goes on the stream of the call that it is about", text);
  }
}

}  // namespace sim
