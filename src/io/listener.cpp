#include "io/listener.h"

#include <fcntl.h>

#include "io/system_error.h"
#include "io/tcp_socket.h"

namespace io {

namespace {

// Connections taken in one turn: the others come in the next, after everybody else has been served.
constexpr int accepted_per_turn_max = 64;

Descriptor open_spare() {
  return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Listener::Listener(Descriptor socket, Connected connected, Refused refused, Shed shed)
    : socket_(std::move(socket)),
      spare_(open_spare()),
      connected_(std::move(connected)),
      refused_(std::move(refused)),
      shed_(std::move(shed)) {}

base::Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, Descriptor socket, Connected connected,
                                                       Refused refused, Shed shed) {
  // It is ours alone (the starter that made it has let go of it), so its flags are too.
  const int flags = fcntl(socket.get(), F_GETFL);
  if (flags < 0 || fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return system_failure("cannot use the listening socket");
  }
  std::unique_ptr<Listener> listener(
      new Listener(std::move(socket), std::move(connected), std::move(refused), std::move(shed)));
  Listener* self = listener.get();
  listener->watch_ = TRY(loop.watch(listener->socket_.get(), Interest::read, [self] { self->ready(); }));
  return listener;
}

void Listener::ready() {
  for (int i = 0; i < accepted_per_turn_max; ++i) {
    auto connection = accept_connection(socket_.get());
    if (!connection) {
      if (connection.error().code == EAGAIN) return;
      refused_(connection.error());
      if (connection.error().code == EMFILE || connection.error().code == ENFILE) shed_one();
      return;
    }
    const auto peer = admit(*connection);
    if (!peer) {
      refused_(peer.error());
      continue;
    }
    connected_(std::move(*connection), *peer);
  }
}

base::Result<Peer> Listener::admit(const Descriptor& connection) const {
  if (!is_tcp(socket_)) return check_peer(connection.get());
  TRY(prepare_connection(connection));
  return Peer{};
}

void Listener::shed_one() {
  spare_.reset();
  auto unlucky = accept_connection(socket_.get());
  if (unlucky && shed_ && admit(*unlucky)) shed_(std::move(*unlucky));
  unlucky = Descriptor();
  spare_ = open_spare();
}

}  // namespace io
