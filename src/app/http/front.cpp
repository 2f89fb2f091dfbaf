#include "app/http/front.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"
#include "io/descriptor_limit.h"
#include "io/http_output.h"
#include "io/unix_socket.h"

namespace app {

struct HttpFront::Socket {
  HttpOrigin origin;
  std::unique_ptr<io::TlsContext> tls = nullptr;
  std::unique_ptr<io::Listener> listener = nullptr;
  std::size_t connections = 0;
};

struct HttpFront::Connection {
  std::uint64_t id = 0;
  Socket* socket = nullptr;
  std::unique_ptr<io::HttpConnection> http = nullptr;
  transport::ExchangeId exchange = 0;
  std::string principal = {};     // Of the current request, from its head.
  proto::HttpFields along = {};   // With the answer to it.
  std::uint64_t last_served = 0;  // Counts exchanges: what had its last one longest ago has the least.
  bool dirty = false;
};

HttpFront::HttpFront(io::Loop& loop, Limits limits, Events events)
    : loop_(loop),
      limits_(limits),
      events_(std::move(events)),
      bodies_(limits.bodies),
      goodbye_(loop, [this] { say_goodbye(); }) {}

HttpFront::~HttpFront() = default;

base::Result<void> HttpFront::listen(io::Descriptor socket, HttpOrigin origin,
                                     std::unique_ptr<io::TlsContext> tls) {
  auto made = std::make_unique<Socket>(Socket{.origin = origin, .tls = std::move(tls)});
  Socket* self = made.get();
  made->listener = TRY(io::Listener::open(
      loop_, std::move(socket),
      [this, self](io::Descriptor descriptor, io::Peer /*peer*/) { connected(*self, std::move(descriptor)); },
      [this](const base::Error& why) { events_.on_trouble(why); },
      [self](io::Descriptor descriptor) {
        turn_away(*self, std::move(descriptor), io::no_room_status, io::no_room_for_session());
      }));
  sockets_.push_back(std::move(made));
  return {};
}

void HttpFront::stop_listening() {
  for (const std::unique_ptr<Socket>& socket : sockets_) socket->listener.reset();
}

void HttpFront::stop_listening(HttpOrigin::Kind kind) {
  for (const std::unique_ptr<Socket>& socket : sockets_) {
    if (socket->origin.kind == kind) socket->listener.reset();
  }
  std::erase_if(sockets_, [](const auto& socket) { return !socket->listener && socket->connections == 0; });
}

base::Result<io::Descriptor> HttpFront::listening(HttpOrigin::Kind kind) const {
  for (const std::unique_ptr<Socket>& socket : sockets_) {
    if (socket->origin.kind == kind && socket->listener) return socket->listener->duplicate();
  }
  return base::failure("no socket of that kind listens");
}

void HttpFront::connected(Socket& socket, io::Descriptor descriptor) {
  // It gave up while it waited for a daemon, perhaps for one before this: what it asked for, like a shutdown,
  // was not meant for us.
  if (socket.origin.kind == HttpOrigin::Kind::local_socket && io::is_abandoned(descriptor.get())) return;
  if (socket.connections >= limits_.connections_max && !make_room(socket)) {
    events_.on_trouble({.what = "a connection was refused: there are " + std::to_string(socket.connections) +
                                " already, all of them busy"});
    return turn_away(socket, std::move(descriptor), 503, "There are too many connections.");
  }
  // The reserve is for our own user, whose connections take little and say at once what they want.
  const bool scarce = io::is_reserved(descriptor.get());
  if (scarce && !make_room(socket) && socket.origin.kind == HttpOrigin::Kind::tcp) {
    events_.on_trouble({.what = "a connection was refused: " + io::too_many_open_files()});
    return turn_away(socket, std::move(descriptor), io::no_room_status, io::too_many_open_files());
  }
  const std::uint64_t id = ++connections_seen_;
  auto opened = io::HttpConnection::open(loop_, io::HttpWire(std::move(descriptor), socket.tls.get()),
                                         limits_.connection, events_of(id));
  if (!opened) {
    events_.on_trouble(opened.error());
    return;
  }
  ++socket.connections;
  connections_[id] = std::make_unique<Connection>(
      Connection{.id = id, .socket = &socket, .http = std::move(*opened), .last_served = exchanges_seen_});
}

io::HttpConnection::Events HttpFront::events_of(std::uint64_t id) {
  const auto with = [this, id](auto act) {
    if (const auto found = connections_.find(id); found != connections_.end()) act(*found->second);
  };
  return {.on_head =
              [this, with](proto::HttpRequest& head) {
                std::optional<proto::HttpAnswer> refused;
                with([&](Connection& connection) { refused = judged(connection, head); });
                return refused;
              },
          .on_body =
              [this, with](std::size_t held) {
                bool goes_on = true;
                with([&](Connection& connection) { goes_on = may_go_on(connection, held); });
                return goes_on;
              },
          .on_request =
              [this, with](proto::HttpRequest&& request) {
                with([&](Connection& connection) { requested(connection, std::move(request)); });
              },
          .on_drained =
              [this, with] {
                with([&](Connection& connection) {
                  if (connection.exchange != 0 && events_.on_drained) events_.on_drained(connection.exchange);
                });
              },
          .on_gone = [this, with] { with([&](Connection& connection) { gone(connection); }); }};
}

// In one write that does not wait; through TLS that cannot be done.
void HttpFront::turn_away(const Socket& socket, io::Descriptor descriptor, int status, std::string_view why) {
  if (socket.tls) return;
  io::HttpWire wire(std::move(descriptor));
  const proto::HttpAnswer answer = proto::problem(status, why);
  io::HttpOutput output;
  output.queue_head(answer.status, answer.fields, "connection: close\r\n");
  output.queue_text(answer.body);
  static_cast<void>(output.write_to(wire));
}

bool HttpFront::make_room(Socket& socket) {
  Connection* idlest = nullptr;
  for (const auto& [id, connection] : connections_) {
    const bool idle = connection->exchange == 0 && connection->http->queued_bytes() == 0;
    if (connection->socket != &socket || !idle) continue;
    if (idlest == nullptr || connection->last_served < idlest->last_served) idlest = connection.get();
  }
  if (idlest == nullptr) return false;
  let_go(*idlest);
  return true;
}

std::optional<proto::HttpAnswer> HttpFront::judged(Connection& connection, proto::HttpRequest& head) {
  if (!events_.on_head) return std::nullopt;
  auto verdict = events_.on_head(head, connection.socket->origin);
  if (!verdict) return std::move(verdict.error());
  connection.principal = std::move(*verdict);
  return std::nullopt;
}

bool HttpFront::may_go_on(Connection& connection, std::size_t held) {
  bodies_.note(connection.id, connection.principal, held);
  if (bodies_.may_go_on(connection.id)) return true;
  waiting_.push_back(connection.id);
  return false;
}

void HttpFront::body_over(Connection& connection) {
  bodies_.forget(connection.id);
  std::erase(waiting_, connection.id);
  let_wait_no_longer();
}

void HttpFront::let_wait_no_longer() {
  std::erase_if(waiting_, [&](std::uint64_t id) {
    if (!bodies_.may_go_on(id)) return false;
    connections_.at(id)->http->go_on();
    return true;
  });
}

void HttpFront::requested(Connection& connection, proto::HttpRequest&& request) {
  body_over(connection);
  connection.exchange = ++exchanges_seen_;
  connection.along = {};
  exchanges_[connection.exchange] = &connection;
  events_.on_request(connection.exchange, std::move(request), connection.socket->origin);
}

void HttpFront::gone(Connection& connection) {
  const transport::ExchangeId exchange = connection.exchange;
  let_go(connection);
  if (exchange != 0) events_.on_gone(exchange);
}

HttpFront::Connection* HttpFront::find(transport::ExchangeId exchange) const {
  const auto found = exchanges_.find(exchange);
  return found != exchanges_.end() ? found->second : nullptr;
}

void HttpFront::over(Connection& connection) {
  exchanges_.erase(std::exchange(connection.exchange, 0));
  connection.last_served = exchanges_seen_;
}

void HttpFront::mark_dirty(Connection& connection) {
  if (!std::exchange(connection.dirty, true)) dirty_.push_back(connection.id);
}

// It may be on the call stack.
void HttpFront::let_go(Connection& connection) {
  if (connection.exchange != 0) over(connection);
  body_over(connection);
  Socket* const socket = connection.socket;
  --socket->connections;
  loop_.retire(std::move(connection.http));
  connections_.erase(connection.id);
  if (!socket->listener && socket->connections == 0)
    std::erase_if(sockets_, [&](const auto& one) { return one.get() == socket; });
}

void HttpFront::accompany(transport::ExchangeId exchange, proto::HttpFields fields) {
  if (Connection* connection = find(exchange)) connection->along = std::move(fields);
}

void HttpFront::answer(transport::ExchangeId exchange, proto::HttpAnswer answer) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return;
  const auto& along = connection->along.all;
  answer.fields.all.insert(answer.fields.all.begin(), along.begin(), along.end());
  connection->http->answer(std::move(answer));
  over(*connection);
  mark_dirty(*connection);
}

