// The outside half, invented: what app/ and io/ are to the real broker.
//
// It owns the daemon's life: one Broker, its links to clients and servers, their queues. It gives the broker
// events, carries out every action in order, and can die at any moment, also between two actions. What
// survives it belongs to the clients: their pipes and their journal pages.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "proto/journal.h"
#include "proto/lines.h"
#include "sim/truth.h"

namespace sim {

class Client;
class Server;
struct ServerLine;
struct World;

class Hands {
 public:
  explicit Hands(World& world) : world_(world) {}

  void attach(Client& client);  // After a moment; starts a daemon if there is none.
  void client_wrote(Client& client);
  void client_has_read();
  void client_left(Client& client);

  void server_wrote(Server& server);
  void server_has_read(Server& server);
  void server_ended(Server& server, std::string how);
  void forget(Server& server);  // The server does not know the conversation any more.

  void give(broker::Event event);  // One whole turn.
  // The configuration has another server for the sessions of the family; or none, and why.
  void respecify(std::size_t family, const std::string& refusal);
  std::optional<base::Instant> deadline() const;
  void tick();
  void kill();
  void die();

  std::size_t replaced() const { return replaced_; }  // Brokers, in all lives.
  bool alive() const { return broker_ != nullptr; }
  bool retired() const { return retired_; }
  broker::Broker* broker() { return broker_.get(); }
  int life() const { return life_; }
  std::size_t open_sessions() const { return sessions_.size(); }
  std::size_t live_servers() const { return servers_.size(); }
  Server* server_of(const Client& client) const;  // As the broker reports it.
  std::size_t clients_of(const Server& server) const;
  bool paused(const Client& client) const;
  bool blocked(const Client& client) const;

 private:
  struct SessionLink {
    Client* client = nullptr;
    proto::LineReader reader;
    proto::Journal journal;
    std::deque<Delivery> queue;
    std::size_t queued = 0, written = 0;  // Bytes; `written` of the first line.
    bool paused = false, blocked = false, overflowed = false, left = false, closing = false;
    bool read_planned = false;
    bool away = false;
  };
  struct ServerLink {
    Server* server = nullptr;
    proto::LineReader reader;
    std::deque<std::string> queue;
    std::size_t queued = 0;
    bool blocked = false, read_planned = false;
  };

  // A server that speaks HTTP, beside its conversations: hands_web.cpp.
  struct Web {
    std::size_t family = 0;
    bool stopping = false;
  };
  void start_web(const broker::StartInstance& action, std::size_t family);
  void stop_web(core::InstanceId id);
  void web_ends(core::InstanceId id, const std::string& how);
  void plan_fall(core::InstanceId id);
  bool of_a_running_web(const broker::StartInstance& channel);
  void check_stream(Client& client, const std::string& concerns, const std::string& text);

  void begin_life();
  void open(Client& client);
  void close(core::SessionId session);
  void session_ends(SessionLink& link);
  void plan_read(core::SessionId session);
  void read_session(core::SessionId session);
  bool feeds_a_full_server(const Client& client) const;
  void feed_session(core::SessionId session, proto::Line line);
  void go_away(core::SessionId session);
  void come_back(core::SessionId session);
  void plan_read(core::InstanceId instance);
  void read_server(core::InstanceId instance);

  void on(broker::Event event);
  void tell(broker::Event event);
  template <class What>
  bool dies_of(const What& what);  // Noted in the chronicle, and never heard: the next broker has heard it.
  void life_is_over();
  void replace_broker();
  std::vector<broker::Action> go_on_from_chronicle();  // Returns what is left to be done.
  void take_what_is_left(std::vector<broker::Action>& actions, std::size_t done);
  std::span<std::byte> page_of(core::SessionId session);
  void drain();
  void end_turn();
  std::optional<broker::Event> flush_all();
  void flush(SessionLink& link);
  void flush(ServerLink& link);
  void after(base::Duration wait, std::function<void()> what);  // Unless the daemon dies before.

  void carry_out(broker::SendToSession& action);
  void carry_out(broker::EndPartialLine& action);
  void carry_out(broker::SendToInstance& action);
  void carry_out(broker::CloseSession& action);
  void carry_out(broker::TellSession& action);
  void carry_out(broker::PauseSession& action);
  void carry_out(broker::ResumeSession& action);
  void carry_out(broker::StartInstance& action);
  void carry_out(broker::StopInstance& action);
  void carry_out(broker::NoteNoProbe& action);
  void carry_out(broker::NoteAsks& action);
  void carry_out(broker::NoteRoots& action);
  void carry_out(broker::NoteOffer& action);
  void carry_out(broker::ForgetInstance& action);
  void carry_out(broker::Log& action);
  void carry_out(broker::Retire& action);

  World& world_;
  std::unique_ptr<broker::Broker> broker_;
  broker::Options options_;  // Of this life.
  bool leaving_ = false;     // The broker was told that the daemon ends.
  int life_ = 0;
  std::size_t replaced_ = 0;
  bool retired_ = false;
  proto::ReadBuffer read_buffer_;
  std::map<core::SessionId, SessionLink> sessions_;
  std::map<core::InstanceId, ServerLink> servers_;  // Servers with a process, or conversations.
  std::map<core::InstanceId, Web> webs_;            // Without an entry: not started, or gone.
  std::set<core::InstanceId> forgotten_;
};

}  // namespace sim
