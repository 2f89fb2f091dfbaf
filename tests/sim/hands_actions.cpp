// Carrying out what the broker wants, and the servers' side of the daemon.
#include <algorithm>
#include <cstring>

#include "sim/hands.h"
#include "sim/world.h"

namespace sim {

void Hands::carry_out(broker::SendToSession& action) {
  const std::string text = action.message.text();
  world_.trace.digest(action.session.index);
  world_.trace.digest(text);
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end() || found->second.left || found->second.closing) {
    return world_.checker.broken("nothing is sent to a session that has left", text);
  }
  if (text.size() != action.message.size()) return world_.checker.broken("a message knows its size", text);
  SessionLink& link = found->second;
  check_stream(*link.client, action.concerns, text);
  if (link.blocked && text.find("\"notifications/message\"") != std::string::npos) {
    return world_.checker.broken("a session that does not read is spared log lines", text);
  }
  link.queue.push_back(world_.checker.sent(*link.client, text));
  link.queue.back().slot = action.ends_call;
  link.queued += text.size() + 1;
}

void Hands::carry_out(broker::EndPartialLine& action) {
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end() || !found->second.queue.empty()) {
    return world_.checker.broken("a partial line is ended before anything else is sent", "");
  }
  found->second.client->from_daemon += '\n';
  found->second.journal.set_writing(false);
}

void Hands::carry_out(broker::SendToInstance& action) {
  const std::string text = action.message.text();
  world_.trace.digest(action.instance.index);
  world_.trace.digest(text);
  const auto found = servers_.find(action.instance);
  if (found == servers_.end() || found->second.server->stopping) {
    return world_.checker.broken("only a running server is sent anything", text);
  }
  ServerLink& link = found->second;
  if (!link.server->running && !link.server->exited) {
    return world_.checker.broken("nothing is sent to a server before it is started", text);
  }
  world_.checker.sent(*link.server, text);
  if (link.server->exited) return;  // Dead, and the broker is about to learn it.
  link.queue.push_back(text);
  link.queued += text.size();
  // One chunk of lines of each session may already have been read when the server stopped taking any. A
  // modern server is told with each who asks.
  constexpr std::size_t claims = std::size_t{200} * 400;
  const std::size_t bound =
      world_.options.server_limit +
      (sessions_.size() + 1) * (world_.options.chunk + 2 * world_.options.message_max + claims);
  if (link.queued > bound) world_.checker.broken("a server that does not read stops those who feed it", text);
}

void Hands::carry_out(broker::CloseSession& action) {
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end() || found->second.closing) {
    return world_.checker.broken("a session is closed once", action.reason);
  }
  SessionLink& link = found->second;
  if (!link.left && !link.overflowed) {
    return world_.checker.broken("a session ends when its client leaves or does not read, and only then",
                                 action.reason);
  }
  if (!link.left) world_.checker.left(*link.client);
  if (link.left) return session_ends(link);
  link.closing = true;
  // A client that does not read in the end is cut off.
  after(std::chrono::seconds(10), [this, session = action.session] {
    const auto late = sessions_.find(session);
    if (late != sessions_.end()) session_ends(late->second);
  });
}

void Hands::carry_out(broker::TellSession& action) {
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end())
    world_.checker.broken("nothing is told to a session that has left", action.text);
}

void Hands::carry_out(broker::PauseSession& action) {
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end() || found->second.paused) {
    return world_.checker.broken("pauses and resumptions alternate", "paused twice, or nobody to pause");
  }
  found->second.paused = true;
}

void Hands::carry_out(broker::ResumeSession& action) {
  const auto found = sessions_.find(action.session);
  if (found == sessions_.end() || !found->second.paused) {
    return world_.checker.broken("pauses and resumptions alternate", "resumed without a pause");
  }
  found->second.paused = false;
  if (found->second.client->gone) {
    after(base::Duration(1), [this, session = action.session] { close(session); });
  }
  plan_read(action.session);
}

void Hands::carry_out(broker::StartInstance& action) {
  if (leaving_) return world_.checker.broken("a daemon that ends starts nothing", action.name);
  if (servers_.contains(action.instance) || webs_.contains(action.instance))
    return world_.checker.broken("an instance has one process", action.name);
  if (forgotten_.contains(action.instance))
    return world_.checker.broken("a forgotten id is not used again", "");
  std::size_t family = 0;
  while (world_.families[family].spec.program != action.program) ++family;
  const bool web = action.link != core::Link::stdio;
  if (web && !action.channel_of) return start_web(action, family);
  if (web && !of_a_running_web(action))
    return world_.checker.broken("a conversation is had with a server that answers", action.name);
  if (!web) world_.checker.starting(action, family);
  Server& server =
      world_.servers.emplace_back(world_, static_cast<int>(world_.servers.size()), action, family);
  servers_.emplace(action.instance,
                   ServerLink{.server = &server,
                              .reader = proto::LineReader(action.message_bytes_max, read_buffer_),
                              .queue = {}});
  std::size_t& doomed = world_.families[family].doomed;
  bool fails = world_.random.permille(world_.options.start_fails);
  if (doomed > 0) {
    --doomed;
    fails = server.doom(world_.random.below(3));
  }
  after(world_.random.about(world_.options.wire), [this, &server, fails] {
    const core::InstanceId id = server.start.instance;
    if (fails) {
      server.exited = true;
      ++world_.families[server.family].troubles;
      servers_.erase(id);
      return give(broker::InstanceStartFailed{id, "cannot start it: no such file"});
    }
    server.running = true;
    give(broker::InstanceStarted{id, 5000 + server.number});
    if (server.running) server.run();
    if (server.stopping) server.input_ended();
  });
}