void HttpFront::answer(transport::ExchangeId exchange, const proto::HttpFields& fields,
                       proto::Message message) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return;
  proto::HttpFields all = connection->along;
  all.add("content-type", "application/json");
  all.all.insert(all.all.end(), fields.all.begin(), fields.all.end());
  connection->http->answer(all, std::move(message));
  over(*connection);
  mark_dirty(*connection);
}

void HttpFront::begin_stream(transport::ExchangeId exchange, const proto::HttpFields& fields) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return;
  proto::HttpFields all = connection->along;
  all.add("content-type", "text/event-stream");
  all.add("cache-control", "no-cache");
  all.add("x-accel-buffering", "no");
  all.all.insert(all.all.end(), fields.all.begin(), fields.all.end());
  connection->http->begin_stream(200, all);
  mark_dirty(*connection);
}

void HttpFront::stream(transport::ExchangeId exchange, proto::Message text) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return;
  connection->http->stream(std::move(text));
  mark_dirty(*connection);
}

void HttpFront::end_stream(transport::ExchangeId exchange) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return;
  connection->http->end_stream();
  over(*connection);
  mark_dirty(*connection);
}

std::size_t HttpFront::queued_bytes(transport::ExchangeId exchange) const {
  const Connection* connection = find(exchange);
  return connection != nullptr ? connection->http->queued_bytes() : 0;
}

