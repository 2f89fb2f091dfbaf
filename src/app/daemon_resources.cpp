// What servers take of the machine, for the daemon: who watches it, and what is done and said about it.
#include <algorithm>

#include "app/daemon.h"

namespace app {

void Daemon::watch_resources(const Config& config) {
  const ServersSeen servers{
      .running = [this] { return running_servers(); },
      .question = [this](broker::InstanceId id, io::Question::About about) { return question(id, about); }};
  limit_watch_ = std::make_unique<LimitWatch>(
      LimitWatch::Hands{.loop = loop_,
                        .surveyor = children_->surveyor(),
                        .kernel = children_->controllers(),
                        .servers = servers,
                        .exceeded = [this](broker::InstanceId id) { return exceeded(id); },
                        .end = [this](broker::InstanceId id, const std::string& why) { end_for(id, why); }});
  memory_watch_ = std::make_unique<MemoryWatch>(
      MemoryWatch::Hands{.loop = loop_,
                         .surveyor = children_->surveyor(),
                         .servers = servers,
                         .tell = [this](broker::MemoryShort event) { feed(std::move(event)); }},
      config.budget);
}

// After an upgrade, too: they run already.
void Daemon::look_at_resources() {
  for (const RunningServer& server : running_servers()) {
    limit_watch_->stir(server.limits);
    memory_watch_->stir();
  }
}

std::vector<RunningServer> Daemon::running_servers() const {
  std::vector<RunningServer> all;
  for (const broker::InstanceReport& report : broker_.instances()) {
    const bool starts = report.state == "starting";
    if (report.pid == 0 && !starts) continue;
    all.push_back({.id = report.instance,
                   .limits = report.limits,
                   .works = starts || report.calls != 0,
                   .stopping = report.state == "stopping"});
  }
  return all;
}

std::optional<io::Question> Daemon::question(broker::InstanceId id, io::Question::About about) const {
  const Running* running = instances_.find(id);
  if (running != nullptr && running->child != nullptr) return running->child->question(about);
  return upstreams_->question(id, about);
}

std::optional<base::Resource> Daemon::exceeded(broker::InstanceId id) const {
  const Running* running = instances_.find(id);
  if (running != nullptr && running->child != nullptr) return running->child->exceeded();
  return upstreams_->exceeded(id);
}

void Daemon::end_for(broker::InstanceId id, const std::string& why) {
  Running* running = instances_.find(id);
  if (running != nullptr && running->child != nullptr) return running->child->end_for(why);
  upstreams_->end_for(id, why);
}

void Daemon::note_start(const broker::StartInstance& action) {
  if (action.channel_of || action.program.empty()) return;
  for (const std::string& sentence : not_kept(action.limits))
    log_.warning("server " + action.name + ": " + sentence);
  limit_watch_->stir(action.limits);
  memory_watch_->stir();
}

std::vector<std::string> Daemon::not_kept(const base::ResourceLimits& limits) const {
  return limits_not_kept(limits, children_->controllers(), children_->no_controllers());
}

}  // namespace app
