#include "io/local_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "io/tcp_socket.h"

namespace io {
namespace {

constexpr std::size_t turn_bytes_of_all = std::size_t{256} << 10;
constexpr std::size_t large_piece = std::size_t{64} << 10;
constexpr std::size_t small_piece = std::size_t{16} << 10;

}  // namespace

std::size_t ReadBudget::piece() {
  const std::uint64_t current = loop_.turn();
  if (std::exchange(turn_, current) != current) taken_ = 0;
  return taken_ < turn_bytes_of_all ? large_piece : small_piece;
}

base::Result<std::unique_ptr<LocalConnection>> LocalConnection::begin(
    Loop& loop, ReadBudget& budget, const std::string& address, std::uint16_t port,
    std::function<void(LocalConnection&)> on_idle) {
  Descriptor socket = TRY(begin_connection(address, port));
  const int descriptor = socket.get();
  std::unique_ptr<LocalConnection> made(new LocalConnection(budget, std::move(socket), std::move(on_idle)));
  LocalConnection* const self = made.get();
  made->watch_ = TRY(loop.watch(descriptor, Interest::write, [self] { self->ready(); }));
  return made;
}

void LocalConnection::stop() {
  user_ = nullptr;
  watch_ = {};
}

bool LocalConnection::is_quiet() const {
  char first = 0;
  return recv(wire_.socket(), &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void LocalConnection::send(std::string head, proto::Message body) {
  queued_ = head.size() + body.size();
  output_.queue_text(std::move(head));
  output_.queue_body(std::move(body));
  write_out();
}

void LocalConnection::ready() {
  if (connecting_) return connected();
  if (output_.queued_bytes() > 0) write_out();
  read_some();
}

void LocalConnection::connected() {
  if (const int code = pending_error(wire_.socket()); code != 0) return over(Over::not_connected, code);
  connecting_ = false;
  watch_.set(Interest::read);
  if (user_ != nullptr) user_->on_connected();
}

// What the server said before it stopped to listen may still be read, so the end is left to reading.
void LocalConnection::write_out() {
  switch (output_.write_to(wire_)) {
    case HttpWire::Outcome::all_written:
      watch_.set(Interest::read);
      return;
    case HttpWire::Outcome::blocked:
      watch_.set(Interest::read_or_write);
      return;
    case HttpWire::Outcome::failed:
      unsent_ = output_.queued_bytes() == queued_;
      failed_ = true;
      output_.clear();
      watch_.set(Interest::read);
      return;
  }
}

void LocalConnection::read_some() {
  const auto take = [this](std::string_view bytes) {
    budget_.took(bytes.size());
    if (user_ == nullptr) return on_idle_(*this);
    user_->on_bytes(bytes);
  };
  switch (wire_.receive(take, descriptors_, budget_.piece())) {
    case HttpWire::Came::nothing:
    case HttpWire::Came::bytes:
      return;
    case HttpWire::Came::end:
      return over(Over::closed);
    case HttpWire::Came::broken:
    case HttpWire::Came::no_room:
    case HttpWire::Came::bad_tls:
    case HttpWire::Came::not_tls:
      return over(Over::broken);
  }
}

void LocalConnection::over(Over how, int code) {
  if (user_ == nullptr) return on_idle_(*this);
  user_->on_over(how, code);
}

}  // namespace io
