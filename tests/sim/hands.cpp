#include "sim/hands.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sim/describe.h"
#include "sim/world.h"

namespace sim {

namespace {

std::size_t feed(proto::LineReader& reader, const std::string& bytes, std::size_t chunk) {
  const std::span<char> room = reader.room();
  const std::size_t count = std::min({room.size(), chunk, bytes.size()});
  std::memcpy(room.data(), bytes.data(), count);
  reader.filled(count);
  return count;
}

}  // namespace

void Hands::after(base::Duration wait, std::function<void()> what) {
  world_.schedule.after(wait, [this, life = life_, what = std::move(what)] {
    if (life == life_ && broker_) what();
  });
}

void Hands::begin_life() {
  if (broker_) return;
  retired_ = false;
  options_ = {};
  options_.retire_after = std::chrono::minutes(5);
  options_.hash_key = world_.random.next();
  options_.ticket_key = options_.hash_key;
  options_.allowances = world_.options.allowances;
  broker_ = std::make_unique<broker::Broker>(options_, world_.schedule.now());
  if (world_.witness) world_.witness->begins(options_, world_.schedule.now());
  if (world_.chronicler) world_.chronicler->begins(options_, *broker_);
}

// As an upgrade does: another broker goes on from what this one has written, and no peer may notice.
void Hands::replace_broker() {
  const std::string saved = broker_->save();
  broker::Options options = options_;
  options.hash_key = options.ticket_key = 0;  // The broker's own are kept.
  options.unix_time = -1;
  auto next = broker::Broker::restored(std::move(options), saved,
                                       [&](core::SessionId session) { return page_of(session); });
  if (!next) return world_.checker.broken("a broker can be replaced", next.error().what);
  if ((*next)->save() != saved) return world_.checker.broken("a replaced broker knows what it knew", "");
  broker_ = std::move(*next);
  ++replaced_;
}

std::span<std::byte> Hands::page_of(core::SessionId session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? std::span<std::byte>() : found->second.client->page();
}

// The daemon was killed, and the next one has come, before anybody noticed.
std::vector<broker::Action> Hands::go_on_from_chronicle() {
  broker::Options options = options_;
  options.hash_key = options.ticket_key = 0;
  options.unix_time = -1;
  auto retold = world_.chronicler->retold(std::move(options));
  if (!retold) {
    world_.checker.broken("a chronicle can be retold", retold.error().what);
    return {};
  }
  broker_ = std::move(retold->broker);
  // Answers that are on their way already are owed as well.
  std::vector<broker::SendToSession> queued;
  std::vector<std::optional<std::uint16_t>*> slots;
  for (auto& [id, link] : sessions_) {
    for (Delivery& delivery : link.queue) {
      if (!delivery.slot) continue;
      queued.push_back({id, proto::Message(delivery.text), delivery.slot});
      slots.push_back(&delivery.slot);
    }
  }
  std::vector<broker::SendToSession*> unwritten;
  for (broker::SendToSession& answer : queued) unwritten.push_back(&answer);
  for (broker::Action& action : retold->left) {
    if (auto* answer = std::get_if<broker::SendToSession>(&action)) unwritten.push_back(answer);
  }
  broker_->rejoin([&](core::SessionId session) { return page_of(session); }, unwritten);
  for (std::size_t i = 0; i < slots.size(); ++i) *slots[i] = queued[i].ends_call;
  world_.chronicler->begins(options_, *broker_, retold->left);
  return std::move(retold->left);
}

template <class What>
bool Hands::dies_of(const What& what) {
  if (!world_.chronicler) return false;
  world_.chronicler->told(what, world_.schedule.now());
  if (!world_.chronicler->kills()) return false;
  std::vector<broker::Action> left = go_on_from_chronicle();
  broker_->outbox() = std::move(left);
  return true;
}

void Hands::attach(Client& client) {
  world_.schedule.after(world_.random.about(world_.options.wire * 10), [this, &client] {
    if (client.gone || client.session) return;
    begin_life();
    open(client);
  });
}

void Hands::open(Client& client) {
  const core::SessionId id = broker_->admit();
  if (world_.witness) world_.witness->told(record::Admitted{id}, world_.schedule.now());
  (void)dies_of(record::Admitted{id});
  if (sessions_.contains(id)) return world_.checker.broken("a session's id is fresh", "");
  SessionLink& link =
      sessions_
          .emplace(id, SessionLink{.client = &client,
                                   .reader = proto::LineReader(client.spec.message_bytes_max, read_buffer_),
                                   .journal = proto::Journal(client.page()),
                                   .queue = {}})
          .first->second;
  client.session = id;
  if (const auto unread = link.journal.unread()) {
    link.reader.resume(*unread);
  } else {
    link.reader.resume_lost();
  }
  client.spec.probe = world_.families[client.family].spec.probe;
  core::ServerSpec spec = client.spec;
  if (world_.families[client.family].removed) spec.refusal = "was removed";
  give(broker::SessionOpened{id, spec, client.page(), 1000 + client.number, client.many_streams,
                             client.principal});
  plan_read(id);
}

void Hands::respecify(std::size_t family, const std::string& refusal) {
  std::vector<broker::SessionRespecified> all;
  for (const auto& [id, link] : sessions_) {
    if (link.client->family != family) continue;
    all.push_back({id, link.client->spec});
    all.back().spec.refusal = refusal;
  }
  for (broker::SessionRespecified& one : all) give(std::move(one));
}

std::optional<base::Instant> Hands::deadline() const {
  return broker_ ? broker_->deadline() : std::nullopt;
}

void Hands::tick() {
  if (world_.trace.wanted()) world_.trace.line("> tick");
  if (world_.witness) world_.witness->told(record::Ticked{}, world_.schedule.now());
  if (!dies_of(record::Ticked{})) broker_->tick(world_.schedule.now());
  drain();
  end_turn();
}

void Hands::give(broker::Event event) {
  if (!broker_) return;
  on(std::move(event));
  end_turn();
}

void Hands::on(broker::Event event) {
  if (world_.trace.wanted()) world_.trace.line("> " + describe(event));
  tell(std::move(event));
  drain();
}

void Hands::tell(broker::Event event) {
  if (world_.witness) world_.witness->told(event, world_.schedule.now());
  if (!dies_of(event)) broker_->on(std::move(event), world_.schedule.now());
}

void Hands::life_is_over() {
  broker_.reset();
  ++life_;
  world_.recording_ends();
}

// Puts what the next daemon knows in the place of the actions from `done` on: it must be the same.
void Hands::take_what_is_left(std::vector<broker::Action>& actions, std::size_t done) {
  const auto due = broker_->deadline();
  const std::string known = broker_->save();
  std::vector<broker::Action> left = go_on_from_chronicle();
  if (world_.checker.failed()) return;
  if (broker_->deadline() != due || broker_->save() != known)
    return world_.checker.broken("the next daemon knows what the one before knew", "");
  for (std::size_t i = done; i < actions.size(); ++i) {
    const std::string before = describe_whole(actions[i]);
    const std::string again = i - done < left.size() ? describe_whole(left[i - done]) : "nothing";
    if (before != again)
      return world_.checker.broken("what is left to do is the same", before + "; " + again);
    actions[i] = std::move(left[i - done]);
  }
  if (left.size() != actions.size() - done) world_.checker.broken("what is left to do is the same", "more");
}

void Hands::drain() {
  const int life = life_;
  std::vector<broker::Action> actions = std::move(broker_->outbox());
  broker_->outbox().clear();
  if (world_.witness) {
    for (const broker::Action& action : actions) world_.witness->acted(action);
  }
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (world_.chronicler && world_.chronicler->kills()) take_what_is_left(actions, i);
    if (life != life_ || world_.checker.failed()) return;
    broker::Action& action = actions[i];
    if (world_.options.kill_in_outbox > 0 && world_.random.below(1000000) < world_.options.kill_in_outbox) {
      ++world_.kills;
      die();  // Told to leave, it would carry out the rest first.
    }
    if (life != life_ || world_.checker.failed()) return;
    if (world_.trace.wanted()) world_.trace.line("<   " + describe(action));
    world_.trace.digest(action.index());
    const auto mark = world_.chronicler ? world_.chronicler->after(action) : record::Chronicle::Mark();
    std::visit([this](auto& what) { carry_out(what); }, action);
    if (world_.chronicler) world_.chronicler->carried(mark);
  }
  if (!broker_->outbox().empty())
    world_.checker.broken("nothing enters the outbox while it is carried out", "");
}

