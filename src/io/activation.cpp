#include "io/activation.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "io/tcp_socket.h"

namespace io {

namespace {

// We have use for two.
constexpr int passed_sockets_max = 16;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<std::int64_t> number_in(const char* name) {
  const std::string_view text = variable(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

bool listens(const Descriptor& socket) {
  int on = 0;
  socklen_t size = sizeof on;
  return getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

// Empty: it is no Unix socket with a path.
std::string path_of(const Descriptor& socket) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return {};
  const std::string_view path(address.sun_path, size - offsetof(sockaddr_un, sun_path));
  return std::string(path.substr(0, path.find('\0')));
}

std::string what_is(const Descriptor& socket) {
  const std::string path = path_of(socket);
  return path.empty() ? is_tcp(socket) ? "the port " + name_of(socket) : "a descriptor of another kind"
                      : path;
}

base::Result<void> sort_in(Descriptor socket, const std::string& wanted, Activation& activation) {
  const std::string begin = "the service manager has passed " + what_is(socket) + " to listen on";
  if (!listens(socket))
    return base::failure(begin + ", which is no socket that listens; see ListenStream= of its unit");
  if (is_tcp(socket)) {
    if (activation.port) return base::failure(begin + ", and another port too; leave one of them");
    activation.port = std::move(socket);
    return {};
  }
  if (path_of(socket) != wanted) {
    return base::failure(begin + ", but sessions connect to " + wanted +
                         "; let ListenStream= of the socket unit say that, or have 'hearth service install' "
                         "write it anew");
  }
  if (activation.sessions) return base::failure(begin + " twice; leave one of them");
  activation.sessions = std::move(socket);
  return {};
}

}  // namespace

base::Result<Activation> take_activation(const std::string& socket, int first) {
  Activation activation;
  activation.notify.socket = variable("NOTIFY_SOCKET");
  const auto watched = number_in("WATCHDOG_PID");
  if (!watched || *watched == getpid())
    activation.notify.watchdog = std::chrono::microseconds(number_in("WATCHDOG_USEC").value_or(0));
  const std::int64_t count = number_in("LISTEN_FDS").value_or(0);
  if (count <= 0 || number_in("LISTEN_PID") != getpid()) return activation;
  if (count > passed_sockets_max)
    return base::failure("the service manager has passed " + std::to_string(count) +
                         " sockets; two are of use");
  for (int i = 0; i < static_cast<int>(count); ++i) {
    Descriptor passed = TRY(adopt(first + i));
    TRY(sort_in(std::move(passed), socket, activation));
  }
  return activation;
}

}  // namespace io
