// What must hold when a daemon has died, when everybody has become kind, and when everybody has left.
#include <algorithm>
#include <array>
#include <set>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

std::string who(const Client& client) {
  return "client " + std::to_string(client.number) +
         (client.session ? " (S" + std::to_string(client.session->index) + ")" : "");
}

}  // namespace

base::Instant Checker::now() const {
  return world_.schedule.now();
}

// The clients that live on are owed one error for each call whose answer they do not have.
void Checker::daemon_died() {
  for (Client& client : world_.clients) {
    client.pending.clear();
    client.refusable.clear();
    client.refusals_due = client.refusals_got;
    client.asked.clear();
    client.roots_asked.clear();
    client.roots_given.clear();
    client.roots_vague = false;
    client.news.clear();
    no_longer_live(client);
    if (client.gone) continue;
    for (auto& [id, listen] : client.listens) {
      listen.acknowledged = listen.renewed = listen.delivered;
      if (!listen.delivered) {  // Its client has not been told anything: it begins anew.
        listen.granted.clear();
        listen.news.clear();
      }
      for (const std::string& name : listen.granted) listen.news[name].due = now();
    }
    for (Call* call : client.calls) {
      if (!call->fed || call->delivered || call->cancelled || call->duplicate) continue;
      call->answered = call->failed = false;
      // An id that was used again while the answer was on its way is one to the next daemon.
      call->duplicate = !call->broken && client.pending.contains(call->id);
      if (call->duplicate) continue;
      (call->broken ? client.refusable : client.pending).emplace(call->id, call);
      if (call->broken) ++client.refusals_allowed;
    }
    if (!client.initialize_ok || !client.initialized_fed) continue;
    for (const std::string_view list : {"tools", "prompts", "resources"}) {
      client.news["notifications/" + std::string(list) + "/list_changed"].due = world_.schedule.now();
    }
  }
}

void Checker::look_around() {
  const broker::Broker* broker = world_.hands.broker();
  if (broker == nullptr) return;
  std::size_t open = 0;
  for (const Client& client : world_.clients) open += client.session ? 1U : 0U;
  if (broker->sessions().size() > open) broken("the broker reports the sessions there are", "too many");
  for (const broker::SessionReport& report : broker->sessions()) {
    for (const Client& client : world_.clients) {
      if (client.session != report.session) continue;
      // Calls that were answered with questions count while their servers wait.
      const auto parked = std::ranges::count_if(client.calls, &Call::input_required);
      if (report.calls > client.pending.size() + static_cast<std::size_t>(parked))
        broken("a session has the calls it has", who(client));
      if (report.server != client.spec.name) broken("a session has the server it asked for", who(client));
    }
  }
}

void Checker::settled() {
  if (world_.hands.broker() == nullptr) return;
  for (const Client& client : world_.clients) {
    if (client.gone || !client.session) continue;
    for (const auto& [id, call] : client.pending) {
      if (call->method != "subscriptions/listen")
        return broken("every request is answered in the end", who(client) + " waits for " + call->text);
    }
    const bool all_refused = client.refusals_got >= client.refusals_due;
    if (!all_refused && world_.kills == 0) return broken("every broken request is refused", who(client));
    if (!client.expected.empty()) return broken("a client that reads has read everything", who(client));
    if (world_.hands.paused(client)) return broken("nobody is paused for ever", who(client));
    const Server* server = world_.hands.server_of(client);
    const bool served = server != nullptr && server->initialized && !server->stopping;
    check_listens(client, served);
    if (!served) continue;  // It has no news to tell.
    for (const auto& [name, news] : client.news) {
      if (news.told < news.due) return broken("no news is lost", who(client) + " was not told of " + name);
    }
  }
  for (Server& server : world_.servers) {
    if (server.running && server.initialized && !server.stopping) settled_server(server);
  }
  for (const broker::InstanceReport& report : world_.hands.broker()->instances()) {
    if (report.calls != 0)
      return broken("no call is left over", report.name + ": " + std::to_string(report.calls));
    if (report.waiting != 0)
      return broken("no call waits for ever", report.name + ": " + std::to_string(report.waiting));
  }
}

void Checker::settled_server(Server& server) {
  for (const auto& [id, ask] : server.asks) {
    if (!ask->cancelled)
      return broken("every question of a server is answered in the end", id + " " + ask->method);
  }
  if (!server.plain_asks.empty())
    broken("every question of a server is answered in the end", *server.plain_asks.begin());
  settled_tasks(server);
  for (const auto& [id, call] : server.sent) {
    const bool followed = std::ranges::any_of(
        server.tasks, [&](const auto& entry) { return entry.second.call == call && !entry.second.too_late; });
    if (followed) continue;
    // One that had forgotten the conversation is told when it has been greeted, unless it has answered by
    // then.
    const bool in_time = call->server_done && world_.families[server.family].web;
    if (call->cancelled && !call->cancel_sent && !call->wants_task && !call->asking && !in_time) {
      broken("a server is told that nobody waits any more", call->text);
    }
  }
  std::set<std::string> wanted, perhaps;
  std::optional<std::size_t> level;
  bool level_known = true;
  for (const Client& client : world_.clients) {
    if (world_.hands.server_of(client) != &server) continue;
    for (const auto& [uri, by] : client.uris)
      (client.vague_uris.contains(uri) ? perhaps : wanted).insert(uri);
    perhaps.insert(client.vague_uris.begin(), client.vague_uris.end());
    for (const auto& [id, listen] : client.listens) {
      perhaps.insert(listen.asked.begin(), listen.asked.end());
      for (const std::string& name : listen.granted) {
        if (!name.ends_with("/list_changed") && !listen.vague.contains(name)) wanted.insert(name);
      }
    }
    level_known = level_known && !client.level_vague;
    if (client.level) level = std::min(level.value_or(*client.level), *client.level);
  }
  for (const std::string& uri : wanted) {
    if (!server.subscribed.contains(uri))
      broken("what a session subscribed to is subscribed upstream",
             uri + " at I" + std::to_string(server.start.instance.index));
  }
  for (const auto& [uri, granted] : server.subscribed) {
    if (!wanted.contains(uri) && !perhaps.contains(uri)) broken("nothing stays subscribed for nobody", uri);
  }
  if (server.era == Era::modern) return;  // It hears of levels with each request.
  const bool lower = server.heard_levels && server.level && level && *server.level < *level;
  if (level_known && level && server.level != level && !lower) {
    broken("the server's level is the most talkative that a session wants", std::to_string(*level));
  }
}

void Checker::probed(const std::vector<Call*>& probes) {
  for (const Call* call : probes) {
    const Client& client = world_.clients[static_cast<std::size_t>(call->client)];
    if (!client.gone && (!call->delivered || call->failed))
      broken("after all trouble a call succeeds", call->text);
  }
}

void Checker::emptied() {
  if (world_.hands.retired()) return;
  const broker::Broker* broker = world_.hands.broker();
  if (broker == nullptr) return;
  if (!broker->sessions().empty()) return broken("when all have left no session remains", "");
  for (const broker::InstanceReport& report : broker->instances()) {
    return broken("when all have left no instance remains", report.name + " " + report.state);
  }
  broken("a daemon that nobody needs retires", "");
}

}  // namespace sim