// Everything that became writable is written, and what the queues have to say about it is said.
void Hands::end_turn() {
  for (std::size_t rounds = 0; broker_ && !world_.checker.failed(); ++rounds) {
    const auto event = flush_all();
    if (!event) break;
    const auto* overflowed = std::get_if<broker::SessionOverflowed>(&*event);
    const core::SessionId id = overflowed == nullptr ? core::SessionId{} : overflowed->session;
    if (rounds > 1000) return world_.checker.broken("a turn ends", describe(*event));
    const auto* unblocked = std::get_if<broker::SessionUnblocked>(&*event);
    Client* reads = unblocked != nullptr ? sessions_.at(unblocked->session).client : nullptr;
    if (reads != nullptr) reads->updates_told = 0;
    on(*event);
    if (reads != nullptr) world_.checker.unblocked(*reads);
    const auto found = sessions_.find(id);
    if (found != sessions_.end() && !found->second.closing) {
      world_.checker.broken("a session that does not read is ended", "");
    }
  }
  if (!broker_) return;
  if (!retired_) {
    if (world_.replaced_each_turn && !world_.checker.failed()) replace_broker();
    if (world_.chronicler && !world_.checker.failed()) world_.chronicler->turn_ends(options_, *broker_);
    return;
  }
  forgotten_.clear();
  life_is_over();
}