void Hands::carry_out(broker::StopInstance& action) {
  if (webs_.contains(action.instance)) return stop_web(action.instance);
  const auto found = servers_.find(action.instance);
  if (found == servers_.end()) return world_.checker.broken("only a process is stopped", "");
  Server& server = *found->second.server;
  if (server.stopping) return world_.checker.broken("a process is stopped once", "");
  server.stopping = true;
  if (!server.answered) ++world_.families[server.family].troubles;  // Too slow to start, say.
  if (server.running) server.input_ended();
}

void Hands::carry_out(broker::NoteNoProbe& action) {
  for (Family& family : world_.families) {
    if (family.spec.program == action.program) family.spec.probe = false;
  }
}

void Hands::carry_out(broker::NoteAsks& action) {
  for (Family& family : world_.families) {
    if (family.spec.program == action.program) family.spec.asks = true;
  }
}

void Hands::carry_out(broker::NoteRoots& action) {
  for (Family& family : world_.families) {
    if (family.spec.program == action.program) family.spec.cares_for_roots = true;
  }
}

void Hands::carry_out(broker::NoteOffer& action) {
  for (Family& family : world_.families) {
    if (family.spec.program == action.program) family.spec.offer = action.revision;
  }
}

void Hands::carry_out(broker::ForgetInstance& action) {
  if (servers_.contains(action.instance) || webs_.contains(action.instance))
    return world_.checker.broken("no instance is forgotten while it runs", "");
  forgotten_.insert(action.instance);
}

void Hands::carry_out(broker::Log& action) {
  world_.trace.digest(action.text);
}

void Hands::carry_out(broker::Retire&) {
  if (!sessions_.empty()) return world_.checker.broken("a daemon with sessions does not retire", "");
  if (!servers_.empty() || !webs_.empty())
    return world_.checker.broken("a daemon with servers does not retire", "");
  retired_ = true;
}

void Hands::server_wrote(Server& server) {
  plan_read(server.start.instance);
}

void Hands::server_has_read(Server& server) {
  if (broker_ && server.running) end_turn();
}

void Hands::plan_read(core::InstanceId instance) {
  const auto found = servers_.find(instance);
  if (found == servers_.end() || found->second.read_planned) return;
  if (found->second.server->output.empty() && !found->second.server->exited) return;
  found->second.read_planned = true;
  after(world_.random.about(world_.options.wire), [this, instance] { read_server(instance); });
}

void Hands::read_server(core::InstanceId instance) {
  const auto found = servers_.find(instance);
  if (found == servers_.end()) return;
  ServerLink& link = found->second;
  link.read_planned = false;
  Server& server = *link.server;
  const int life = life_;
  if (server.output.empty()) {
    if (!server.exited) return;
    world_.checker.ended(server);
    servers_.erase(found);
    return give(broker::InstanceExited{instance, "it ended", "last words", server.clean});
  }
  const std::size_t count = world_.random.between(1, world_.options.chunk);
  const std::span<char> room = link.reader.room();
  const std::size_t taken = std::min({room.size(), count, server.output.size()});
  std::memcpy(room.data(), server.output.data(), taken);
  link.reader.filled(taken);
  server.output.erase(0, taken);
  while (auto line = link.reader.next()) {
    if (server.records.empty()) return world_.checker.broken("the line reader gives what was written", "");
    ServerLine record = std::move(server.records.front());
    server.records.pop_front();
    const bool same = line->overlong ? line->length == record.text.size() : line->bytes.text == record.text;
    if (!same) return world_.checker.broken("the line reader gives what was written", record.text);
    world_.checker.fed(server, record);
    on(broker::InstanceLine{instance, std::move(*line)});
    if (life != life_ || world_.checker.failed()) return;
    world_.checker.heard(server, record);
  }
  end_turn();
  if (life == life_) plan_read(instance);
}

void Hands::server_ended(Server& server, std::string) {
  server.running = false;
  server.exited = true;
  server.input.clear();
  if (broker_) plan_read(server.start.instance);
}

Server* Hands::server_of(const Client& client) const {
  if (!broker_ || !client.session) return nullptr;
  for (const broker::SessionReport& report : broker_->sessions()) {
    if (report.session != *client.session || !report.conversation) continue;
    const auto found = servers_.find(*report.conversation);
    return found == servers_.end() ? nullptr : found->second.server;
  }
  return nullptr;
}

std::size_t Hands::clients_of(const Server& server) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      world_.clients, [&](const Client& client) { return server_of(client) == &server; }));
}

}  // namespace sim
