#include "io/http_wire.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/ensure.h"
#include "io/system_error.h"
#include "io/tcp_socket.h"
#include "io/unix_socket.h"

namespace io {

HttpWire::HttpWire(Descriptor socket, const TlsContext* tls)
    : socket_(std::move(socket)),
      tcp_(is_tcp(socket_)),
      tls_(tls != nullptr ? std::make_unique<TlsSession>(*tls) : nullptr) {}

HttpWire::Came HttpWire::receive(const std::function<void(std::string_view)>& take,
                                 std::vector<Descriptor>& descriptors, std::size_t at_most) {
  std::array<char, read_max> chunk;
  const std::span<char> room = std::span(chunk).first(std::min(at_most, read_max));
  const auto got = read(room, descriptors);
  if (!got && got.error().code == EMFILE) return Came::no_room;
  if (!got) return got.error().code == EAGAIN ? Came::nothing : Came::broken;
  if (*got == 0) return Came::end;
  const std::string_view bytes(chunk.data(), *got);
  if (tls_) return decrypt(bytes, take);
  take(bytes);
  return Came::bytes;
}

// Without room for descriptors the kernel has less to do.
base::Result<std::size_t> HttpWire::read(std::span<char> into, std::vector<Descriptor>& descriptors) {
  if (tcp_) {
    ssize_t count = 0;
    do {
      count = recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return system_failure("cannot receive on a connection");
    return static_cast<std::size_t>(count);
  }
  Received got = TRY(receive_with_descriptors(socket_.get(), into, Wait::no));
  for (Descriptor& descriptor : got.descriptors) descriptors.push_back(std::move(descriptor));
  return got.count;
}

// A record at a time: what OpenSSL has held once it keeps room for.
HttpWire::Came HttpWire::decrypt(std::string_view bytes, const std::function<void(std::string_view)>& take) {
  std::array<char, TlsSession::text_max> text;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, TlsSession::text_max);
    bytes.remove_prefix(piece.size());
    tls_->receive(piece);
    while (const std::size_t count = tls_->read(text)) take({text.data(), count});
  }
  switch (tls_->phase()) {
    case TlsSession::Phase::handshake:
    case TlsSession::Phase::open:
      return Came::bytes;
    case TlsSession::Phase::closed:
      return Came::end;
    case TlsSession::Phase::failed:
      return Came::bad_tls;
    case TlsSession::Phase::not_tls:
      tls_.reset();
      return Came::not_tls;
  }
  return Came::broken;
}

bool HttpWire::discard() {
  std::array<char, read_max> chunk;
  std::vector<Descriptor> unwanted;
  const auto got = read(chunk, unwanted);
  return got ? *got > 0 : got.error().code == EAGAIN;
}

ssize_t HttpWire::send(Gathered& pieces) {
  return tls_ ? encrypt(pieces) : pieces.send_to(socket_.get());
}

// Small pieces share a record. A further one is made only when the socket has taken the one before.
ssize_t HttpWire::encrypt(const Gathered& pieces) {
  std::array<char, TlsSession::text_max> text;
  std::size_t done = 0;
  while (done < std::min(pieces.size(), Gathered::at_once_max)) {
    const Outcome outcome = flush();
    const std::size_t count = outcome == Outcome::all_written ? pieces.copy(done, text) : 0;
    if (outcome == Outcome::failed || (count > 0 && !tls_->write({text.data(), count}))) {
      errno = EPROTO;
      return -1;
    }
    if (count == 0) break;
    done += count;
  }
  if (done == 0) errno = EAGAIN;
  return done == 0 ? -1 : static_cast<ssize_t>(done);
}

HttpWire::Outcome HttpWire::flush() {
  while (pending() > 0) {
    const std::string_view bytes = tls_->outgoing();
    const ssize_t put = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN ? Outcome::blocked : Outcome::failed;
    tls_->taken(static_cast<std::size_t>(put));
  }
  return Outcome::all_written;
}

HttpWire::Outcome HttpWire::finish() {
  if (tls_) tls_->close();
  const Outcome outcome = flush();
  if (outcome == Outcome::all_written) shutdown(socket_.get(), SHUT_WR);
  return outcome;
}

Descriptor HttpWire::release() {
  ensure(tls_ == nullptr);
  return std::move(socket_);
}

Passed HttpWire::passed() const {
  ensure(tls_ == nullptr);
  return pass(socket_);
}

}  // namespace io