std::optional<broker::Event> Hands::flush_all() {
  for (auto found = sessions_.begin(); found != sessions_.end();) {
    const core::SessionId id = found->first;
    SessionLink& link = found->second;
    ++found;
    flush(link);
    if (link.closing && (link.queue.empty() || link.client->gone)) {
      session_ends(link);
      continue;
    }
    if (link.closing || link.left) continue;
    if (!link.overflowed && link.queued > world_.options.hard_limit) {
      link.overflowed = true;
      world_.checker.left(*link.client);  // From now on it is owed nothing.
      return broker::SessionOverflowed{id, link.queued};
    }
    if (!link.blocked && link.queued > world_.options.soft_limit) {
      link.blocked = true;
      return broker::SessionBlocked{id};
    }
    if (link.blocked && link.queued == 0) {
      link.blocked = false;
      return broker::SessionUnblocked{id};
    }
  }
  for (auto& [id, link] : servers_) {
    flush(link);
    if (!link.blocked && link.queued > world_.options.server_limit) {
      link.blocked = true;
      return broker::InstanceBlocked{id};
    }
    if (link.blocked && link.queued == 0) {
      link.blocked = false;
      return broker::InstanceUnblocked{id};
    }
  }
  return std::nullopt;
}

void Hands::flush(SessionLink& link) {
  Client& client = *link.client;
  while (!link.queue.empty() && !client.gone) {
    const std::string& text = link.queue.front().text;
    const std::size_t room = world_.options.pipe - std::min(world_.options.pipe, client.from_daemon.size());
    const std::size_t left = text.size() + 1 - link.written;
    std::size_t count = std::min(room, left);
    // Never all but the line feed: a death right there could not be told from one after it.
    if (count + 1 == left) count -= std::min<std::size_t>(count, 1);
    if (count == 0) break;
    client.from_daemon.append(text, link.written, std::min(count, text.size() - link.written));
    link.written += count;
    link.queued -= count;
    if (count < left) break;
    client.from_daemon += '\n';
    link.written = 0;
    world_.checker.delivered(link.queue.front());
    if (link.queue.front().slot) link.journal.call_ended(*link.queue.front().slot);
    client.expected.push_back(std::move(link.queue.front()));
    link.queue.pop_front();
  }
  link.journal.set_writing(link.written > 0);
  client.read_some();
}

void Hands::flush(ServerLink& link) {
  Server& server = *link.server;
  while (!link.queue.empty() && (server.input.empty() || server.input_bytes < world_.options.pipe)) {
    link.queued -= link.queue.front().size();
    server.input_bytes += link.queue.front().size();
    server.input.push_back(std::move(link.queue.front()));
    link.queue.pop_front();
  }
  server.read_some();
}

void Hands::client_wrote(Client& client) {
  if (client.session) plan_read(*client.session);
}

void Hands::client_has_read() {
  if (broker_) end_turn();
}

void Hands::plan_read(core::SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.read_planned || found->second.paused) return;
  if (found->second.client->to_daemon.empty() && !found->second.client->gone) return;
  found->second.read_planned = true;
  after(world_.random.about(world_.options.wire), [this, session] { read_session(session); });
}

void Hands::read_session(core::SessionId session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  SessionLink& link = found->second;
  link.read_planned = false;
  if (link.paused || link.left || link.closing) return;
  Client& client = *link.client;
  if (client.to_daemon.empty()) {
    if (client.gone) close(session);
    return;
  }
  if (feeds_a_full_server(client)) {
    return world_.checker.broken("a server that does not read stops those who feed it", client.to_daemon);
  }
  client.to_daemon.erase(0,
                         feed(link.reader, client.to_daemon, world_.random.between(1, world_.options.chunk)));
  const int life = life_;
  while (auto line = link.reader.next()) {
    link.journal.set_unread(link.reader.unfinished_bytes());
    feed_session(session, std::move(*line));
    if (life != life_ || world_.checker.failed()) return;
    found = sessions_.find(session);
    if (found == sessions_.end() || found->second.closing) return;
  }
  const bool lost = link.reader.unfinished() > 0 && link.reader.unfinished_bytes().empty();
  if (lost) {
    link.journal.set_unread_lost();
  } else {
    link.journal.set_unread(link.reader.unfinished_bytes());
  }
  end_turn();
  if (life == life_) plan_read(session);
}

