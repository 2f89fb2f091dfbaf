// What the other end of a request does to us: it sends as fast as it can, vanishes, or speaks something else.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "http_ways.h"
#include "io/clock.h"
#include "io/http_client.h"
#include "io/tcp_socket.h"
#include "support.h"

using test::run_until;

namespace {

// Says what it is told to each connection, and goes on saying `more` for as long as that is taken.
class RawServer {
 public:
  RawServer(io::Loop& loop, std::string first, std::string more = {}, std::size_t times = 0)
      : loop_(loop), first_(std::move(first)), more_(std::move(more)), times_(times) {
    socket_ = io::listen_on("127.0.0.1", 0).value();
    watch_ = loop.watch(socket_.get(), io::Interest::read, [this] { accept(); }).value();
  }

  std::uint16_t port() const { return io::port_of(socket_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()) + "/?secret"; }

 private:
  struct Connection {
    io::Descriptor socket;
    io::Watch watch;
    std::string rest;
    std::size_t left = 0;
    bool asked = false;
  };

  void accept() {
    const int accepted = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    REQUIRE(accepted >= 0);
    auto& one = *connections_.emplace_back(std::make_unique<Connection>());
    one.socket.reset(accepted);
    one.rest = first_;
    one.left = times_;
    one.watch = loop_.watch(accepted, io::Interest::read, [this, &one] { serve(one); }).value();
  }
  void serve(Connection& one) {
    if (!std::exchange(one.asked, true)) one.watch.set(io::Interest::write);
    // Not all that goes: the client is on the same loop, and has to have its turn.
    for (int i = 0; i < 64; ++i) {
      if (one.rest.empty() && one.left > 0) {
        one.rest = more_;
        --one.left;
      }
      if (one.rest.empty()) break;
      const ssize_t put = send(one.socket.get(), one.rest.data(), one.rest.size(), MSG_NOSIGNAL);
      if (put < 0) return;
      one.rest.erase(0, static_cast<std::size_t>(put));
    }
    if (!one.rest.empty() || one.left > 0) return;
    one.watch = {};
    shutdown(one.socket.get(), SHUT_WR);
  }

  io::Loop& loop_;
  std::string first_, more_;
  std::size_t times_;
  io::Descriptor socket_;
  io::Watch watch_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

struct Counted {
  std::size_t bytes = 0;
  std::size_t largest = 0;
  std::optional<io::HttpClient::Failure> failure;
  bool ended = false;

  io::HttpClient::Events events() {
    return {.on_body =
                [this](std::string_view piece) {
                  bytes += piece.size();
                  largest = std::max(largest, piece.size());
                },
            .on_end =
                [this](const std::optional<io::HttpClient::Failure>& why) {
                  failure = why;
                  ended = true;
                }};
  }
};

template <class Way>
std::string why_of(const std::string& said) {
  io::Loop loop;
  const RawServer server(loop, said);
  io::HttpClient client(loop, Way::local);
  Counted told;
  client.start({.method = "GET", .url = server.url()}, told.events());
  REQUIRE(run_until(loop, [&] { return told.ended; }));
  REQUIRE(told.failure);
  CHECK_FALSE(told.failure->never_connected);
  CHECK_FALSE(told.failure->why.contains("secret"));
  return told.failure->why;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "http client: a server that sends as fast as it can gets a part of each turn, and arrives whole", Way,
    test::ByOurselves, test::OverLibcurl) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  constexpr std::size_t pieces = 16;
  constexpr std::size_t of_one_turn = std::size_t{160} << 10;
  io::Loop loop;
  const RawServer server(loop, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
                         std::string(piece, ':'), pieces);
  io::HttpClient client(loop, Way::local);
  std::vector<Counted> told(3);
  for (Counted& one : told) client.start({.method = "GET", .url = server.url()}, one.events());
  REQUIRE(run_until(loop, [&] { return std::ranges::all_of(told, &Counted::ended); }));
  for (const Counted& one : told) {
    CHECK_FALSE(one.failure);
    CHECK(one.bytes == piece * pieces);
    CHECK(one.largest <= of_one_turn);
  }
}

TEST_CASE_TEMPLATE("http client: a request that is held back may be abandoned", Way, test::ByOurselves,
                   test::OverLibcurl) {
  io::Loop loop;
  const RawServer server(loop, "HTTP/1.1 200 OK\r\n\r\n", std::string(1 << 20, 'x'), 1000);
  io::HttpClient client(loop, Way::local);
  Counted told;
  std::optional<io::HttpClient::Handle> handle;
  io::HttpClient::Events events = told.events();
  events.on_body = [&](std::string_view) {
    if (handle) client.abandon(*std::exchange(handle, std::nullopt));
  };
  handle = client.start({.method = "GET", .url = server.url()}, std::move(events));
  REQUIRE(run_until(loop, [&] { return !handle; }));
  int turns = 0;
  io::Timer next(loop, [] {});
  next = io::Timer(loop, [&] {
    if (++turns < 5) next.set(io::now());
  });
  next.set(io::now());
  REQUIRE(run_until(loop, [&] { return turns == 5; }));
  CHECK_FALSE(told.ended);
}

TEST_CASE_TEMPLATE("http client: a request may be abandoned in the turn in which its connection is begun",
                   Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  const RawServer first(loop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const RawServer second(loop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  io::HttpClient client(loop, Way::local);
  const auto ask = [&](const RawServer& server) {
    Counted told;
    client.start({.method = "GET", .url = server.url()}, told.events());
    REQUIRE(run_until(loop, [&] { return told.ended; }));
    CHECK_FALSE(told.failure);
  };
  ask(first);
  const std::size_t before = test::open_descriptors();
  Counted told;
  std::optional<io::HttpClient::Handle> handle =
      client.start({.method = "GET", .url = second.url()}, told.events());
  loop.at_end_of_turn([&] {
    if (handle && test::open_descriptors() > before) client.abandon(*std::exchange(handle, std::nullopt));
  });
  REQUIRE(run_until(loop, [&] { return !handle; }));
  ask(second);
  ask(first);
  CHECK_FALSE(told.ended);
}

TEST_CASE_TEMPLATE("http client: a machine that has vanished is noticed within a minute", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  const RawServer server(loop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  io::HttpClient client(loop, Way::local);
  Counted told;
  client.start({.method = "GET", .url = server.url()}, told.events());
  const auto ours = [&] {
    for (int fd = 0; fd < 1024; ++fd) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET &&
          ntohs(peer.sin_port) == server.port())
        return fd;
    }
    return -1;
  };
  int fd = -1;
  REQUIRE(run_until(loop, [&] { return (fd = ours()) >= 0; }));
  const auto option = [&](int level, int what) {
    int value = 0;
    socklen_t size = sizeof value;
    REQUIRE(getsockopt(fd, level, what, &value, &size) == 0);
    return value;
  };
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) +
            option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT) <=
        60);
  CHECK(option(IPPROTO_TCP, TCP_USER_TIMEOUT) > 0);
  CHECK(option(IPPROTO_TCP, TCP_USER_TIMEOUT) <= 60'000);
}

