#include "http_peers.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "io/clock.h"
#include "io/passed.h"
#include "io/tcp_socket.h"

namespace test {

std::string request_for(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

void connect_over_tcp(io::Descriptor& one, io::Descriptor& other) {
  const io::Descriptor listener = io::listen_on("127.0.0.1", 0).value();
  other.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(io::port_of(listener));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(other.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  one.reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(one);
  REQUIRE(io::prepare_connection(one));
}

HttpPeers::HttpPeers(Over over, io::HttpConnection::Limits limits, const io::TlsContext* tls)
    : limits_(limits) {
  io::Descriptor ours;
  if (over == Over::tcp) {
    connect_over_tcp(ours, client_);
  } else {
    SocketPair pair;
    ours = std::move(pair.ours);
    client_ = std::move(pair.theirs);
  }
  connection = io::HttpConnection::open(loop, io::HttpWire(std::move(ours), tls), limits, events()).value();
  loop.at_end_of_turn([this, over] {
    if (connection) connection->flush();
    if (connection && over == Over::replaced) replace();
  });
  listen();
}

io::HttpConnection::Events HttpPeers::events() {
  return {.on_head = [this](const auto& head) { return on_head(head); },
          .on_body = [this](std::size_t held) { return on_body(held); },
          .on_request =
              [this](proto::HttpRequest&& request) {
                requests.push_back(std::move(request));
                on_request();
              },
          .on_drained = [this] { ++drained; },
          .on_gone = [this] { ++gone; }};
}

// The numbers of its descriptors are closed and stand for the same things again, as if they had been passed
// on.
void HttpPeers::replace() {
  io::Passing writer;
  save::write(writer, connection->saved());
  std::vector<std::pair<int, io::Descriptor>> kept;
  for (const int number : writer.numbers()) kept.emplace_back(number, dup(number));
  const std::string text = std::move(writer).finish();
  connection.reset();
  for (const auto& [number, descriptor] : kept) REQUIRE(dup2(descriptor.get(), number) == number);
  save::Reader reader(text);
  auto saved = save::read<io::HttpConnection::Saved>(reader);
  REQUIRE(reader.end("the connection"));
  connection = io::HttpConnection::resume(loop, std::move(saved), limits_, events()).value();
}

void HttpPeers::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) {
      REQUIRE(errno == EAGAIN);
      const std::size_t before = heard.size();
      io::Timer again(loop, [] {});
      again.set(io::now() + std::chrono::milliseconds(1));
      int turns = 0;
      REQUIRE(run_until(loop, [&] { return ++turns > 1 || heard.size() > before; }));
      continue;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void HttpPeers::pull() {
  std::array<char, 65536> piece;
  const ssize_t got = recv(fd(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (got > 0) {
    heard.append(piece.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EAGAIN) {
    ended = true;
    client_watch_ = {};
  }
}

bool HttpPeers::hears(std::string_view text) {
  // What has been searched is not searched again: some tests hear megabytes.
  std::size_t searched = 0;
  return run_until(loop, [&] {
    const std::size_t from = searched - std::min(searched, text.size());
    searched = heard.size();
    return std::string_view(heard).substr(from).find(text) != std::string_view::npos;
  });
}

bool HttpPeers::hears_end() {
  return run_until(loop, [&] { return ended; });
}

void HttpPeers::listen() {
  client_watch_ = loop.watch(fd(), io::Interest::read, [this] { pull(); }).value();
}

void HttpPeers::stop_listening() {
  client_watch_ = {};
}

void HttpPeers::hang_up() {
  stop_listening();
  client_.reset();
}

void HttpPeers::close_half() {
  shutdown(fd(), SHUT_WR);
}

bool HttpPeers::waits_for_requests(std::size_t count) {
  return run_until(loop, [&] { return requests.size() >= count; });
}

bool HttpPeers::waits_for_gone() {
  return run_until(loop, [&] { return gone > 0; });
}

std::vector<std::string> HttpPeers::texts() const {
  std::vector<std::string> all;
  for (const proto::HttpRequest& request : requests) {
    all.push_back(request.method + ' ' + request.path + " [" + request.body + ']');
  }
  return all;
}

void HttpPeers::answer(std::string body) {
  connection->answer({.status = 200, .fields = {}, .body = std::move(body)});
}

std::string without_date(std::string_view text) {
  std::string rest(text);
  for (std::size_t at = 0; (at = rest.find("date: ")) != std::string::npos;) {
    rest.erase(at, rest.find("\r\n", at) + 2 - at);
  }
  return rest;
}

}  // namespace test