bool Hands::feeds_a_full_server(const Client& client) const {
  for (const auto& [id, link] : servers_) {
    if (link.blocked && link.server->running && server_of(client) == link.server) return true;
  }
  return false;
}

void Hands::feed_session(core::SessionId session, proto::Line line) {
  Client& client = *sessions_.at(session).client;
  if (client.records.empty())
    return world_.checker.broken("the line reader gives what was written", "a line too many");
  Record record = std::move(client.records.front());
  client.records.pop_front();
  const bool same =
      record.overlong ? line.overlong && line.length == record.text.size() : line.bytes.text == record.text;
  // Of a line that was too long already when the last daemon died nothing is known but its end.
  const bool cut = record.overlong && line.overlong && world_.kills > 0;
  if (!same && !cut) return world_.checker.broken("the line reader gives what was written", record.text);
  world_.checker.fed(client, record);
  const int life = life_;
  come_back(session);
  on(broker::SessionLine{session, std::move(line)});
  if (life != life_ || world_.checker.failed()) return;
  world_.checker.heard(client, record);
  if (world_.random.permille(world_.options.away)) go_away(session);
}

// As clients by URL do between two requests. The broker has nothing to say to either.
void Hands::go_away(core::SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || !broker_) return;
  found->second.away = true;
  tell(broker::SessionAway{session});
}

void Hands::come_back(core::SessionId session) {
  if (!std::exchange(sessions_.at(session).away, false)) return;
  tell(broker::SessionBack{session});
}

void Hands::client_left(Client& client) {
  if (!client.session) return;
  const core::SessionId session = *client.session;
  // The daemon reads what was still in the pipe, or learns of the end at once from its attempt to write.
  const auto found = sessions_.find(session);
  if (found != sessions_.end() && (found->second.paused || world_.random.permille(500))) {
    after(world_.random.about(world_.options.wire), [this, session] { close(session); });
    return;
  }
  plan_read(session);
  after(std::chrono::seconds(1) + world_.random.about(world_.options.wire),
        [this, session] { close(session); });
}

void Hands::close(core::SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.left || found->second.closing) return;
  found->second.left = true;
  world_.checker.left(*found->second.client);
  const int life = life_;
  if (world_.random.permille(300)) give(broker::SessionInputEnded{session});
  if (life == life_) give(broker::SessionClosed{session});
}

void Hands::session_ends(SessionLink& link) {
  Client& client = *link.client;
  const core::SessionId session = *client.session;
  client.session.reset();
  client.gone = true;
  sessions_.erase(session);
}

// It may have been told to end before, and not have come to its end.
void Hands::kill() {
  ++world_.kills;
  const int life = life_;
  if (broker_ && world_.random.permille(300)) {
    leaving_ = true;
    give(broker::DaemonLeaves{});
    leaving_ = false;
    if (life != life_ || world_.checker.failed()) return;
  }
  die();
}

void Hands::die() {
  if (world_.trace.wanted()) world_.trace.line("! the daemon is killed");
  world_.checker.daemon_died();
  for (auto& [id, link] : sessions_) {
    Client& client = *link.client;
    client.session.reset();
    // It is no longer known what that has been told.
    if (link.closing || link.overflowed) client.gone = true;
    if (link.written > 0)
      client.expected.push_back({.text = link.queue.front().text.substr(0, link.written), .parts = {}});
  }
  for (auto& [id, link] : servers_) {
    link.server->running = false;
    link.server->exited = true;
  }
  sessions_.clear();
  servers_.clear();
  webs_.clear();
  forgotten_.clear();
  life_is_over();
  for (Client& client : world_.clients) {
    if (!client.gone) attach(client);
  }
}

bool Hands::paused(const Client& client) const {
  const auto found = client.session ? sessions_.find(*client.session) : sessions_.end();
  return found != sessions_.end() && found->second.paused;
}

bool Hands::blocked(const Client& client) const {
  const auto found = client.session ? sessions_.find(*client.session) : sessions_.end();
  return found != sessions_.end() && found->second.blocked;
}

}  // namespace sim
