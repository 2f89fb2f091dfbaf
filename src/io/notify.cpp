#include "io/notify.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "io/clock.h"
#include "io/system_error.h"

namespace io {

namespace {

// A manager reads at once. One that does not must not stop the daemon.
constexpr timeval manager_reads_within{.tv_sec = 1, .tv_usec = 0};
// The loop's grain is a millisecond; a manager in less of a hurry than this is what there is.
constexpr base::Duration shortest_pause = std::chrono::milliseconds(1);

struct NotifyAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

base::Result<NotifyAddress> notify_address(const std::string& name) {
  NotifyAddress made;
  made.address.sun_family = AF_UNIX;
  const bool abstract = name.starts_with('@');
  // A path has room for its terminator, a name has none.
  const std::size_t most = sizeof made.address.sun_path - (abstract ? 0 : 1);
  if (name.size() < 2 || (!abstract && !name.starts_with('/')))
    return base::failure("NOTIFY_SOCKET is \"" + name + "\", neither a path nor a name behind @");
  if (name.size() > most) return system_failure("cannot use NOTIFY_SOCKET " + name, ENAMETOOLONG);
  std::memcpy(made.address.sun_path, name.data(), name.size());
  if (abstract) made.address.sun_path[0] = '\0';
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
  return made;
}

base::Result<Descriptor> connect_to_manager(const std::string& name) {
  const NotifyAddress to = TRY(notify_address(name));
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_failure("cannot make a socket");
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &manager_reads_within, sizeof manager_reads_within);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0)
    return system_failure("cannot reach the service manager at " + name);
  return socket;
}

}  // namespace

Notifier::Notifier(Loop& loop, NotifyTarget target)
    : target_(std::move(target)), next_sign_(loop, [this] { sign_of_life(); }) {
  if (target_.socket.empty()) return;
  auto socket = connect_to_manager(target_.socket);
  if (!socket) {
    loss_ = socket.error().what;
    return;
  }
  socket_ = std::move(*socket);
  if (target_.watchdog.count() > 0)
    pause_ = std::max<base::Duration>(std::chrono::duration_cast<base::Duration>(target_.watchdog) / 2,
                                      shortest_pause);
}

void Notifier::ready(std::string_view status) {
  std::string lines = "READY=1\nSTATUS=";
  lines += status.substr(0, status.find('\n'));
  tell(lines, Patience::some);
  if (pause_.count() > 0) sign_of_life();
}

// The manager tells this reload from an earlier one by its time, which is that of CLOCK_MONOTONIC.
void Notifier::reloading() {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since.count()), Patience::some);
}

void Notifier::stopping() {
  tell("STOPPING=1", Patience::some);
}

void Notifier::sign_of_life() {
  tell("WATCHDOG=1", Patience::none);
  next_sign_.set(now() + pause_);
}

std::string Notifier::news_of_loss() {
  return std::exchange(loss_, {});
}

void Notifier::tell(std::string_view lines, Patience patience) {
  if (!socket_) return;
  const int flags = MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0);
  ssize_t sent = 0;
  do sent = send(socket_.get(), lines.data(), lines.size(), flags);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0 || std::exchange(lost_, true)) return;
  loss_ = system_error("cannot tell the service manager at " + target_.socket + " \"" +
                       std::string(lines.substr(0, lines.find('\n'))) + "\"")
              .what;
}

}  // namespace io
