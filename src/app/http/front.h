// The HTTP side of the daemon: sockets that listen, connections, and one exchange at a time on each.
//
// Hands every request out under an ExchangeId that is never used again, and takes its answer, whole or as a
// stream, by that id. An exchange ends with its answer, or with on_gone if the client hangs up before; after
// that the id stands for nothing and whatever is said to it is dropped. What is queued in a turn is written
// by flush(), once per connection.
//
// Bounded: a socket has at most `connections_max` connections. One more takes the place of the one that has
// been without a request for longest; where all are busy it is told 503, or hung up on where it would take
// TLS to tell. Bodies that are coming in share a budget (app/http/body_budget.h). Decides nothing about
// requests: who may come, and what there is, is for others; a request that is refused by its head is no
// exchange.
//
// The next program goes on with all of it, but for connections over TLS: those end, and so do their exchanges
// there. What its own settings no longer open, or open in another way, ends too.
//
// Callbacks come from the loop, never from within a member function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/http/body_budget.h"
#include "base/result.h"
#include "io/descriptor.h"
#include "io/http_connection.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/passed.h"
#include "io/tls.h"
#include "proto/http.h"
#include "proto/message.h"
#include "transport/inbound/exchange.h"

namespace app {

// Where a request came in.
struct HttpOrigin {
  enum class Kind : std::uint8_t { local_socket, tcp };
  Kind kind = Kind::local_socket;
  std::uint16_t port = 0;  // The one we listen on; 0 for the local socket.
  static constexpr std::size_t fields = 2;
};

class HttpFront {
 public:
  struct Limits {
    // Of each socket. Leaves room for servers and sessions among the descriptors that a process may have.
    std::size_t connections_max = 512;
    io::HttpConnection::Limits connection = {};
    BodyLimits bodies = {};
  };
  struct Events {
    // A request's head has come: whose it is, or how it is refused. Nothing of its body is read before.
    std::function<std::expected<std::string, proto::HttpAnswer>(proto::HttpRequest& head, HttpOrigin)>
        on_head = {};
    // Exactly one answer is due; it may be given at once.
    std::function<void(transport::ExchangeId, proto::HttpRequest&&, HttpOrigin)> on_request;
    // The client hung up before its answer was complete.
    std::function<void(transport::ExchangeId)> on_gone;
    std::function<void(transport::ExchangeId)> on_drained = {};  // As io::HttpConnection has it; for streams.
    std::function<void(const base::Error&)> on_trouble;          // For the log.
  };

  HttpFront(io::Loop& loop, Limits limits, Events events);
  ~HttpFront();

  // `socket` is bound and listening. With `tls` its connections speak nothing else.
  base::Result<void> listen(io::Descriptor socket, HttpOrigin origin,
                            std::unique_ptr<io::TlsContext> tls = nullptr);
  // No further connections, or none to sockets of that kind; those that there are go on.
  void stop_listening();
  void stop_listening(HttpOrigin::Kind kind);
  // The socket of that kind that listens, as another descriptor.
  base::Result<io::Descriptor> listening(HttpOrigin::Kind kind) const;

  // Fields that go along with whatever is answered, in front of its own.
  void accompany(transport::ExchangeId exchange, proto::HttpFields fields);
  void answer(transport::ExchangeId exchange, proto::HttpAnswer answer);
  void answer(transport::ExchangeId exchange, const proto::HttpFields& fields, proto::Message message);
  // Status 200 and text/event-stream, not to be cached or held back, and `fields`.
  void begin_stream(transport::ExchangeId exchange, const proto::HttpFields& fields);
  void stream(transport::ExchangeId exchange, proto::Message text);
  void end_stream(transport::ExchangeId exchange);

  // What the client has not taken yet; 0 for an exchange that is over.
  std::size_t queued_bytes(transport::ExchangeId exchange) const;
  // Hangs up without an answer, or in the middle of it. on_gone does not follow.
  void drop(transport::ExchangeId exchange);

  // The descriptors that came with the request: none for an exchange that is over.
  std::vector<io::Descriptor> take_descriptors(transport::ExchangeId exchange);
  // The connection itself, for who goes on with it in another way; the exchange is over. Closed (false) for
  // an exchange that is over already.
  io::Descriptor release(transport::ExchangeId exchange);

  // Writes what was queued. At the end of every turn.
  void flush();

  std::size_t connections() const { return connections_.size(); }
  std::size_t exchanges() const { return exchanges_.size(); }
  std::size_t body_bytes() const { return bodies_.held(); }  // Of requests that are not complete.

  struct Saved;
  std::string unsettled() const;
  Saved saved() const;
  // In the next program, after listen() with the sockets that were saved. on_gone follows for exchanges that
  // are over.
  void resume(Saved saved);

 private:
  struct Connection;
  struct Socket;

  void connected(Socket& socket, io::Descriptor descriptor);
  io::HttpConnection::Events events_of(std::uint64_t id);
  Socket* plain_socket(HttpOrigin::Kind kind) const;
  void say_goodbye();
  static void turn_away(const Socket& socket, io::Descriptor descriptor, int status, std::string_view why);
  bool make_room(Socket& socket);
  std::optional<proto::HttpAnswer> judged(Connection& connection, proto::HttpRequest& head);
  bool may_go_on(Connection& connection, std::size_t held);
  void body_over(Connection& connection);
  void let_wait_no_longer();
  void requested(Connection& connection, proto::HttpRequest&& request);
  void gone(Connection& connection);
  Connection* find(transport::ExchangeId exchange) const;
  void over(Connection& connection);
  void mark_dirty(Connection& connection);
  void let_go(Connection& connection);

  io::Loop& loop_;
  Limits limits_;
  Events events_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;  // In the order in which they came.
  std::map<transport::ExchangeId, Connection*> exchanges_;
  BodyBudget bodies_;
  std::vector<std::uint64_t> waiting_;  // Connections whose bodies are over the budget.
  std::vector<std::uint64_t> dirty_;
  std::uint64_t connections_seen_ = 0;
  transport::ExchangeId exchanges_seen_ = 0;
  std::vector<transport::ExchangeId> lost_;  // Over, and nobody has been told yet.
  io::Timer goodbye_;
};

struct HttpFront::Saved {
  struct Listening {
    HttpOrigin origin;
    io::Passed socket;
    static constexpr std::size_t fields = 2;
  };
  struct Served {
    std::uint64_t id = 0;
    HttpOrigin::Kind kind = HttpOrigin::Kind::local_socket;
    transport::ExchangeId exchange = 0;
    std::string principal;
    proto::HttpFields along;
    std::uint64_t last_served = 0;
    std::optional<std::size_t> body;  // So much of one is held.
    io::HttpConnection::Saved http;
    static constexpr std::size_t fields = 8;
  };

  // The socket of that kind, if we listened on one.
  io::Passed socket(HttpOrigin::Kind kind) const;

  std::vector<Listening> sockets;
  std::vector<Served> connections;
  std::vector<transport::ExchangeId> lost;  // Of connections over TLS.
  std::uint64_t connections_seen = 0;
  transport::ExchangeId exchanges_seen = 0;
  static constexpr std::size_t fields = 5;
};

}  // namespace app