TEST_CASE_TEMPLATE("http client: what answers with something else is said to be no HTTP server", Way,
                   test::ByOurselves, test::OverLibcurl) {
  for (const char* said : {"SSH-2.0-OpenSSH_9.2\r\n", "<html>hello</html>", "\x01\x02\x03\x04\r\n\r\n"}) {
    CAPTURE(said);
    CHECK(why_of<Way>(said).contains("answered with what is no HTTP"));
  }
}

TEST_CASE_TEMPLATE("http client: an answer that is too much or damaged is named in words", Way,
                   test::ByOurselves, test::OverLibcurl) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 400; ++i) head += "x-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n";
  const std::string too_long = why_of<Way>(head + "\r\n");
  CHECK_FALSE(too_long.contains("libcurl"));
  CHECK(too_long.contains("head"));
  const std::string damaged = why_of<Way>("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip");
  CHECK_FALSE(damaged.contains("libcurl"));
}

TEST_CASE_TEMPLATE("http client: what is for this user's server alone is not sent to another user's", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  io::HttpClient client(loop, Way::local);
  const auto ask = [&](std::uint16_t port) {
    Counted told;
    client.start({.method = "GET",
                  .url = "http://127.0.0.1:" + std::to_string(port) + "/",
                  .listener = io::HttpClient::Listener::this_user_or_root},
                 told.events());
    REQUIRE(run_until(loop, [&] { return told.ended; }));
    return told.failure;
  };
  const RawServer mine(loop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK_FALSE(ask(mine.port()));
  CHECK_FALSE(io::stranger_on(io::Loopback::v4, mine.port()));
  CHECK(io::listens_on(io::Loopback::v4, mine.port()));
  CHECK_FALSE(io::listens_on(io::Loopback::v6, mine.port()));
  if (getuid() != 0) return;  // Only root can become another user.

  constexpr uid_t nobody = 65534;
  int pipe_ends[2];
  REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
  const pid_t stranger = fork();
  if (stranger == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setresuid(nobody, nobody, nobody) != 0) _exit(1);
    const auto socket = io::listen_on("127.0.0.1", 0);
    const std::uint16_t port = socket ? io::port_of(*socket) : 0;
    if (write(pipe_ends[1], &port, sizeof port) != sizeof port) _exit(1);
    pause();
    _exit(0);
  }
  std::uint16_t port = 0;
  REQUIRE(read(pipe_ends[0], &port, sizeof port) == sizeof port);
  REQUIRE(port != 0);
  const auto refused = ask(port);
  REQUIRE(refused);
  CHECK(refused->never_connected);
  CHECK(refused->why.contains("127.0.0.1:" + std::to_string(port) + " is taken by another user's process"));
  CHECK(refused->why.contains("uid 65534"));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}