void HttpFront::drop(transport::ExchangeId exchange) {
  if (Connection* connection = find(exchange)) let_go(*connection);
}

std::vector<io::Descriptor> HttpFront::take_descriptors(transport::ExchangeId exchange) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return {};
  return std::exchange(connection->http->descriptors(), {});
}

io::Descriptor HttpFront::release(transport::ExchangeId exchange) {
  Connection* connection = find(exchange);
  if (connection == nullptr) return {};
  io::Descriptor descriptor = connection->http->release();
  let_go(*connection);
  return descriptor;
}

void HttpFront::flush() {
  for (const std::uint64_t id : std::exchange(dirty_, {})) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second->dirty = false;
    found->second->http->flush();
  }
}

// Connections over TLS end, so what is said there already is written first.
std::string HttpFront::unsettled() const {
  const bool writing = std::ranges::any_of(connections_, [](const auto& one) {
    const Connection& connection = *one.second;
    return connection.socket->tls && connection.exchange == 0 && connection.http->queued_bytes() > 0;
  });
  return dirty_.empty() && !writing ? std::string() : "answers are being written";
}

HttpFront::Saved HttpFront::saved() const {
  Saved saved{.sockets = {},
              .connections = {},
              .lost = lost_,
              .connections_seen = connections_seen_,
              .exchanges_seen = exchanges_seen_};
  for (const auto& socket : sockets_) {
    if (socket->listener) saved.sockets.push_back({socket->origin, socket->listener->passed()});
  }
  for (const auto& [id, connection] : connections_) {
    if (connection->socket->tls) {
      if (connection->exchange != 0) saved.lost.push_back(connection->exchange);
      continue;
    }
    saved.connections.push_back({.id = id,
                                 .kind = connection->socket->origin.kind,
                                 .exchange = connection->exchange,
                                 .principal = connection->principal,
                                 .along = connection->along,
                                 .last_served = connection->last_served,
                                 .body = connection->http->body_held(),
                                 .http = connection->http->saved()});
  }
  return saved;
}

io::Passed HttpFront::Saved::socket(HttpOrigin::Kind kind) const {
  const auto found =
      std::ranges::find_if(sockets, [&](const Listening& one) { return one.origin.kind == kind; });
  return found != sockets.end() ? found->socket : io::Passed{};
}

HttpFront::Socket* HttpFront::plain_socket(HttpOrigin::Kind kind) const {
  const auto found = std::ranges::find_if(
      sockets_, [&](const auto& socket) { return socket->origin.kind == kind && !socket->tls; });
  return found != sockets_.end() ? found->get() : nullptr;
}

void HttpFront::resume(Saved saved) {
  connections_seen_ = saved.connections_seen;
  exchanges_seen_ = saved.exchanges_seen;
  lost_ = std::move(saved.lost);
  for (Saved::Served& one : saved.connections) {
    auto http = io::HttpConnection::resume(loop_, std::move(one.http), limits_.connection, events_of(one.id));
    Socket* socket = plain_socket(one.kind);
    if (!http) events_.on_trouble(http.error());
    if (!http || socket == nullptr) {
      if (one.exchange != 0) lost_.push_back(one.exchange);
      continue;
    }
    ++socket->connections;
    auto made = std::make_unique<Connection>(Connection{.id = one.id,
                                                        .socket = socket,
                                                        .http = std::move(*http),
                                                        .exchange = one.exchange,
                                                        .principal = std::move(one.principal),
                                                        .along = std::move(one.along),
                                                        .last_served = one.last_served});
    if (one.exchange != 0) exchanges_[one.exchange] = made.get();
    if (one.body) bodies_.note(one.id, made->principal, *one.body);
    // All are asked; one that may go on does.
    if (one.body) waiting_.push_back(one.id);
    connections_[one.id] = std::move(made);
  }
  let_wait_no_longer();
  if (!lost_.empty()) goodbye_.set(io::now());
}

void HttpFront::say_goodbye() {
  for (const transport::ExchangeId exchange : std::exchange(lost_, {})) events_.on_gone(exchange);
}

}  // namespace app
