// The registry of sessions of clients that connect by URL: /mcp/NAME (Streamable HTTP) and /sse/NAME
// (HTTP+SSE). Every request is taken to its session here, and every message of a session to its transport.
//
// Stands between the connections (app/http/front), the transports (transport/inbound/) and the broker, for
// which these are sessions like any other. A Streamable HTTP session outlives its connections for the session
// timeout, and the daemon: its journal and what it is about are files (app/http/session_files). An HTTP+SSE
// session ends with its connection; a client that opens another goes on (app/http/registry_sse.cpp). Requests
// of 2026-07-28, which knows no sessions, come to /mcp/NAME too, and share a session with others of their
// kind, a desk (transport/inbound/desk.h): app/http/desk_table says which, app/http/registry_desks.cpp takes
// them there.
//
// The next program goes on with all sessions (app/http/registry_saving.cpp).
//
// A session belongs to its caller: the user of the local socket, or whoever has the token of the port. Its id
// under another caller or another server's name finds nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/config/config.h"
#include "app/http/desk_table.h"
#include "app/http/front.h"
#include "app/http/session_files.h"
#include "base/agenda.h"
#include "base/id_table.h"
#include "broker/broker.h"
#include "save/elsewhere.h"
#include "transport/inbound/desk.h"
#include "transport/inbound/saving.h"
#include "transport/inbound/sse_server.h"
#include "transport/inbound/streamable_server.h"

namespace app {

// The caller that comes by the local socket.
inline constexpr std::string_view local_caller = "user";

class SessionRegistry {
 public:
  struct Hands {
    HttpFront& front;
    std::function<core::SessionId()> admit;  // As broker::Broker does.
    std::function<void(broker::Event)> feed;
    // What is to be run for a session of that server and that project, or why it cannot be.
    std::function<base::Result<core::ServerSpec>(const std::string& server, const std::string& project)>
        resolve;
    std::function<void(const std::string& sentence)> warn;  // For the log.
  };

  SessionRegistry(Hands hands, std::string directory, HttpSettings settings);
  ~SessionRegistry();

  // A request below /mcp/ or /sse/. `caller` must already have shown that it may talk to us.
  void request(transport::ExchangeId exchange, proto::HttpRequest request, const std::string& caller,
               base::Instant now);
  void gone(transport::ExchangeId exchange, base::Instant now);

  // How sessions are served from now on. What a transport was opened with it keeps.
  void follow(HttpSettings settings) { settings_ = std::move(settings); }
  // What each session is of, in order of sessions.
  void each(const std::function<void(core::SessionId, const std::string& server, const std::string& project)>&
                visit) const;

  bool empty() const { return sessions_.size() == 0; }
  bool has(core::SessionId id) const { return sessions_.find(id) != nullptr; }
  void send(broker::SendToSession& action, base::Instant now);
  void hold(core::SessionId id);
  void release(core::SessionId id, base::Instant now);
  // The broker has ended it.
  void close(core::SessionId id);

  // What is queued for clients that do not read becomes known to the broker here: once per turn, after
  // flushing. Costs nothing where nothing is queued.
  void report_queues(base::Instant now);

  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  struct Saved;
  std::string unsettled() const;
  // Refers to the sessions: to be written before they change.
  Saved saved() const;
  // In the next program, before anything else. Whatever is gone of their exchanges is told by gone().
  void resume(Saved saved);
  // The journal of a session that was resumed, for the broker; empty if it has none.
  std::span<std::byte> page(core::SessionId id) const;

 private:
  struct Session;
  struct Target;  // Of a request: which transport, which server, which project.

  std::optional<Target> target_of(const proto::HttpRequest& request, proto::HttpAnswer& refusal) const;
  void streamable(transport::ExchangeId exchange, proto::HttpRequest request, const Target& target,
                  const std::string& caller, base::Instant now);
  void sse(transport::ExchangeId exchange, proto::HttpRequest request, const Target& target,
           const std::string& caller, base::Instant now);
  void at_desk(transport::ExchangeId exchange, transport::ModernCall call, const Target& target,
               const std::string& caller, base::Instant now);
  Session* open_desk(transport::ExchangeId exchange, const transport::ModernCall& call, DeskKey key);
  base::Duration desk_timeout() const;
  transport::DeskOptions desk_options() const;
  void note_stuck(const Session& desk, std::vector<transport::ExchangeId>& stuck) const;
  static bool begins_anew(const Session& session, const proto::HttpRequest& request);
  void begin(Session& session, transport::ExchangeId exchange);
  void end(Session& session);
  Session* open(transport::ExchangeId exchange, const Target& target, const std::string& caller,
                base::Instant now);
  Session* open_sse(transport::ExchangeId exchange, const proto::HttpRequest& request, const Target& target,
                    const std::string& caller, base::Instant now);
  std::optional<core::ServerSpec> admitted(transport::ExchangeId exchange, const Target& target);
  std::optional<io::MappedPage> keep(const std::string& public_id, const SessionRecord& record,
                                     base::Instant now);
  // What a client that opens a stream may have been; `only`: the session that it was, if there is no other.
  transport::Before before_of(const SessionRecord& record, std::string& only) const;
  Session* find(const std::string& public_id, const Target& target, const std::string& caller);
  Session* find_kept(const std::string& public_id, const Target& target, const std::string& caller);
  bool make_room();
  bool end_longest_away(const std::function<bool(const Session&)>& among);
  Session& announce(std::unique_ptr<Session> session, core::ServerSpec spec);
  transport::StreamableOptions options(const std::string& public_id) const;
  void settle(Session& session, base::Instant now);
  void carry_out(Session& session, transport::Output& output);
  void note_use(Session& session, base::Instant now);
  void keep_noted(Session& session, base::Instant now);
  void put_on_agenda(Session& session);
  void look_through_files(base::Instant now);
  void resume(Session& session);

  Hands hands_;
  SessionFiles files_;
  HttpSettings settings_;
  DeskTable desks_;  // Outlives the sessions, which use what it knows of tools.
  base::IdTable<core::SessionTag, Session> sessions_;
  std::map<std::string, core::SessionId, std::less<>> by_public_id_;
  std::map<transport::ExchangeId, core::SessionId> by_exchange_;
  // When which session has something due, or earlier; each stands in it once at most.
  base::Agenda<core::SessionId> agenda_;
  std::vector<core::SessionId> queueing_;  // What is queued for them has to be looked at.
  // When the files are looked through next: at once, and then as long as there are any.
  std::optional<base::Instant> look_at_ = base::Instant();
  bool warned_ = false;  // That nothing can be kept.
};

struct SessionRegistry::Saved {
  struct One {
    core::SessionId id;
    std::string public_id;
    SessionRecord record;
    std::variant<save::Lent<transport::StreamableServer>, save::Lent<transport::SseServer>,
                 save::Lent<transport::Desk>>
        transport;
    bool has_page = false;
    std::string instead_of;
    std::optional<base::Instant> ends_at;
    std::vector<transport::ExchangeId> exchanges;
    base::Instant noted_at;
    bool away = false;
    bool congested = false;
    bool over = false;
    static constexpr std::size_t fields = 12;
  };

  std::vector<One> sessions;
  save::Lent<DeskTable> desks;
  std::optional<base::Instant> look_at;
  bool warned = false;
  static constexpr std::size_t fields = 4;
};

}  // namespace app
