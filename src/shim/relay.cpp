#include "shim/relay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "io/system_error.h"
#include "shim/write.h"

namespace shim {

namespace {

constexpr std::size_t chunk = std::size_t{64} << 10;

}  // namespace

base::Result<Relay::Pair> Relay::make_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return io::system_failure("cannot make a socket pair");
  }
  return Pair{io::Descriptor(fds[0]), io::Descriptor(fds[1])};
}

base::Result<std::unique_ptr<Relay>> Relay::open(Needed needed) {
  std::unique_ptr<Relay> relay(new Relay);
  if (needed.input) relay->input_ = TRY(make_pair());
  if (needed.output) relay->output_ = TRY(make_pair());
  return relay;
}

base::Result<void> Relay::put_back(std::string_view bytes) {
  if (!input_.ours) input_ = TRY(make_pair());
  pending_.assign(bytes.begin(), bytes.end());
  taken_ = 0;
  return {};
}

std::array<pollfd, 2> Relay::interests() const {
  pollfd input{-1, 0, 0};
  if (input_.ours && !pending_.empty()) {
    input = {input_.ours.get(), POLLOUT, 0};
  } else if (input_.ours && !input_ended_) {
    input = {STDIN_FILENO, POLLIN, 0};
  }
  return {input, pollfd{output_.ours.get(), POLLIN, 0}};
}

void Relay::carry(std::span<const pollfd, 2> ready) {
  if (ready[0].revents != 0) {
    if (pending_.empty()) read_input();
    write_input();
  }
  if (ready[1].revents != 0) move_output();
}

void Relay::read_input() {
  pending_.resize(chunk);
  taken_ = 0;
  const ssize_t got = ::read(STDIN_FILENO, pending_.data(), pending_.size());
  const bool later = got < 0 && (errno == EINTR || errno == EAGAIN);
  pending_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got > 0 || later) return;
  // A terminal that went away cannot be read either: that is an end like any other.
  input_ended_ = true;
  ::shutdown(input_.ours.get(), SHUT_WR);
}

void Relay::write_input() {
  if (pending_.empty()) return;
  const ssize_t sent = ::send(input_.ours.get(), pending_.data() + taken_, pending_.size() - taken_,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return;
  taken_ += static_cast<std::size_t>(sent);
  if (taken_ < pending_.size()) return;
  pending_.clear();
  taken_ = 0;
  if (input_ended_) ::shutdown(input_.ours.get(), SHUT_WR);  // What was put back came after the end.
}

void Relay::move_output() {
  std::vector<char> bytes(chunk);
  const ssize_t got = ::recv(output_.ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const bool lost = got <= 0 || !write_all(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(got)});
  if (lost) output_.ours.reset();
}

std::string Relay::take_back() {
  std::string unread;
  std::vector<char> bytes(chunk);
  for (;;) {
    if (!output_.ours) break;
    const ssize_t got = ::recv(output_.ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) break;
    if (!write_all(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(got)})) break;
  }
  for (;;) {
    if (!input_.daemon) break;
    const ssize_t got = ::recv(input_.daemon.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) break;
    unread.append(bytes.data(), static_cast<std::size_t>(got));
  }
  unread.append(pending_.begin() + static_cast<std::ptrdiff_t>(taken_), pending_.end());
  pending_.clear();
  taken_ = 0;
  return unread;
}

}  // namespace shim
