#include "io/tcp_socket.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/listener.h"
#include "support.h"

using test::run_until;

namespace {

io::Descriptor connect_to_port(std::uint16_t port) {
  io::Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) client.reset();
  return client;
}

}  // namespace

TEST_CASE("tcp: connections arrive, and wait for nothing before they send") {
  io::Loop loop;
  auto socket = io::listen_on("127.0.0.1", 0);
  REQUIRE(socket);
  CHECK(io::is_tcp(*socket));
  CHECK((fcntl(socket->get(), F_GETFD) & FD_CLOEXEC) != 0);
  const std::uint16_t port = io::port_of(*socket);
  CHECK(port != 0);
  io::Descriptor connection;
  io::Peer who{.pid = 1, .uid = 1, .gid = 1};
  const auto listener = io::Listener::open(
      loop, std::move(*socket),
      [&](io::Descriptor accepted, io::Peer peer) {
        connection = std::move(accepted);
        who = peer;
      },
      [](const base::Error&) {});
  REQUIRE(listener);
  const io::Descriptor client = connect_to_port(port);
  REQUIRE(client);
  REQUIRE(run_until(loop, [&] { return bool(connection); }));
  CHECK(who.pid == 0);
  CHECK((fcntl(connection.get(), F_GETFD) & FD_CLOEXEC) != 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  REQUIRE(getsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
  CHECK(no_delay != 0);
}

TEST_CASE("tcp: a port that is taken, and by whom") {
  const auto first = io::listen_on("127.0.0.1", 0);
  REQUIRE(first);
  const std::uint16_t port = io::port_of(*first);
  const std::string us = "io_tests (pid " + std::to_string(getpid()) + ")";
  const auto second = io::listen_on("127.0.0.1", port);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == EADDRINUSE);
  CHECK(second.error().what ==
        "cannot listen on 127.0.0.1:" + std::to_string(port) + ": Address already in use: " + us);
  CHECK(io::listener_on(port) == us);
}

TEST_CASE("tcp: a free port is one that nobody listens on and that can be had") {
  const auto port = io::free_port();
  REQUIRE(port);
  CHECK_FALSE(io::listener_on(*port));
  CHECK_FALSE(connect_to_port(*port));
  CHECK(io::listen_on("127.0.0.1", *port));
}

TEST_CASE("tcp: addresses") {
  for (const char* loopback : {"127.0.0.1", "127.8.9.1", "::1"}) CHECK(io::is_loopback(loopback));
  for (const char* other :
       {"0.0.0.0", "::", "192.168.0.1", "128.0.0.1", "localhost", "", "127.0.0.1 ", "::2"}) {
    CAPTURE(other);
    CHECK_FALSE(io::is_loopback(other));
  }
  const auto named = io::listen_on("localhost", 0);
  REQUIRE_FALSE(named);
  CHECK(named.error().what ==
        "cannot listen on \"localhost\": it is no numeric address like 127.0.0.1 or ::1");
}

TEST_CASE("tcp: IPv6, where there is any") {
  const auto socket = io::listen_on("::1", 0);
  if (!socket) {
    CHECK((socket.error().code == EADDRNOTAVAIL || socket.error().code == EAFNOSUPPORT));
    return;
  }
  const std::uint16_t port = io::port_of(*socket);
  CHECK(port != 0);
  CHECK(io::is_tcp(*socket));
  CHECK(io::listener_on(port));
  const auto again = io::listen_on("::1", port);
  REQUIRE_FALSE(again);
  CHECK(again.error().what.starts_with("cannot listen on [::1]:"));
}

TEST_CASE("tcp: a Unix socket is none") {
  const test::SocketPair pair;
  CHECK_FALSE(io::is_tcp(pair.ours));
  CHECK(io::port_of(pair.ours) == 0);
}

TEST_CASE("every address of the machine, and the name of a socket") {
  for (const char* any : {"0.0.0.0", "::", "0:0::0"}) CHECK(io::is_any(any));
  for (const char* other : {"127.0.0.1", "::1", "", "0", "0.0.0.1", "*"}) CHECK_FALSE(io::is_any(other));
  const io::Descriptor socket = io::listen_on("127.0.0.1", 0).value();
  CHECK(io::name_of(socket) == "127.0.0.1:" + std::to_string(io::port_of(socket)));
  const auto six = io::listen_on("0:0::1", 0);
  if (six) CHECK(io::name_of(*six) == "[::1]:" + std::to_string(io::port_of(*six)));
}
