#include "io/unix_socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "support.h"

using test::SocketPair;
using test::TempDir;

TEST_CASE("descriptors travel with the first byte and are closed on exec") {
  const SocketPair pair;
  auto pipe = io::make_pipe();
  REQUIRE(pipe);
  const std::array fds = {pipe->read_end.get(), pipe->write_end.get()};
  REQUIRE(io::send_all(pair.ours.get(), "hello", fds));

  std::array<char, 2> two{};
  auto first = io::receive_with_descriptors(pair.theirs.get(), two, io::Wait::yes);
  REQUIRE(first);
  CHECK(first->count == 2);
  REQUIRE(first->descriptors.size() == 2);
  CHECK((fcntl(first->descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(write(first->descriptors[1].get(), "x", 1) == 1);
  char c = 0;
  CHECK(read(pipe->read_end.get(), &c, 1) == 1);
  CHECK(c == 'x');

  std::array<char, 16> rest{};
  const auto second = io::receive_with_descriptors(pair.theirs.get(), rest, io::Wait::no);
  REQUIRE(second);
  CHECK(second->count == 3);
  CHECK(second->descriptors.empty());
  const auto third = io::receive_with_descriptors(pair.theirs.get(), rest, io::Wait::no);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == EAGAIN);
}

TEST_CASE("more descriptors than anybody needs are neither sent nor kept") {
  const SocketPair pair;
  const std::array<int, io::passed_descriptors_max + 1> many{};
  const auto refused = io::send_with_descriptors(pair.ours.get(), "x", many);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == EINVAL);
}

TEST_CASE("descriptors that find no place are an error, and none is leaked") {
  const SocketPair pair;
  auto pipe = io::make_pipe();
  REQUIRE(pipe);
  const std::array fds = {pipe->read_end.get(), pipe->write_end.get()};
  REQUIRE(io::send_all(pair.ours.get(), "x", fds));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const std::size_t open = test::open_descriptors();
  // Room for one of the two.
  const int lowest_free = dup(0);
  close(lowest_free);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  std::array<char, 4> into{};
  const auto got = io::receive_with_descriptors(pair.theirs.get(), into, io::Wait::yes);
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == EMFILE);
  CHECK(test::open_descriptors() == open);
}

TEST_CASE("a listener is closed to others, and its end is a refusal") {
  const TempDir dir;
  const std::string path = dir / "socket";
  const auto missing = io::connect_to(path);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ENOENT);

  auto listener = io::listen_on(path);
  REQUIRE(listener);
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_FALSE(io::listen_on(path));

  const auto connection = io::connect_to(path);
  REQUIRE(connection);
  CHECK((fcntl(connection->get(), F_GETFL) & O_NONBLOCK) == 0);
  const auto accepted = io::accept_connection(listener->get());
  REQUIRE(accepted);
  const auto peer = io::check_peer(accepted->get());
  REQUIRE(peer);
  CHECK(peer->pid == getpid());
  CHECK(peer->uid == getuid());

  listener->reset();
  const auto stale = io::connect_to(path);
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == ECONNREFUSED);
}

TEST_CASE("a path that does not fit an address is refused, not cut off") {
  const auto refused = io::connect_to('/' + std::string(io::socket_path_max, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ENAMETOOLONG);
}

TEST_CASE("another user is turned away") {
  if (getuid() != 0) return;
  const TempDir dir;
  const std::string path = dir / "socket";
  const auto listener = io::listen_on(path);
  REQUIRE(listener);
  REQUIRE(chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  auto gate = io::make_pipe();
  REQUIRE(gate);
  const pid_t stranger = fork();
  if (stranger == 0) {
    gate->write_end.reset();
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
    const auto connection = io::connect_to(path);
    // The other way round: it finds that the listener is not its own.
    const bool noticed = connection && !io::check_peer(connection->get());
    char c = 0;
    _exit(noticed && read(gate->read_end.get(), &c, 1) == 0 ? 0 : 1);
  }
  fcntl(listener->get(), F_SETFL, 0);
  const auto accepted = io::accept_connection(listener->get());
  REQUIRE(accepted);
  const auto refused = io::check_peer(accepted->get());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("belongs to uid 65534") != std::string::npos);
  gate->write_end.reset();
  int status = 0;
  REQUIRE(waitpid(stranger, &status, 0) == stranger);
  CHECK(status == 0);
}
