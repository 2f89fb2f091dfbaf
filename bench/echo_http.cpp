#include "bench/echo_http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/echo_answer.h"
#include "bench/http_head.h"
#include "bench/processes.h"

namespace bench {
namespace {

constexpr std::string_view session_prefix = "echo-";

struct Connection {
  Descriptor socket;
  std::string in = std::string(std::size_t{1} << 16, '\0');
  std::size_t filled = 0;
  std::string out;
  std::size_t written = 0;

  // Reads once and answers what is complete. False: the connection is over.
  bool read_some();
  // Writes what the socket takes.
  bool write_some();

 private:
  bool answer_all();
};

std::uint64_t sessions_begun = 0;

void append_head(std::string& out, std::string_view status, std::string_view fields, std::size_t length) {
  std::array<char, 20> digits;
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
  out.append("HTTP/1.1 ").append(status).append("\r\n").append(fields);
  out.append("content-length: ").append(digits.data(), end).append("\r\n\r\n");
}

void answer_post(const HttpHead& head, std::string_view body, std::string& out) {
  static std::string answer;
  const std::string_view session = head.field("mcp-session-id");
  const bool begins = session.empty() && body.find("\"initialize\"") != std::string_view::npos;
  if (!begins && !session.starts_with(session_prefix)) return append_head(out, "400 Bad Request", "", 0);
  answer.clear();
  echo_answer(body, answer);
  if (answer.empty()) return append_head(out, "202 Accepted", "", 0);
  std::string fields = "content-type: application/json\r\n";
  if (begins) {
    fields.append("mcp-session-id: ").append(session_prefix);
    fields.append(std::to_string(++sessions_begun)).append("\r\n");
  }
  append_head(out, "200 OK", fields, answer.size());
  out += answer;
}

void answer_request(const HttpHead& head, std::string_view body, std::string& out) {
  const std::string_view method = head.first_line().substr(0, head.first_line().find(' '));
  if (method == "POST") return answer_post(head, body, out);
  if (method == "DELETE") return append_head(out, "200 OK", "", 0);
  append_head(out, "405 Method Not Allowed", "allow: POST, DELETE\r\n", 0);
}

bool Connection::read_some() {
  if (in.size() - filled < in.size() / 2) in.resize(2 * in.size());
  const ssize_t count = read(socket.get(), in.data() + filled, in.size() - filled);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  filled += static_cast<std::size_t>(count);
  return answer_all() && write_some();
}

bool Connection::answer_all() {
  std::size_t begin = 0;
  for (;;) {
    const auto head = HttpHead::read(std::string_view(in).substr(begin, filled - begin));
    if (!head) break;
    const auto length = head->content_length();
    if (!length) return false;
    if (filled - begin < head->size() + *length) break;
    answer_request(*head, std::string_view(in).substr(begin + head->size(), *length), out);
    begin += head->size() + *length;
  }
  filled -= begin;
  std::memmove(in.data(), in.data() + begin, filled);
  return true;
}

bool Connection::write_some() {
  while (written < out.size()) {
    const ssize_t count =
        send(socket.get(), out.data() + written, out.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    written += static_cast<std::size_t>(count);
  }
  out.clear();
  written = 0;
  return true;
}

Descriptor listen_on(std::uint16_t port) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), plain, size) != 0 || listen(listener.get(), SOMAXCONN) != 0 ||
      getsockname(listener.get(), plain, &size) != 0) {
    std::perror("echo_server: cannot listen");
    return {};
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

class Server {
 public:
  explicit Server(Descriptor listener)
      : listener_(std::move(listener)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event readable{.events = EPOLLIN, .data = {.fd = listener_.get()}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &readable);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 64> events;
    for (;;) {
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (const epoll_event& event :
           std::span(events.data(), static_cast<std::size_t>(std::max(count, 0)))) {
        if (event.data.fd == listener_.get()) {
          take_connections();
        } else {
          serve(event);
        }
      }
    }
  }

 private:
  void take_connections() {
    for (;;) {
      Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) return;
      const int yes = 1;
      setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      epoll_event readable{.events = EPOLLIN, .data = {.fd = socket.get()}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &readable);
      auto connection = std::make_unique<Connection>();
      const int fd = socket.get();
      connection->socket = std::move(socket);
      connections_[fd] = std::move(connection);
    }
  }

  void serve(const epoll_event& event) {
    const int fd = event.data.fd;
    Connection& connection = *connections_.at(fd);
    const bool waited = connection.written < connection.out.size();
    if (!(waited ? connection.write_some() : connection.read_some())) {
      connections_.erase(fd);
      return;
    }
    const bool waits = connection.written < connection.out.size();
    if (waits == waited) return;
    epoll_event wanted{.events = waits ? EPOLLOUT : EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &wanted);
  }

  Descriptor listener_, epoll_;
  std::map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace

int serve_http(std::uint16_t port) {
  Descriptor listener = listen_on(port);
  if (listener.get() < 0) return 1;
  Server(std::move(listener)).run();
}

}  // namespace bench
