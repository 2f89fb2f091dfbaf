#include "app/control_connection.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "io/clock.h"
#include "io/unix_socket.h"

namespace app {
namespace {

// A request is a few writes of a program on the same machine.
constexpr base::Duration patience = std::chrono::seconds(10);
constexpr std::size_t descriptors_max = 8;

}  // namespace

ControlConnection::ControlConnection(io::Loop& loop, io::Descriptor connection, Events events)
    : connection_(std::move(connection)), patience_(loop, [this] { done(); }), events_(std::move(events)) {
  patience_.set(io::now() + patience);
}

base::Result<std::unique_ptr<ControlConnection>> ControlConnection::open(io::Loop& loop,
                                                                         io::Descriptor connection,
                                                                         Events events) {
  std::unique_ptr<ControlConnection> made(
      new ControlConnection(loop, std::move(connection), std::move(events)));
  ControlConnection* self = made.get();
  made->watch_ = TRY(loop.watch(made->connection_.get(), io::Interest::read,
                                [self] { self->answering_ ? self->writable() : self->readable(); }));
  return made;
}

void ControlConnection::readable() {
  std::array<char, 16384> chunk;
  auto received = io::receive_with_descriptors(connection_.get(), chunk, io::Wait::no);
  if (!received) {
    if (received.error().code != EAGAIN) done();
    return;
  }
  if (received->count == 0 || descriptors_.size() + received->descriptors.size() > descriptors_max) {
    done();
    return;
  }
  for (io::Descriptor& descriptor : received->descriptors) descriptors_.push_back(std::move(descriptor));
  reader_.feed({chunk.data(), received->count});
  switch (reader_.state()) {
    case HttpRequestReader::State::head:
    case HttpRequestReader::State::body:
      return;
    case HttpRequestReader::State::broken:
      answer(http_problem(reader_.refusal(), "this is no request that the daemon understands"));
      return;
    case HttpRequestReader::State::complete:
      events_.on_request(*this);
      return;
  }
}

void ControlConnection::answer(std::string text) {
  answering_ = true;
  outgoing_ = std::move(text);
  writable();
}

void ControlConnection::writable() {
  while (sent_ < outgoing_.size()) {
    const ssize_t put = send(connection_.get(), outgoing_.data() + sent_, outgoing_.size() - sent_,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      watch_.set(io::Interest::write);
      return;
    }
    if (put < 0) break;
    sent_ += static_cast<std::size_t>(put);
  }
  done();
}

void ControlConnection::done() {
  watch_.set(io::Interest::none);
  patience_.clear();
  events_.on_gone(*this);
}

io::Descriptor ControlConnection::release() {
  watch_ = {};
  patience_.clear();
  return std::move(connection_);
}

}  // namespace app
