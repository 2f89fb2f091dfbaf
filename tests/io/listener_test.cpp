#include "io/listener.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "support.h"

using test::run_until;
using test::TempDir;

TEST_CASE("connections arrive with their peer") {
  io::Loop loop;
  const TempDir dir;
  std::vector<io::Descriptor> connections;
  pid_t pid = 0;
  const auto listener = io::Listener::open(
      loop, io::listen_on(dir / "s").value(),
      [&](io::Descriptor connection, io::Peer peer) {
        connections.push_back(std::move(connection));
        pid = peer.pid;
      },
      [](const base::Error&) {});
  REQUIRE(listener);
  const auto one = io::connect_to(dir / "s");
  const auto two = io::connect_to(dir / "s");
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE(run_until(loop, [&] { return connections.size() == 2; }));
  CHECK(pid == getpid());
}

TEST_CASE("without free descriptors a listener hangs up instead of spinning, and recovers") {
  io::Loop loop;
  const TempDir dir;
  std::vector<io::Descriptor> connections;
  std::vector<std::string> refused;
  const auto listener = io::Listener::open(
      loop, io::listen_on(dir / "s").value(),
      [&](io::Descriptor connection, io::Peer) { connections.push_back(std::move(connection)); },
      [&](const base::Error& why) { refused.push_back(why.what); },
      [&](const io::Descriptor& shed) { REQUIRE(io::send_all(shed.get(), "no room")); });
  REQUIRE(listener);
  const auto unlucky = io::connect_to(dir / "s");
  REQUIRE(unlucky);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int lowest_free = dup(0);
  close(lowest_free);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest_free);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const bool heard = run_until(loop, [&] { return !refused.empty(); });
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(heard);
  CHECK(refused.front() ==
        "cannot accept a connection: too many open files (limit " + std::to_string(lowest_free) + ")");
  CHECK(test::read_all(unlucky->get()) == "no room");
  CHECK(connections.empty());

  const auto lucky = io::connect_to(dir / "s");
  REQUIRE(lucky);
  CHECK(run_until(loop, [&] { return connections.size() == 1; }));
}
