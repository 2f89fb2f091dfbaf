#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "shim/relay.h"

namespace {

using shim::Relay;

std::unique_ptr<Relay> relay_for(Relay::Needed needed) {
  auto relay = Relay::open(needed);
  REQUIRE(relay);
  return std::move(*relay);
}

std::string read_as_daemon(int fd) {
  std::array<char, 256> bytes{};
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  return got <= 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(got));
}

TEST_CASE("only what is needed is relayed") {
  const auto none = relay_for({});
  CHECK(none->input_for_daemon() == -1);
  CHECK(none->output_for_daemon() == -1);
  for (const pollfd& wait : none->interests()) CHECK(wait.fd == -1);

  const auto both = relay_for({.input = true, .output = true});
  CHECK(both->input_for_daemon() >= 3);
  CHECK(both->output_for_daemon() >= 3);
  CHECK(both->interests()[0].fd == STDIN_FILENO);
  CHECK(both->interests()[0].events == POLLIN);
}

TEST_CASE("what was put back reaches the daemon before anything else is read") {
  const auto relay = relay_for({});
  REQUIRE(relay->put_back("first\nsec"));
  std::array<pollfd, 2> waits = relay->interests();
  CHECK(waits[0].fd != STDIN_FILENO);
  CHECK(waits[0].events == POLLOUT);
  waits[0].revents = POLLOUT;
  relay->carry(waits);
  CHECK(read_as_daemon(relay->input_for_daemon()) == "first\nsec");
  CHECK(relay->interests()[0].fd == STDIN_FILENO);
  CHECK(relay->take_back().empty());  // All of it was taken.
}

TEST_CASE("what no daemon has read comes back in order, wherever it got to") {
  const auto relay = relay_for({});
  REQUIRE(relay->put_back(std::string(3'000'000, 'a') + "z"));
  std::array<pollfd, 2> waits = relay->interests();
  waits[0].revents = POLLOUT;
  relay->carry(waits);
  CHECK(relay->interests()[0].events == POLLOUT);  // More than a socket holds.
  CHECK(relay->take_back() == std::string(3'000'000, 'a') + "z");
  CHECK(relay->take_back().empty());
  CHECK(read_as_daemon(relay->input_for_daemon()).empty());
}

}  // namespace
